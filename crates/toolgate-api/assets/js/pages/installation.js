// The installation as a whole: its gateway, plan, settings, team, and keys for programs.

import { h } from '../dom.js';
import { ifThere, installation } from '../api.js';
import { bar } from '../chart.js';
import { number, time } from '../format.js';
import { badge, button, card, confirm, copyable, dialog, facts, field, form, head, hinted, input, notice, select, table, toast } from '../parts.js';
import { handOver } from './members.js';

export const page = {
  title: 'Settings',
  every: 10000,
  load: async () => {
    const { keys, status, team, settings, usage } = installation;
    const [held, standing, people, set, spent] = await Promise.all([
      ifThere(keys.list()), ifThere(status()).catch((error) => ({ error })), ifThere(team.list()), ifThere(settings.list()), ifThere(usage())]);
    return { keys: held, status: standing, team: people, settings: set, usage: spent };
  },
  view: (context, { keys, status, team, settings, usage }) => [
    head('Settings', 'Of the whole installation.'),
    card('Gateway', gateway(status)),
    usage && card(h('span', { class: 'row' }, 'Plan ', badge('accent', usage.tier)), used(usage)),
    team && card('Team', people(context, team)),
    settings && card('Installation', table({
      label: 'Settings', rows: settings.filter((one) => one.name !== 'plan'), key: (one) => one.name, columns: [
        { title: 'Name', cell: (one) => [h('code', null, one.name), h('span', { class: 'sub' }, hinted(one.about))] },
        { title: 'Value', cell: (one) => (one.value === null ? h('span', { class: 'muted' }, one.default ?? 'not set') : h('code', { class: 'clip', title: one.value }, one.value)) },
        { title: '', cell: (one) => h('div', { class: 'row' }, !one.rule.startsWith('left to') && button('Change', { small: true, 'aria-label': `Change ${one.name}`, onclick: () => change(context, one) })) }] })),
    keys && card('Operator keys', h('p', { class: 'muted' }, 'For programs that administer the installation: full access over the management API.'),
      keys.length > 0 && table({ label: 'Operator keys', rows: keys, key: (key) => key.id, mark: (key) => key.status !== 'active' && 'off', columns: [
        { title: 'Name', cell: (key) => [key.name, h('span', { class: 'sub mono' }, key.id)] },
        { title: 'Status', cell: (key) => badge(key.status === 'active' ? 'good' : 'plain', key.status) },
        { title: 'Last used', cell: (key) => time(key.last_used_at) }, { title: 'Made', cell: (key) => time(key.created_at) },
        { title: '', cell: (key) => h('div', { class: 'row' }, key.status === 'active' && button('Revoke', { small: true, danger: true, 'aria-label': `Revoke ${key.name}`, onclick: () => revoke(context, key) })) }] }),
      h('div', { class: 'row' }, button('New key', { look: 'plus', onclick: () => newKey(context) }))),
    card('Account', facts([['Signed in as', context.who.name]]), h('p', { class: 'hint' }, 'A lost password is reset on the host: ', h('code', null, 'toolgatectl operator reset-password E-MAIL'), '.')),
  ],
};

function gateway(status) {
  if (!status || status.error) return notice('warn', status?.error ? status.error.message : 'Not available.', status?.error?.hint && h('p', null, hinted(status.error.hint)));
  return [
    facts([['Health', badge({ ready: 'good', degraded: 'warn' }[status.health] ?? 'bad', status.health)], ['Up', time(Date.now() - status.uptime_ms).textContent.replace(' ago', '')], ['Turns away', status.sheds ?? 'nothing'], ['Turned away so far', number(status.shed)]]),
    status.gauges?.length > 0 && h('details', null, h('summary', null, 'Queues and limits'), table({ label: 'Queues and limits', rows: status.gauges, key: (gauge) => gauge.what, columns: [
      { title: 'What', cell: (gauge) => gauge.what.replaceAll('_', ' ') }, { title: 'Used', number: true, cell: (gauge) => number(gauge.used) }, { title: 'Limit', number: true, cell: (gauge) => number(gauge.limit) }] }))];
}

const LIMITS = { mcp_proxy_calls: 'Calls', servers_per_workspace: 'Servers', secrets_per_workspace: 'Secrets' };

function used({ period, usage, workspaces }) {
  const rows = [
    ...Object.entries(usage).map(([limit, one]) => ({ limit, of: limit === 'mcp_proxy_calls' ? `in ${period}` : 'of the installation', used: one.used, max: one.limit })),
    ...workspaces.map((one) => ({ limit: one.limit, of: `in ${one.workspace}`, used: one.used, max: one.max }))];
  const words = (limit) => LIMITS[limit] ?? limit.replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase());
  return [
    table({ label: 'Plan', rows, key: (one) => `${one.limit} ${one.of}`, columns: [
      { title: 'What', cell: (one) => [words(one.limit), ' ', h('span', { class: 'muted' }, one.of)] },
      { title: '', says: 'Share', cell: (one) => (one.max === null ? null : bar(Math.min(one.used, one.max), one.max)) },
      { title: 'Used', number: true, cell: (one) => [one.max !== null && one.used > one.max && badge('bad', 'over'), ' ', number(one.used)] },
      { title: 'Limit', number: true, cell: (one) => (one.max === null ? h('span', { class: 'muted' }, 'no limit') : number(one.max)) }] }),
    h('p', { class: 'hint' }, 'The plan is changed on the host: ', h('code', null, 'toolgatectl plan set'), '.')];
}

function people(context, team) {
  return [
    h('p', { class: 'muted' }, 'Who signs in here and administers the whole installation.'),
    team.length > 0 && table({ label: 'Team', rows: team, key: (one) => one.id, columns: [
      { title: 'E-mail', cell: (one) => one.email },
      { title: 'Status', cell: (one) => badge({ active: 'good', pending: 'accent' }[one.status] ?? 'warn', { active: 'active', pending: 'invited' }[one.status] ?? 'invitation expired') },
      { title: 'Joined', cell: (one) => (one.joined_at ? time(one.joined_at) : h('span', { class: 'muted' }, one.status === 'expired' ? 'ended ' : 'ends ', time(one.expires_at))) },
      { title: 'Last signed in', cell: (one) => time(one.last_used_at) },
      { title: '', cell: (one) => h('div', { class: 'row' }, one.email !== context.who.name && button('Remove', { small: true, danger: true, 'aria-label': `Remove ${one.email}`, onclick: () => leave(context, one) })) }] }),
    h('div', { class: 'row' }, button('Invite to the team', { look: 'plus', onclick: () => inviteToTeam(context) }))];
}

async function inviteToTeam(context) {
  const made = await dialog('Invite to the team', (close) => form({
    submit: 'Invite', cancel: () => close(), send: async (given) => close(await installation.team.invite({ email: given.email })),
  }, field('E-mail', input('email', { type: 'email', required: true, 'data-focus': true }), 'This person will administer everything here.')));
  if (!made) return;
  await context.refresh();
  await handOver(made);
}

async function leave(context, one) {
  const done = await confirm({ title: `Remove ${one.email}?`, action: 'Remove', text: h('p', null, 'Sessions, keys and an open invitation of theirs end at once.'), act: () => installation.team.remove(one.id) });
  if (done) toast(`${one.email} is removed`);
  await context.refresh();
}

async function change(context, one) {
  const { settings } = installation;
  const done = await dialog(`Change ${one.name}`, (close) => form({
    submit: 'Save', cancel: () => close(),
    send: async (given) => { await settings.set(one.name, given.value ?? null); close(true); },
  }, h('p', { class: 'muted' }, hinted(one.about)),
  field('Value', input('value', { value: one.value ?? '', placeholder: one.default ?? 'not set', 'data-focus': true }), `It must be ${one.rule}. Empty: ${one.default ?? 'not set'}.`)));
  if (done) toast(`${one.name} is saved`);
  await context.refresh();
}

async function newKey(context) {
  const made = await dialog('New operator key', (close) => form({
    submit: 'Create key', cancel: () => close(), send: async (given) => close(await installation.keys.create({ name: given.name })),
  }, field('Name', input('name', { required: true, maxlength: 80, 'data-focus': true }), 'Which program holds it.')));
  if (!made) return;
  await dialog(`Key ${made.name}`, (close) => h('div', { class: 'stack' },
    notice('warn', h('strong', null, 'Copy it now. '), 'It opens the whole installation and is shown this once.'),
    copyable(made.key, 'the key'),
    h('div', { class: 'row end' }, button('I have copied it', { primary: true, onclick: () => close() }))), { wide: true, lasting: true });
  await context.refresh();
}

async function revoke(context, key) {
  const done = await confirm({ title: `Revoke ${key.name}?`, action: 'Revoke key', text: h('p', null, 'The very next request with it fails.'), act: () => installation.keys.revoke(key.id) });
  if (done) toast(`${key.name} is revoked`);
  await context.refresh();
}
