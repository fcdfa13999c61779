// Calls: what was called, by whom, and how it went. Never arguments or results, which nobody keeps.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { bytes, exact, millis, number, percent, time } from '../format.js';
import { badge, button, card, copyable, empty, facts, head, hinted, input, linkButton, notice, select, sentence, table } from '../parts.js';
import { failed, status } from './recent.js';

const STATUSES = [['', 'any'], ['errors', 'failed'], ['ok', 'ok'], ['tool_error', 'tool error'], ['rpc_error', 'error'], ['refused', 'refused'], ['rate_limited', 'rate limited'], ['cancelled', 'cancelled'], ['revoked', 'revoked'], ['timed_out', 'timed out'], ['unreachable', 'unreachable'], ['overloaded', 'overloaded'], ['internal', 'internal']];
const SINCE = [['3600', 'the last hour'], ['86400', '24 hours'], ['604800', '7 days'], ['2592000', '30 days']];
const STEP = 100;
const FILTERS = ['since', 'status', 'server', 'tool', 'token', 'member'];

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
};

export const page = {
  title: 'Calls',
  every: 5000,
  load: async ({ slug, query }) => {
    const api = workspace(slug);
    const asked = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) || undefined]));
    asked.since ??= '86400';
    const { since, server, token } = asked;
    const [calls, servers, tokens] = await Promise.all([
      api.calls.list({ since, server, token, limit: 500, cursor: query.get('cursor') || undefined }), api.servers.list(), api.tokens.list()]);
    const next = calls.next;
    const rows = calls.filter((call) => matches(call, asked)).sort((one, other) => (one.time < other.time ? 1 : -1));
    return { rows, next, servers, tokens, asked };
  },
  view: (context, { rows, next, servers, tokens, asked }, shown = context.shown ?? STEP) => [
    head('Calls', 'Who called which tool, how long it took, how it ended. Arguments and results are not kept.', linkButton('Watch live', `#/w/${context.slug}/live`, { look: 'pulse' })),
    h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter calls', onsubmit: (event) => { event.preventDefault(); narrow(context, event.currentTarget); }, onchange: (event) => narrow(context, event.currentTarget) },
      h('label', null, 'In', select('since', SINCE, asked.since)),
      h('label', null, 'Status', select('status', STATUSES, asked.status ?? '')),
      h('label', null, 'Server', select('server', [['', 'any'], ...servers.map((server) => [server.server, server.server])], asked.server ?? '')),
      h('label', null, 'Token', select('token', [['', 'any'], ...tokens.map((token) => [token.id, `${token.name}${token.status === 'active' ? '' : ` (${token.status})`}`])], asked.token ?? '')),
      h('label', null, 'Tool', input('tool', { value: asked.tool ?? '', placeholder: 'any' })),
      asked.member && h('label', null, 'Member', input('member', { value: asked.member })),
      FILTERS.some((name) => name !== 'since' && asked[name]) && linkButton('Clear', `#/w/${context.slug}/calls`)),
    rows.length === 0
      ? empty('list', 'No call matches', FILTERS.some((name) => asked[name] && name !== 'since') ? 'Widen the filters to see more.' : 'Use a token in an editor, or with curl, and the call shows here at once.', linkButton('Tokens', `#/w/${context.slug}/tokens`))
      : table({ label: 'Calls', rows: rows.slice(0, shown), key: (call) => call.id, columns: columns(context.slug) }),
    rows.length > shown && h('div', { class: 'row' }, button(`Show ${Math.min(STEP, rows.length - shown)} more of ${rows.length}`, { onclick: () => { context.shown = shown + STEP; context.refresh(); } })),
    next && h('p', null, h('a', { href: here(context, { ...asked, cursor: next }) }, 'Older calls')),
  ],
};

function matches(call, { status: wanted, tool, member }) {
  const right = !wanted || (wanted === 'errors' ? failed(call) : call.status === wanted);
  return right && (!member || call.member === member) && (!tool || (call.tool ?? '').toLowerCase().includes(tool.toLowerCase()));
}

/** The columns of every list of calls. */
export function columns(slug) {
  return [
    { title: 'When', cell: (call) => h('a', { href: `#/w/${slug}/calls/${call.id}` }, time(call.time), h('span', { class: 'unseen' }, `, call of ${call.tool ?? 'an unknown tool'}`)) },
    { title: 'Tool', cell: (call) => [h('code', null, call.tool ?? h('span', { class: 'muted' }, 'unknown')), call.server && h('span', { class: 'sub' }, call.server)] },
    { title: 'Token', cell: (call) => call.token_name ?? h('span', { class: 'mono' }, call.token_id) },
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
        call.member && ['Member', call.member],
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

function here(context, asked) {
  const given = Object.entries(asked).filter(([, value]) => value);
  return `#/w/${context.slug}/calls?${new URLSearchParams(given)}`;
}

function narrow(context, form) {
  const asked = Object.fromEntries([...form.elements].filter((control) => control.name).map((control) => [control.name, control.value.trim()]));
  location.hash = here(context, asked).slice(1);
}
