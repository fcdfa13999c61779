// The plan: how much there may be, how much there is, and changing it.

import { h } from '../dom.js';
import { installation } from '../api.js';
import { bar } from '../chart.js';
import { count, number } from '../format.js';
import { badge, button, card, confirm, dialog, field, form, input, notice, select, table, toast } from '../parts.js';

/** Each limit with its words, as `toolgatectl plan` has them. */
const LIMITS = [
  ['workspaces', 'Workspaces', 'of the installation'], ['servers_per_workspace', 'Servers', 'in each workspace'], ['secrets_per_workspace', 'Secrets', 'in each workspace'],
  ['members', 'Members', 'team, members and open invitations, each address once'], ['calls_per_month', 'Calls', 'in a calendar month, of all workspaces together'],
  ['retention_days', 'Days', 'that calls are remembered at most'], ['requests_per_minute', 'Requests a minute', 'of a new token, unless it is made with another limit'],
];
const UNLIMITED = 'unlimited';
const OWN = '';

/** The plan in force and what is used of it. */
export function plan(context, plans, settings, { tier, period, usage, workspaces }) {
  const words = Object.fromEntries(LIMITS.map(([limit, name]) => [limit, name]));
  const rows = [
    ...Object.entries(usage).map(([limit, one]) => ({ limit: limit === 'mcp_proxy_calls' ? 'calls_per_month' : limit, of: limit === 'mcp_proxy_calls' ? `in ${period}` : 'of the installation', used: one.used, max: one.limit })),
    ...workspaces.map((one) => ({ limit: one.limit, of: `in ${one.workspace}`, used: one.used, max: one.max }))];
  const active = plans?.find((one) => one.active);
  return card(h('span', { class: 'row' }, 'Plan ', badge('accent', tier)),
    table({ label: 'Plan', rows, key: (one) => `${one.limit} ${one.of}`, columns: [
      { title: 'What', cell: (one) => [words[one.limit] ?? one.limit, ' ', h('span', { class: 'muted' }, one.of)] },
      { title: '', says: 'Share', cell: (one) => (one.max === null ? null : bar(Math.min(one.used, one.max), one.max)) },
      { title: 'Used', number: true, cell: (one) => [one.max !== null && one.used > one.max && badge('bad', 'over'), ' ', number(one.used)] },
      { title: 'Limit', number: true, cell: (one) => (one.max === null ? h('span', { class: 'muted' }, 'no limit') : number(one.max)) }] }),
    active && h('p', { class: 'muted' }, `Calls are remembered for ${active.retention_days === null ? 'as long as the setting says' : `at most ${count(active.retention_days, 'day')}`}; a new token may make ${active.requests_per_minute === null ? 'any number of requests' : count(active.requests_per_minute, 'request')} a minute.`),
    active && h('div', { class: 'row' }, button('Change the plan', { onclick: () => change(context, plans, active, remembered(settings, active)) })));
}

/** For how many days calls are remembered now. */
function remembered(settings, active) {
  const one = settings?.find((known) => known.name === 'retention_days');
  const days = Number(one?.value ?? one?.default ?? 30);
  return Math.min(days, active.retention_days ?? days);
}

async function change(context, plans, active, days) {
  const said = (value) => (value === null ? UNLIMITED : String(value));
  const builtIn = plans.filter((one) => one.name !== 'custom');
  const isBuiltIn = builtIn.some((one) => one.active);
  const controls = LIMITS.map(([limit, name, about]) => [limit, name, about, input(limit, { value: said(active[limit]), required: true, pattern: 'unlimited|[0-9]+[kKM]?', inputmode: 'text' })]);
  const fill = (name) => {
    const chosen = plans.find((one) => one.name === name) ?? active;
    for (const [limit, , , control] of controls) control.value = said(chosen[limit]);
  };
  const set = await dialog('Change the plan', (close) => form({
    submit: 'Put it in force', cancel: () => close(),
    send: async (given) => {
      const from = plans.find((one) => one.name === given.name) ?? active;
      const changed = controls.map(([limit, , , control]) => [limit, amount(control.value)]).filter(([limit, value]) => value !== from[limit]);
      const wanted = { ...(given.name && { name: given.name }), ...Object.fromEntries(changed) };
      const kept = 'retention_days' in wanted ? wanted.retention_days : from.retention_days;
      if (kept !== null && kept < days && !await forget(days, kept)) return;
      close(Object.keys(wanted).length ? await installation.plan.set(wanted) : null);
    },
  },
  field('Start from', select('name', [...(isBuiltIn ? [] : [[OWN, 'the one in force']]), ...builtIn.map((one) => [one.name, one.name])], isBuiltIn ? active.name : OWN, { onchange: (event) => fill(event.target.value), 'data-focus': true }), 'A plan is a named set of limits; each can be changed below.'),
  h('div', { class: 'two' }, controls.map(([, name, about, control]) => field(name, control, about))),
  h('p', { class: 'hint' }, 'A number, 500k, 5M, or unlimited. What there is above a lowered limit stays; nothing new is added.')), { wide: true });
  if (!set) return;
  toast(`The plan ${set.name} is in force`);
  await context.refresh();
  if (set.over.length) await dialog('There is more than that already', (close) => h('div', { class: 'stack' },
    notice('warn', 'It stays, and nothing is added.'),
    h('ul', null, set.over.map((one) => h('li', null, `${number(one.used)} of ${number(one.max)} ${one.limit.replaceAll('_', ' ')}${one.workspace ? ` in ${one.workspace}` : ''}`))),
    h('div', { class: 'row end' }, button('Done', { primary: true, onclick: () => close() }))));
}

/** Records of calls are the one thing that a plan takes away. */
function forget(days, kept) {
  return confirm({
    title: 'Remember calls for a shorter time?', action: 'Delete older calls', act: async () => {},
    text: h('p', null, `Calls are remembered for ${count(days, 'day')} now; those older than ${count(kept, 'day')} will be deleted.`),
  });
}

function amount(text) {
  if (text.trim() === UNLIMITED) return null;
  const [, digits, unit] = /^([0-9]+)([kKM]?)$/.exec(text.trim()) ?? [];
  return Number(digits) * ({ k: 1e3, K: 1e3, M: 1e6 }[unit] ?? 1);
}
