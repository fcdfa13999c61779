// The servers of a workspace.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { count, millis, number } from '../format.js';
import { badge, button, dialog, empty, failure, field, form, head, hinted, input, notice, select, table, tick, toast } from '../parts.js';
import { recent } from './recent.js';
import { place, probeSaid, standing, standingBadge } from './server-parts.js';

export const page = {
  title: 'Servers',
  every: 5000,
  load: async ({ slug }) => {
    const api = workspace(slug);
    const [servers, calls] = await Promise.all([api.servers.list(), recent(api)]);
    return { servers, calls };
  },
  view: (context, { servers, calls }) => {
    const add = () => addServer(context);
    const of = (server) => calls.of(server.server);
    return [
      head('Servers', 'Where the tools of this workspace come from.',
        servers.length > 0 && button('Test all', { look: 'play', onclick: () => testAll(context) }),
        button('Add a server', { primary: true, look: 'plus', onclick: add })),
      servers.length === 0
        ? empty('server', 'No server yet', 'Add an MCP server by its URL. Its tools show in every client at once.', button('Add a server', { primary: true, look: 'plus', onclick: add }))
        : table({
          label: 'Servers', rows: servers, key: (server) => server.id, mark: (server) => !server.enabled && 'off',
          columns: [
            { title: 'Name', cell: (server) => [h('a', { href: `#/w/${context.slug}/servers/${server.server}` }, server.server), place(server)] },
            { title: 'State', cell: (server) => { const { why } = standing(server); return [standingBadge(server), why && h('span', { class: 'sub' }, why)]; } },
            { title: 'Tools', number: true, cell: (server) => number(server.tools) },
            { title: 'Calls, 24 h', number: true, cell: (server) => number(of(server).calls) },
            { title: 'Median', number: true, cell: (server) => millis(of(server).p50_ms) },
            { title: 'Last error', class: 'nowrap', cell: (server) => of(server).lastError ?? h('span', { class: 'muted' }, 'none') },
            {
              title: '', cell: (server) => h('div', { class: 'row' },
                button('Test', { small: true, 'aria-label': `Test ${server.server}`, onclick: (event) => testServer(context, server.server, event.currentTarget) })),
            },
          ],
        }),
    ];
  },
};

async function addServer(context) {
  const api = workspace(context.slug);
  const added = await dialog('Add a server', (close) => {
    const auth = select('auth', [['none', 'Nothing'], ['bearer', 'A bearer token'], ['header', 'A header of its own']], 'none');
    const more = h('div', { class: 'stack' });
    auth.onchange = () => {
      more.replaceChildren(...{
        none: [],
        bearer: [field('Name of the secret', input('secret', { required: true, class: 'mono', placeholder: 'GITHUB_TOKEN' }), 'Its value is asked for next.')],
        header: [h('div', { class: 'two' }, field('Header', input('header', { required: true, class: 'mono', placeholder: 'X-Api-Key' })), field('Name of the secret', input('secret', { required: true, class: 'mono', placeholder: 'API_KEY' })))],
      }[auth.value]);
    };
    return form({
      submit: 'Add server', cancel: () => close(),
      send: async (given) => close(await api.servers.add({
        server: given.server, url: given.url,
        bearer: given.auth === 'bearer' ? given.secret : undefined,
        headers: given.auth === 'header' ? [`${given.header}: {${given.secret}}`] : undefined,
        baseline: given.review ? 'review' : undefined,
      })),
    },
    h('p', { class: 'muted' }, 'Servers that are started as a command are added on the host: ', h('code', null, 'toolgatectl mcp add NAME -- COMMAND'), '.'),
    field('URL', input('url', { type: 'url', required: true, 'data-focus': true, class: 'mono', placeholder: 'https://api.example.com/mcp' })),
    field('Name', input('server', { required: true, maxlength: 24, class: 'mono', placeholder: 'github', pattern: '[a-z]([a-z0-9\\-]{0,22}[a-z0-9])?' }), 'Goes in front of each tool’s name: github__create_issue.'),
    field('It wants to see', auth), more,
    tick('review', 'Hold every tool until I have approved it', false));
  });
  if (!added) return;
  await context.refresh();
  await dialog(`${added.server} is added`, (close) => h('div', { class: 'stack' },
    probeSaid(added.probe),
    added.probe.state === 'ok' && added.probe.tools.length > 0 && h('ul', { class: 'stack bare' }, added.probe.tools.slice(0, 12).map((tool) =>
      h('li', null, h('code', null, tool.exposed ?? tool.name), ' ', badge('plain', tool.classification), ' ', tool.held && badge('warn', 'held', tool.held)))),
    added.findings?.length > 0 && notice('warn', h('strong', null, 'Look at this: '), added.findings.map((finding) => h('p', null, `${finding.tool}: ${finding.meaning} (${finding.place})`))),
    h('div', { class: 'row end' },
      added.missing_secrets.length > 0
        ? h('a', { class: 'button primary', href: `#/w/${context.slug}/secrets`, onclick: () => close() }, `Set ${added.missing_secrets[0]}`)
        : h('a', { class: 'button primary', href: `#/w/${context.slug}/servers/${added.server}`, onclick: () => close() }, 'Look at it'))));
}

/** Has the gateway contact a server now and says what it found. */
export async function testServer(context, name, pressed) {
  pressed?.setAttribute('aria-busy', 'true');
  if (pressed) pressed.disabled = true;
  let found;
  try {
    found = await workspace(context.slug).servers.test(name);
  } catch (error) {
    found = error;
  } finally {
    if (pressed) { pressed.disabled = false; pressed.removeAttribute('aria-busy'); }
  }
  await context.refresh();
  await dialog(`Test of ${name}`, (close) => h('div', { class: 'stack' },
    found instanceof Error ? failure(found) : found.ok
      ? notice('good', h('strong', null, 'It answered. '), `It speaks ${found.revision} and has ${count(found.tools, 'tool')}.`)
      : notice('bad', h('strong', null, hinted(found.error ?? 'It did not answer')), found.hint && h('p', null, hinted(found.hint))),
    h('div', { class: 'row end' }, button('Close', { primary: true, onclick: () => close() }))));
}

async function testAll(context) {
  await dialog('Test of all servers', (close) => {
    const body = h('div', { class: 'stack', 'aria-live': 'polite' }, h('p', { class: 'muted' }, 'Asking every enabled server for its tools…'));
    workspace(context.slug).test().then((tested) => body.replaceChildren(
      notice(tested.ok ? 'good' : 'bad', h('strong', null, tested.ok ? 'All servers answered.' : 'Not every server answered.')),
      table({
        label: 'Test', rows: tested.servers, columns: [
          { title: 'Server', cell: (server) => server.server },
          { title: 'State', cell: (server) => badge(server.ok ? 'good' : 'bad', server.ok ? 'answered' : 'failed') },
          { title: 'Tools', number: true, cell: (server) => number(server.tools) },
          { title: 'What it said', cell: (server) => [server.error ?? server.revision, server.hint && h('span', { class: 'sub' }, hinted(server.hint))] },
        ],
      })), (error) => body.replaceChildren(failure(error)));
    return [body, h('div', { class: 'row end' }, button('Close', { onclick: () => close() }))];
  }, { wide: true });
  await context.refresh();
}
