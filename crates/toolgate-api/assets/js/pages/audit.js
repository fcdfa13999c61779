// What administrators did, from a chain that shows when it was tampered with.

import { h } from '../dom.js';
import { installation, workspace } from '../api.js';
import { time } from '../format.js';
import { empty, head, input, select, table } from '../parts.js';

const ACTIONS = [['', 'any'], ...['workspace', 'server', 'tool', 'tools', 'token', 'secret', 'member', 'operator', 'session', 'key', 'setting', 'backup', 'clock'].map((noun) => [noun, noun])];
const SINCE = [['86400', '1 day'], ['604800', '7 days'], ['2592000', '30 days'], ['31536000', 'a year']];

const view = (everywhere) => (context, rows) => [
  head(everywhere ? 'Audit of the installation' : 'Audit', h('span', null, 'Who changed what. Each row is chained to the one before; ', h('code', null, 'toolgatectl audit verify'), ' proves that none is missing.')),
  h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter the audit', onsubmit: (event) => { event.preventDefault(); narrow(event.currentTarget); }, onchange: (event) => narrow(event.currentTarget) },
    h('label', null, 'In', select('since', SINCE, context.query.get('since') ?? '2592000')),
    h('label', null, 'About', select('action', ACTIONS, context.query.get('action') ?? '')),
    h('label', null, 'By', input('actor', { value: context.query.get('actor') ?? '', placeholder: 'anybody' }))),
  rows.length === 0
    ? empty('shield', 'No row matches', 'Every change shows here: tokens, secrets, servers, tools, settings.')
    : table({
      label: 'Audit', rows, key: (row) => String(row.sequence),
      columns: [
        { title: 'No.', number: true, plain: true, cell: (row) => row.sequence },
        { title: 'When', cell: (row) => time(row.time) },
        { title: 'Who', cell: (row) => row.actor },
        { title: 'What', cell: (row) => h('code', null, row.action) },
        everywhere && { title: 'Where', cell: (row) => row.workspace ?? '–' },
        { title: 'Of', cell: (row) => [row.detail || h('span', { class: 'mono' }, row.object), row.detail && h('span', { class: 'sub mono' }, row.object)] },
      ].filter(Boolean),
    }),
];

function narrow(form) {
  const given = [...form.elements].filter((control) => control.name && control.value.trim()).map((control) => [control.name, control.value.trim()]);
  location.hash = `${location.hash.slice(1).split('?')[0]}?${new URLSearchParams(given)}`;
}

const asked = (query) => ({ since: query.get('since') ?? '2592000', action: query.get('action'), actor: query.get('actor'), limit: 300 });
const newest = (rows) => [...rows].sort((one, other) => other.sequence - one.sequence);

export const page = { title: 'Audit', every: 10000, load: async ({ slug, query }) => newest(await workspace(slug).audit(asked(query))), view: view(false) };
export const everywhere = { title: 'Audit', every: 10000, load: async ({ query }) => newest(await installation.audit(asked(query))), view: view(true) };
