// One workspace at a glance: what it does, what needs somebody, and what to do first.

import { h, icon } from '../dom.js';
import { workspace, ifThere } from '../api.js';
import { chart } from '../chart.js';
import { count, millis, number, percent, time } from '../format.js';
import { button, card, copyable, facts, head, linkButton, notice, table } from '../parts.js';
import { columns } from './calls.js';
import { recent } from './recent.js';
import { standing, standingBadge } from './server-parts.js';

const HOUR = 3600e3;

export const page = {
  title: 'Overview',
  every: 5000,
  load: async ({ slug }) => {
    const api = workspace(slug);
    const [space, servers, tokens, calls, reviews] = await Promise.all([
      api.get(), api.servers.list(), api.tokens.list(), recent(api), ifThere(api.reviews.list())]);
    return { space: space.workspace ?? space, servers, tokens, calls, waiting: (reviews?.reviews?.length ?? 0) + (reviews?.servers?.length ?? 0) };
  },
  view: (context, { space, servers, tokens, calls, waiting }) => {
    const at = (to) => `#/w/${context.slug}/${to}`;
    const list = calls.calls;
    const { total } = calls;
    const active = tokens.filter((token) => token.status === 'active');
    const ill = servers.filter((server) => ['bad'].includes(standing(server).kind));
    const url = space.url ?? space.gateway_url;
    const begun = servers.length > 0 && active.length > 0 && list.length > 0;
    return [
      head(space.name ?? context.slug, space.description),
      ill.map((server) => notice('bad', h('strong', null, `${server.server}: ${standing(server).word}. `), standing(server).why, ' ',
        h('a', { href: at(standing(server).todo === 'secrets' ? 'secrets' : standing(server).todo === 'reviews' ? 'reviews' : `servers/${server.server}`) }, 'Mend it'))),
      waiting > 0 && notice('warn', h('strong', null, `${count(waiting, 'change')} wait${waiting === 1 ? 's' : ''} for a review. `), h('a', { href: at('reviews') }, 'Look at what changed')),
      !begun && card('First steps', h('ul', { class: 'steps' },
        step(servers.length > 0, 'Add a server, where the tools come from', at('servers'), 'Add a server'),
        step(active.length > 0, 'Create a token for an editor or a program', at('tokens'), 'Create a token'),
        step(list.length > 0, 'Call a tool; the call shows here at once', at('live'), 'Watch live')),
      ),
      h('div', { class: 'tiles' },
        tile('Calls, 24 h', number(total.calls), at('calls')),
        tile('Success', total.success_rate === null ? '–' : percent(total.success_rate * 1e4, 1e4), at('calls?status=failed'), total.success_rate !== null && total.success_rate < 0.95 ? 'bad' : ''),
        tile('95th percentile', millis(total.p95_ms), at('analytics')),
        tile('Servers ready', `${servers.filter((server) => standing(server).kind === 'good').length} / ${servers.length}`, at('servers'), ill.length ? 'bad' : ''),
        tile('Active tokens', number(active.length), at('tokens'))),
      card('Calls in the last 24 hours', hours(calls.hours)),
      h('div', { class: 'grid' },
        card('Servers', servers.length
          ? table({ label: 'Servers', rows: servers, key: (server) => server.id, columns: [
            { title: 'Name', cell: (server) => h('a', { href: at(`servers/${server.server}`) }, server.server) },
            { title: 'State', cell: standingBadge },
            { title: 'Tools', number: true, cell: (server) => number(server.tools) },
            { title: 'Calls', number: true, cell: (server) => number(calls.of(server.server).calls) }] })
          : h('p', { class: 'muted' }, 'None yet.')),
        card('Where clients connect', h('p', { class: 'muted' }, 'With a token of this workspace as bearer token.'), copyable(url, 'the URL'),
          facts([['Slug', h('code', null, context.slug)], ['Made', time(space.created_at)]]))),
      list.length > 0 && card(h('span', { class: 'row' }, 'Latest calls', h('a', { href: at('calls') }, 'All')),
        table({ label: 'Latest calls', rows: list.slice(0, 8), key: (call) => call.id, columns: columns(context.slug) })),
    ];
  },
};

function step(done, text, href, action) {
  return h('li', { class: done && 'done' }, done ? icon('check') : h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', { class: 'grow' }, text, done && h('span', { class: 'unseen' }, ' (done)')), !done && linkButton(action, href, { small: true }));
}

function tile(name, value, href, kind) {
  return h('a', { class: 'tile', href }, h('span', null, name), h('strong', { class: kind }, value));
}

/** Calls an hour, with those that failed in front. */
function hours(rows) {
  return chart({
    label: 'Calls an hour', times: rows.map((row) => Date.parse(row.key)), span: HOUR, height: 170,
    series: [{ name: 'Calls', values: rows.map((row) => row.calls), color: 1 }, { name: 'Failed', values: rows.map((row) => row.errors), color: 2 }],
  });
}
