// All workspaces of the installation, and making one.

import { h } from '../dom.js';
import { workspaces } from '../api.js';
import { count, number, time } from '../format.js';
import { button, dialog, empty, field, form, head, input, table } from '../parts.js';
import { paste } from './token-shown.js';

export const page = {
  title: 'Workspaces',
  every: 15000,
  load: () => workspaces.list(),
  view: (context, spaces) => [
    head('Workspaces', 'Each is a set of MCP servers behind one URL, with its own tokens and secrets.', button('New workspace', { primary: true, look: 'plus', onclick: () => create(context) })),
    spaces.length === 0
      ? empty('grid', 'No workspace yet', 'Make one, add a server to it, and give an editor its URL and a token.', button('New workspace', { primary: true, look: 'plus', onclick: () => create(context) }))
      : table({
        label: 'Workspaces', rows: spaces, key: (space) => space.slug,
        columns: [
          { title: 'Name', cell: (space) => [h('a', { href: `#/w/${space.slug}` }, space.name), space.description && h('span', { class: 'sub' }, space.description)] },
          { title: 'URL', cell: (space) => h('code', null, space.url ?? space.gateway_url) },
          { title: 'Servers', number: true, cell: (space) => number(space.servers ?? space.server_count) },
          { title: 'Tokens', number: true, cell: (space) => number(space.tokens) },
          { title: 'Made', cell: (space) => time(space.created_at) },
        ],
      }),
    h('p', { class: 'muted' }, count(spaces.length, 'workspace')),
  ],
};

/** Asks for a name, makes the workspace, and shows its first token. */
export async function create(context) {
  const made = await dialog('New workspace', (close) => {
    return form({
      submit: 'Create workspace', cancel: () => close(),
      send: async (given) => close(await workspaces.create({ name: given.name, description: given.description })),
    },
    field('Name', input('name', { required: true, minlength: 2, maxlength: 80, 'data-focus': true }), 'Its address is made from this and never changes.'),
    field('Description', input('description', { maxlength: 500 }), 'Optional, for people.'));
  });
  if (!made) return;
  if (made.token) {
    await dialog(`${made.name} is there`, (close) => [
      h('div', { class: 'stack' }, paste(made.slug, made.url ?? made.gateway_url, made.token, 'Its first token is an Admin one: it may call every tool and manage this workspace.'),
        h('div', { class: 'row end' }, button('Go to the workspace', { primary: true, onclick: () => close() })))], { wide: true, lasting: true });
  }
  context.go(`#/w/${made.slug}`);
}
