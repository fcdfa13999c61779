// Settings of a workspace.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { count } from '../format.js';
import { button, card, confirm, field, form, head, input, select, toast } from '../parts.js';

export const page = {
  title: 'Settings',
  load: async ({ slug }) => {
    const api = workspace(slug);
    const [space, servers, tokens, secrets] = await Promise.all([api.get(), api.servers.list(), api.tokens.list(), api.secrets.list()]);
    return { space: space.workspace ?? space, servers, tokens, secrets };
  },
  view: (context, { space, servers, tokens, secrets }) => {
    const api = workspace(context.slug);
    const active = tokens.filter((token) => token.status === 'active').length;
    return [
      head('Settings', `Of the workspace ${context.slug}.`),
      card('Name', form({
        submit: 'Save', send: async (given) => { await api.set({ name: given.name, description: given.description ?? '' }); toast('Saved'); await context.refresh(); },
      }, field('Name', input('name', { value: space.name, required: true, minlength: 2, maxlength: 80 }), `The slug ${context.slug} and the URL stay as they are.`),
      field('Description', input('description', { value: space.description ?? '', maxlength: 500 })))),
      card('Rules', form({
        submit: 'Save', send: async (given) => { await api.set({ read_only: given.read_only, strict_records: given.strict_records === 'on' }); toast('Saved'); await context.refresh(); },
      },
      field('Read-only tokens may call', select('read_only', [['annotated', 'tools known to be read-only'], ['all', 'every tool']], space.read_only), 'A tool is known to be read-only by its pinned annotation, or by what an administrator said of it.'),
      field('Records', select('strict_records', [['off', 'fast: a crash may lose the last 200 ms of records'], ['on', 'strict: a writing call is sent only once its record is on the disk']], space.strict_records ? 'on' : 'off')))),
      !context.who.workspace && card('Delete this workspace',
        h('p', null, `${count(servers.length, 'server')}, ${count(active, 'active token')} and ${count(secrets.length, 'secret')} go with it. Records of calls and the audit stay.`),
        h('div', { class: 'row' }, button('Delete the workspace', { danger: true, onclick: () => remove(context, servers, active, secrets) }))),
    ];
  },
};

async function remove(context, servers, active, secrets) {
  const done = await confirm({
    title: `Delete ${context.slug}?`, action: 'Delete workspace', typed: context.slug,
    text: [h('p', null, h('strong', null, 'This cannot be undone.')),
      h('ul', null, h('li', null, `${count(active, 'token')} stop${active === 1 ? 's' : ''} working at once`), h('li', null, `${count(servers.length, 'server')} and all tools go away for every client`), h('li', null, `${count(secrets.length, 'secret')} are shredded: not even a backup of the key brings them back here`))],
    act: () => workspace(context.slug).remove(),
  });
  if (done) { toast(`${context.slug} is deleted`); context.go('#/'); }
}
