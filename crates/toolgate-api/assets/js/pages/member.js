// What one member does, or a token that nobody holds: how much, with which tools, on which days, and the calls.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { chart } from '../chart.js';
import { card, empty, facts, head, linkButton, table } from '../parts.js';
import { group, ranges, tiles } from './analytics.js';
import { columns } from './calls.js';

const DAY = 24 * 3600e3;

export const page = {
  title: 'Activity',
  every: 15000,
  load: async ({ slug, name, query }) => {
    const [range, , length] = ranges.find(([known]) => known === query.get('since')) ?? ranges[1];
    const found = await workspace(slug).members.timeline(name, { from: new Date(Date.now() - length).toISOString(), limit: 50 });
    return { range, found };
  },
  view: (context, { range, found }) => {
    const at = `#/w/${context.slug}`;
    const isMember = found.id.startsWith('mem_');
    const mine = `${isMember ? 'member' : 'token'}=${encodeURIComponent(isMember ? found.label : found.id)}`;
    const pick = (name) => found.days.map((row) => row[name] ?? 0);
    const times = found.days.map((row) => Date.parse(row.key));
    return [
      h('nav', { class: 'crumbs', 'aria-label': 'Where you are' }, h('a', { href: `${at}/${isMember ? 'members' : 'tokens'}` }, isMember ? 'Members' : 'Tokens')),
      head(found.label, isMember ? 'What this member did, with every token of theirs.' : 'What was done with this token.',
        h('div', { class: 'joined', role: 'group', 'aria-label': 'Time' }, ranges.map(([known, text]) =>
          h('a', { class: 'button small', href: `${at}/members/${encodeURIComponent(context.name)}?since=${known}`, 'aria-current': known === range ? 'true' : null }, text)))),
      found.total.calls === 0
        ? empty('pulse', 'No calls in this time', 'Choose a longer time, or see whether the token works.', linkButton('Tokens', `${at}/tokens`))
        : [
          tiles(found.total),
          card('Calls a day', chart({ label: 'Calls a day', times, span: DAY, series: [{ name: 'Calls', values: pick('calls'), color: 1 }, { name: 'Failed', values: pick('errors'), color: 2 }] })),
          group(context, 'By tool', { rows: found.tools, more: 0 }, (row) => (row.key ? `calls?${mine}&tool=${encodeURIComponent(row.key.split('/').slice(1).join('/'))}&server=${encodeURIComponent(row.key.split('/')[0])}` : null)),
          card('The newest calls', table({ label: 'Calls', rows: [...found.calls].reverse(), key: (call) => call.id, columns: columns(context.slug) })),
        ],
      h('div', { class: 'row' }, linkButton('All of their calls', `${at}/calls?${mine}`), linkButton('Watch them live', `${at}/live?${mine}`)),
      found.tokens.length > 1 && facts([['Tokens', found.tokens.length]]),
    ];
  },
};
