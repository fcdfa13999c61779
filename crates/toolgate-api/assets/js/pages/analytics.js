// What the calls of days and weeks come to: how many, how they ended, how long they took, of which tool, by whom.

import { h } from '../dom.js';
import { ifThere, workspace } from '../api.js';
import { bar, chart } from '../chart.js';
import { bytes, count, millis, number, percent } from '../format.js';
import { card, empty, head, linkButton, notice, table } from '../parts.js';
import { notAvailable } from './members.js';

const HOUR = 3600e3;
export const ranges = [['24h', '24 hours', 24 * HOUR], ['7d', '7 days', 7 * 24 * HOUR], ['30d', '30 days', 30 * 24 * HOUR], ['90d', '90 days', 90 * 24 * HOUR]];

export const page = {
  title: 'Analytics',
  every: 15000,
  load: async ({ slug, query }) => {
    const [range, , length] = ranges.find(([name]) => name === query.get('since')) ?? ranges[0];
    const by = length > 3 * 24 * HOUR ? 'day' : 'hour';
    const asked = { from: new Date(Date.now() - length).toISOString(), to: new Date().toISOString() };
    const api = workspace(slug);
    const one = (group_by) => api.analytics({ ...asked, group_by, limit: by === group_by ? undefined : 12 });
    const time = await ifThere(one(by));
    if (!time) return { range };
    const [tool, member, server] = await Promise.all(['tool', 'member', 'server'].map(one));
    return { range, by, time, tool, member, server };
  },
  view: (context, found) => {
    const choose = h('div', { class: 'joined', role: 'group', 'aria-label': 'Time' }, ranges.map(([name, text]) =>
      h('a', { class: 'button small', href: `#/w/${context.slug}/analytics?since=${name}`, 'aria-current': name === found.range ? 'true' : null }, text)));
    if (!found.time) return [head('Analytics'), notAvailable('Analytics')];
    const { total, rows } = found.time;
    const times = rows.map((row) => Date.parse(row.key));
    const span = found.by === 'day' ? 24 * HOUR : HOUR;
    const pick = (name) => rows.map((row) => row[name] ?? null);
    const each = found.by === 'day' ? 'a day' : 'an hour';
    return [
      head('Analytics', 'Counted from the records of calls; hours outlive the calls themselves.', choose),
      total.calls === 0
        ? empty('chart', 'No calls in this time', 'Choose a longer time, or call a tool first.', linkButton('Watch live', `#/w/${context.slug}/live`))
        : [
          tiles(total),
          total.rate_limited > 0 && notice('warn', h('strong', null, `${count(total.rate_limited, 'call')} over the rate limit. `), h('a', { href: `#/w/${context.slug}/calls?status=rate_limited&since=604800` }, 'By whom')),
          h('div', { class: 'grid' },
            card(`Calls ${each}`, chart({ label: `Calls ${each}`, times, span, series: [{ name: 'Calls', values: pick('calls'), color: 1 }] })),
            card(`Errors ${each}`, chart({ label: `Errors ${each}`, times, span, stacked: true, series: [{ name: 'Failed', values: pick('errors'), color: 2 }, { name: 'Turned away', values: pick('refused'), color: 3 }] }))),
          card('How long calls took', chart({
            label: 'Latency', times, span, kind: 'lines', height: 210, say: millis,
            series: [{ name: '99th percentile', values: pick('p99_ms'), color: 4 }, { name: '95th', values: pick('p95_ms'), color: 3 }, { name: 'Median', values: pick('p50_ms'), color: 1 }],
          })),
          group(context, 'By tool', found.tool, (row) => (row.key ? `calls?tool=${encodeURIComponent(row.key.split('/').slice(1).join('/'))}&server=${encodeURIComponent(row.key.split('/')[0])}` : null)),
          h('div', { class: 'grid' },
            group(context, 'By server', found.server, (row) => (row.key ? `servers/${row.key}` : null)),
            group(context, 'By member', found.member, (row) => (row.key ? `members/${encodeURIComponent(row.key)}` : null))),
        ],
    ];
  },
};

/** What calls come to, at a glance. */
export function tiles(total) {
  return h('div', { class: 'tiles' },
    tile('Calls', number(total.calls)),
    tile('Success', total.success_rate === null ? '–' : percent(total.success_rate * 1e4, 1e4), total.success_rate !== null && total.success_rate < 0.95 ? 'bad' : ''),
    tile('Turned away', number(total.refused), total.refused ? 'warn' : ''),
    tile('Median', millis(total.p50_ms)), tile('95th percentile', millis(total.p95_ms)), tile('99th percentile', millis(total.p99_ms)),
    tile('Sent back', bytes(total.bytes_out)));
}

function tile(name, value, kind) {
  return h('div', { class: 'tile' }, h('span', null, name), h('strong', { class: kind }, value));
}

/** Calls in groups, the largest first. */
export function group(context, title, { rows, more }, link) {
  const most = Math.max(0, ...rows.map((row) => row.calls));
  return card(title, table({
    label: title, rows, key: (row) => row.key ?? '-',
    columns: [
      { title: title.slice(3).replace(/^./, (first) => first.toUpperCase()), cell: (row) => { const to = link(row); const name = row.label || 'unknown'; return to ? h('a', { href: `#/w/${context.slug}/${to}` }, name) : name; } },
      { title: '', says: 'Share', cell: (row) => bar(row.calls, most) },
      { title: 'Calls', number: true, cell: (row) => number(row.calls) },
      { title: 'Failed', number: true, cell: (row) => percent(row.errors, row.calls) },
      { title: 'Median', number: true, cell: (row) => millis(row.p50_ms) },
      { title: '95th', number: true, cell: (row) => millis(row.p95_ms) },
    ],
  }), more > 0 && h('p', { class: 'muted' }, `and ${number(more)} more`));
}
