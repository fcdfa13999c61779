// Calls: what was called, by whom, and how it went. Never arguments or results, which nobody keeps.

import { h, icon } from '../dom.js';
import { ifThere, workspace } from '../api.js';
import { bytes, exact, millis, number, percent, time } from '../format.js';
import { badge, button, card, copyable, dialog, empty, facts, field, head, hinted, input, linkButton, notice, select, sentence, table, toast } from '../parts.js';
import { status } from './recent.js';

const STATUSES = [['', 'any'], ['failed', 'failed'], ['ok', 'ok'], ['tool_error', 'tool error'], ['rpc_error', 'error'], ['refused', 'refused'], ['rate_limited', 'rate limited'], ['cancelled', 'cancelled'], ['revoked', 'revoked'], ['timed_out', 'timed out'], ['unreachable', 'unreachable'], ['overloaded', 'overloaded'], ['internal', 'internal'], ['asked', 'asked'], ['begun', 'running']];
const SPAN = 'span';
const SINCE = [['3600', 'the last hour'], ['86400', '24 hours'], ['604800', '7 days'], ['2592000', '30 days'], ['all', 'all that are kept'], [SPAN, 'from … to …']];
const FORMATS = [['csv', 'CSV, for spreadsheets'], ['jsonl', 'JSON Lines, one object a line'], ['parquet', 'Parquet, for DuckDB, pandas and their like']];
const NARROW = ['status', 'server', 'tool', 'token', 'member'];
const FILTERS = ['since', 'from', 'to', ...NARROW];

/** What each status means, and what to do about it. */
const MEANING = {
  ok: 'The tool answered.',
  tool_error: 'The tool answered that it failed. What it said went to the client; look there, or try it with other arguments.',
  rpc_error: 'The server answered with a protocol error, such as for arguments that it does not take.',
  refused: 'The gateway did not let it through: no such tool, a tool that is held, or one that this token may not use.',
  rate_limited: 'The token made more requests in a minute than it may. Give it a higher limit, or use several tokens.',
  cancelled: 'The client took it back, or went away.',
  revoked: 'The token was revoked or changed while the call ran; its result was not delivered.',
  timed_out: 'The server did not answer in time. Test it; if it needs longer, raise its time limit.',
  unreachable: 'The server could not be reached. Test it: the test says why.',
  overloaded: 'It was not tried: its server failed before and is left alone for a while, or too many calls were waiting.',
  internal: 'The gateway failed. Its log says more.',
  asked: 'The server asked something first; the call went on in another request.',
  begun: 'It was about to be sent; how it ended is not known.',
};

export const page = {
  title: 'Calls',
  every: 5000,
  load: async ({ slug, query }) => {
    const api = workspace(slug);
    const asked = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) || undefined]));
    asked.since ??= '86400';
    const cursor = query.get('cursor') || undefined;
    const [calls, choices] = await Promise.all([api.calls.list({ ...meant(asked), cursor }), choose(api)]);
    return { calls, choices, asked, cursor };
  },
  view: (context, { calls, choices, asked, cursor }) => [
    head('Calls', 'Who called which tool, how long it took, how it ended. Arguments and results are not kept.',
      button('Export', { look: 'save', onclick: () => save(context, asked) }),
      linkButton('Watch live', `#/w/${context.slug}/live`, { look: 'pulse' })),
    filters(context, 'calls',
      h('label', null, 'In', select('since', SINCE, asked.since)),
      asked.since === SPAN && [
        h('label', null, 'From', input('from', { type: 'datetime-local', value: asked.from ?? '' })),
        h('label', null, 'To', input('to', { type: 'datetime-local', value: asked.to ?? '' }))],
      narrowing(asked, choices, calls),
      NARROW.some((name) => asked[name]) && linkButton('Clear', `#/w/${context.slug}/calls`)),
    calls.length === 0
      ? empty('list', 'No call matches', NARROW.some((name) => asked[name]) ? 'Widen the filters to see more.' : 'Use a token in an editor, or with curl, and the call shows here at once.', linkButton('Tokens', `#/w/${context.slug}/tokens`))
      : table({ label: 'Calls', rows: calls, key: (call) => call.id, columns: columns(context.slug) }),
    (cursor || calls.next) && h('div', { class: 'row' },
      cursor && linkButton('Newest calls', here(context, 'calls', asked)),
      calls.next && linkButton('Older calls', here(context, 'calls', { ...asked, cursor: calls.next }))),
  ],
};

/** What can be chosen in filters. */
export async function choose(api) {
  const [servers, tokens, members] = await Promise.all([api.servers.list(), api.tokens.list(), ifThere(api.members.list())]);
  return { servers, tokens, members: (members ?? []).filter((member) => member.status === 'active') };
}

/** The filters that lists of calls have in common. */
export function narrowing(asked, { servers, tokens, members }, calls) {
  const tools = [...new Set(calls.map((call) => call.tool).filter(Boolean))].sort();
  const known = (list, value) => (!value || list.some(([one]) => one === value) ? list : [...list, [value, value]]);
  return [
    h('label', null, 'Status', select('status', STATUSES, asked.status ?? '')),
    h('label', null, 'Server', select('server', known([['', 'any'], ...servers.map((server) => [server.server, server.server])], asked.server), asked.server ?? '')),
    h('label', null, 'Tool', input('tool', { value: asked.tool ?? '', placeholder: 'any', list: 'tools-called' })),
    h('datalist', { id: 'tools-called' }, tools.map((tool) => h('option', { value: tool }))),
    h('label', null, 'Token', select('token', known([['', 'any'], ...tokens.map((token) => [token.id, `${token.name}${token.status === 'active' ? '' : ` (${token.status})`}`])], asked.token), asked.token ?? '')),
    (members.length > 0 || asked.member) && h('label', null, 'Member', select('member', known([['', 'any'], ...members.map((member) => [member.email, member.email])], asked.member), asked.member ?? '')),
  ];
}

/** A form whose every change leads to the page that it asks for. */
export function filters(context, section, ...children) {
  const go = (form) => {
    const asked = Object.fromEntries([...form.elements].filter((control) => control.name).map((control) => [control.name, control.value.trim()]));
    location.hash = here(context, section, asked).slice(1);
  };
  return h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter calls', onsubmit: (event) => { event.preventDefault(); go(event.currentTarget); }, onchange: (event) => go(event.currentTarget) }, children);
}

function here(context, section, asked) {
  const given = Object.entries(asked).filter(([, value]) => value);
  return `#/w/${context.slug}/${section}${given.length ? `?${new URLSearchParams(given)}` : ''}`;
}

/** The filters in the words of the API, where moments are those of no zone. */
function meant({ since, from, to, ...narrow }) {
  const moment = (local) => (local ? new Date(local).toISOString() : undefined);
  if (since === SPAN) return { ...narrow, from: moment(from), to: moment(to) };
  return { ...narrow, since: since === 'all' ? undefined : since };
}

/** Offers the calls that match as a file. */
function save(context, asked) {
  const { calls } = workspace(context.slug);
  return dialog('Export calls', (close) => {
    const link = h('a', { class: 'button primary', download: '', onclick: () => { toast('The file is on its way'); close(); } }, icon('save'), 'Download');
    const format = select('format', FORMATS, 'csv', { onchange: () => point() });
    const point = () => { link.href = calls.file({ ...meant(asked), format: format.value }); };
    point();
    return h('div', { class: 'stack' },
      h('p', null, NARROW.some((name) => asked[name]) ? 'Every call that the filters let through' : 'Every call of the time that is chosen', ', the oldest first: who called which tool, when, how long it took and how it ended.'),
      field('Format', format, 'In CSV, text that a spreadsheet would take for a formula begins with a quotation mark.'),
      h('div', { class: 'row end' }, button('Cancel', { onclick: () => close() }), link));
  });
}

/** The columns of every list of calls. */
export function columns(slug) {
  return [
    { title: 'When', cell: (call) => h('a', { href: `#/w/${slug}/calls/${call.id}` }, time(call.time), h('span', { class: 'unseen' }, `, call of ${call.tool ?? 'an unknown tool'}`)) },
    { title: 'Tool', cell: (call) => [h('code', null, call.tool ?? h('span', { class: 'muted' }, 'unknown')), call.server && h('span', { class: 'sub' }, call.server)] },
    { title: 'Token', cell: (call) => [call.token_name ?? h('span', { class: 'mono' }, call.token_id), call.member && call.member !== call.token_name && h('span', { class: 'sub' }, call.member)] },
    { title: 'Status', cell: (call) => { const [kind, word] = status(call); return badge(kind, call.error_code ? `${word} ${call.error_code}` : word, MEANING[call.status]); } },
    { title: 'Took', number: true, cell: (call) => millis(call.duration_ms) },
    { title: 'In', number: true, cell: (call) => bytes(call.bytes_in) },
    { title: 'Out', number: true, cell: (call) => bytes(call.bytes_out) },
  ];
}

export const one = {
  title: 'Call',
  load: ({ slug, name }) => workspace(slug).calls.get(name),
  view: ({ slug }, call) => {
    const [kind, word] = status(call);
    return [
      h('nav', { class: 'crumbs', 'aria-label': 'Where you are' }, h('a', { href: `#/w/${slug}/calls` }, 'Calls')),
      head(call.tool ?? 'Unknown tool', `${exact(call.time)}`),
      notice(kind === 'accent' ? 'plain' : kind, h('strong', null, `${sentence(word)} `), MEANING[call.status], call.reason && h('p', null, hinted(call.reason)),
        ' ', call.server && kind === 'bad' && h('a', { href: `#/w/${slug}/servers/${call.server}` }, `Look at ${call.server}`)),
      card(null, facts([
        ['Status', badge(kind, word)], call.error_code !== null && ['Error code', h('code', null, call.error_code)],
        ['Server', call.server ? h('a', { href: `#/w/${slug}/servers/${call.server}` }, call.server) : '–'],
        ['Tool', h('code', null, call.tool ?? '–')],
        ['Token', h('a', { href: `#/w/${slug}/calls?token=${encodeURIComponent(call.token_id)}` }, call.token_name ?? call.token_id)],
        call.member && ['Member', h('a', { href: `#/w/${slug}/members/${encodeURIComponent(call.member)}` }, call.member)],
        ['Took', millis(call.duration_ms)], ['Arguments', bytes(call.bytes_in)], ['Result', bytes(call.bytes_out)],
        ['Protocol', call.revision], ['Came by', call.source], ['Time', h('code', null, call.time)]]),
      copyable(call.id, 'the call’s id')),
      call.usual?.calls > 0 && card('Usual for this tool', h('p', { class: 'muted' }, 'In the seven days before.'), facts([
        ['Calls', number(call.usual.calls)], ['Failed', percent(call.usual.errors, call.usual.calls)],
        ['Median', millis(call.usual.p50_ms)], ['95th percentile', millis(call.usual.p95_ms)]])),
      h('div', { class: 'row' },
        call.tool && linkButton('Calls of this tool', `#/w/${slug}/calls?tool=${encodeURIComponent(call.tool)}`),
        linkButton('Calls of this token', `#/w/${slug}/calls?token=${encodeURIComponent(call.token_id)}`)),
    ];
  },
};
