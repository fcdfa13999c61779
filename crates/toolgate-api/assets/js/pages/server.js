// One server: how it stands, what it offers, what it is given, what it wrote.

import { h, replace } from '../dom.js';
import { ApiError, workspace } from '../api.js';
import { count, millis, number, percent, time } from '../format.js';
import { badge, button, card, confirm, dialog, empty, facts, failure, head, linkButton, notice, sentence, table, toast } from '../parts.js';
import { columns } from './calls.js';
import { recent } from './recent.js';
import { setSecret } from './secrets.js';
import { place, standing, standingBadge } from './server-parts.js';
import { testServer } from './servers.js';
import { toolTable } from './tools.js';

export const page = {
  title: 'Server',
  every: 5000,
  load: async ({ slug, name }) => {
    const api = workspace(slug);
    const [servers, tools, secrets, calls] = await Promise.all([api.servers.list(), api.tools.list(name), api.secrets.list(), recent(api)]);
    const server = servers.find((one) => one.server === name);
    if (!server) throw new ApiError(404, { code: 'not_found', message: `there is no server ${name} here`, hint: 'it may have been removed' });
    return { server, servers, tools: tools.filter((tool) => tool.server === name), secrets, calls: calls.of(name) };
  },
  view: (context, { server, servers, tools, secrets, calls }) => {
    const { kind, why, todo } = standing(server);
    const api = workspace(context.slug);
    const capabilities = server.capabilities ? Object.keys(server.capabilities) : null;
    return [
      h('nav', { class: 'crumbs', 'aria-label': 'Where you are' }, h('a', { href: `#/w/${context.slug}/servers` }, 'Servers')),
      head(h('span', { class: 'row' }, server.server, standingBadge(server)), null,
        button('Test', { primary: true, look: 'play', onclick: (event) => testServer(context, server.server, event.currentTarget) }),
        button('Is it slow?', { look: 'chart', onclick: () => explain(context, server.server) }),
        button(server.enabled ? 'Switch off' : 'Switch on', { onclick: () => change(context, () => api.servers.set(server.server, { enabled: !server.enabled })) }),
        button('Remove', { danger: true, onclick: () => remove(context, server) })),
      why && notice(kind, why, ' ', todo === 'reviews' && h('a', { href: `#/w/${context.slug}/reviews` }, 'Review'),
        todo === 'secrets' && server.missing_secrets.map((name) => button(`Set ${name}`, { small: true, onclick: () => setSecret(context, servers, { name, server: server.server }) }))),
      h('div', { class: 'tiles' },
        h('div', { class: 'tile' }, h('span', null, 'Calls, 24 h'), h('strong', null, number(calls.calls))),
        h('div', { class: 'tile' }, h('span', null, 'Failed'), h('strong', { class: calls.errors ? 'bad' : '' }, number(calls.errors))),
        h('div', { class: 'tile' }, h('span', null, 'Median'), h('strong', null, millis(calls.p50_ms))),
        h('div', { class: 'tile' }, h('span', null, 'Tools'), h('strong', null, number(server.tools)))),
      card('Tools', tools.length ? toolTable(context, tools) : h('p', { class: 'muted' }, 'None is known. Test the server to ask for them.')),
      h('div', { class: 'grid' },
        card('How it is reached', facts([
          [server.transport === 'stdio' ? 'Command' : 'URL', place(server)], ['Transport', server.transport], ['Speaks', server.revision ?? 'never reached'],
          capabilities && ['Capabilities', capabilities.join(', ') || 'none'],
          ['Time limit', millis(server.timeout_ms)], ['Shared by', { auto: 'as the server allows', shared: 'all clients', principal: 'clients of one token', session: 'nobody: one each' }[server.isolation] ?? server.isolation],
          ['When its tools change', server.changes === 'accept' ? 'taken as they come' : 'held for a review'],
          calls.lastError && ['Last error', h('span', null, calls.lastError, ' ', time(calls.lastErrorAt))]])),
        card('Secrets it is given', server.secrets.length
          ? table({ label: 'Secrets', rows: server.secrets.map((name) => ({ name, set: secrets.find((secret) => secret.name === name && (secret.server === server.server || secret.server === null)) })), key: (row) => row.name, columns: [
            { title: 'Name', cell: (row) => h('code', null, row.name) },
            { title: 'Value', cell: (row) => (row.set ? h('span', null, badge('good', 'set'), h('span', { class: 'sub' }, time(row.set.created_at))) : badge('bad', 'missing')) },
            { title: '', cell: (row) => h('div', { class: 'row' }, button(row.set ? 'New value' : 'Set', { small: true, 'aria-label': `${row.set ? 'New value for' : 'Set'} ${row.name}`, onclick: () => setSecret(context, servers, { name: row.name, server: row.set ? row.set.server : server.server }, Boolean(row.set)) })) }] })
          : h('p', { class: 'muted' }, 'None.'))),
      server.transport === 'stdio' && card('What it wrote', h('p', { class: 'muted' }, 'The last lines of standard error, without its secrets.'), logs(context, server)),
      calls.list.length > 0 && card('Latest calls', table({ label: 'Latest calls', rows: calls.list.slice(0, 8), key: (call) => call.id, columns: columns(context.slug) })),
    ];
  },
};

function logs(context, server) {
  const shown = h('pre', { class: 'log', tabindex: '0', 'data-owned': `log ${server.id}` }, 'Not loaded.');
  return h('div', { class: 'stack' }, h('div', { class: 'row' }, button('Show', {
    small: true, onclick: async (event) => {
      const target = event.currentTarget.closest('.stack').querySelector('pre');
      try {
        const lines = await workspace(context.slug).servers.logs(server.server);
        replace(target, lines.length ? lines.map((line) => `${line.time}  ${line.text}\n`) : 'It wrote nothing.');
      } catch (error) {
        replace(target, error.message);
      }
    },
  })), shown);
}

async function change(context, act) {
  try { await act(); } catch (error) { toast(`${error.message}${error.hint ? `; ${error.hint}` : ''}`, 'bad'); }
  await context.refresh();
}

async function remove(context, server) {
  const done = await confirm({
    title: `Remove ${server.server}?`, action: 'Remove server', typed: server.server,
    text: [h('p', null, `${count(server.tools, 'tool')} go${server.tools === 1 ? 'es' : ''} away for every client at once, with the pins and what was said of them.`),
      h('p', null, 'Secrets that belong to this server alone are deleted. Records of its calls stay.')],
    act: () => workspace(context.slug).servers.remove(server.server),
  });
  if (done) { toast(`${server.server} is removed`); context.go(`#/w/${context.slug}/servers`); }
}

/** This week beside the week before: what stands out, and which tools added time. */
async function explain(context, name) {
  try {
    const found = await workspace(context.slug).servers.slow(name);
    const week = (one) => [number(one.calls), percent(one.errors, one.calls), millis(one.p50_ms), millis(one.p95_ms)].map((text) => h('td', { class: 'number' }, text));
    const row = (title, one) => h('tr', null, h('th', { scope: 'row' }, title), week(one));
    await dialog(`Is ${name} slow?`, () => h('div', { class: 'stack' },
      notice('plain', found.reasons.map((reason) => h('p', null, sentence(reason)))),
      h('div', { class: 'scroll' }, h('table', null,
        h('thead', null, h('tr', null, ['', 'Calls', 'Failed', 'Median', '95th'].map((title) => h('th', { scope: 'col', class: title && 'number' }, title || h('span', { class: 'unseen' }, 'When or what'))))),
        h('tbody', null, row('This week', found.this_week), row('The week before', found.week_before), found.tools.slice(0, 8).map((tool) => row(h('code', null, tool.tool), tool.this_week)))))), { wide: true });
  } catch (error) {
    toast(error.message, 'bad');
  }
}
