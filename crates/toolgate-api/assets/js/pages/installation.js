// The installation as a whole: its gateway, plan, settings, team, and keys for programs.

import { h } from '../dom.js';
import { ifThere, installation } from '../api.js';
import { number, time } from '../format.js';
import { badge, button, card, confirm, copyable, dialog, facts, field, form, head, hinted, input, notice, select, table, toast } from '../parts.js';
import { handOver } from './members.js';
import { plan } from './plan.js';
import { LIVES } from './tokens.js';

export const page = {
  title: 'Settings',
  every: 10000,
  load: async () => {
    const { keys, plan: plans, status, team, settings, usage } = installation;
    const [held, standing, people, set, spent, offered] = await Promise.all([
      ifThere(keys.list()), ifThere(status()).catch((error) => ({ error })), ifThere(team.list()), ifThere(settings.list()), ifThere(usage()), ifThere(plans.list())]);
    return { keys: held, status: standing, team: people, settings: set, usage: spent, plans: offered };
  },
  view: (context, { keys, status, team, settings, usage, plans }) => [
    head('Settings', 'Of the whole installation.'),
    card('Gateway', gateway(status)),
    usage && plan(context, plans, settings, usage),
    team && card('Team', people(context, team)),
    settings && card('Installation', table({
      label: 'Settings', rows: settings.filter((one) => one.name !== 'plan'), key: (one) => one.name, columns: [
        { title: 'Name', cell: (one) => [h('code', null, one.name), h('span', { class: 'sub' }, hinted(one.about))] },
        { title: 'Value', cell: (one) => (one.value === null ? h('span', { class: 'muted' }, one.default ?? 'not set') : h('code', { class: 'clip', title: one.value }, one.value)) },
        { title: '', cell: (one) => h('div', { class: 'row' }, !one.rule.startsWith('left to') && button('Change', { small: true, 'aria-label': `Change ${one.name}`, onclick: () => change(context, one) })) }] })),
    keys && card('Operator keys', h('p', { class: 'muted' }, 'For programs that administer the installation: full access over the management API.'),
      keys.length > 0 && table({ label: 'Operator keys', rows: keys, key: (key) => key.id, mark: (key) => key.status !== 'active' && 'off', columns: [
        { title: 'Name', cell: (key) => [key.name, h('span', { class: 'sub mono' }, key.id)] },
        { title: 'Status', cell: (key) => [badge(key.status === 'active' ? 'good' : 'plain', key.status), key.status === 'active' && key.expires_at && h('span', { class: 'sub' }, 'ends ', time(key.expires_at))] },
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
    submit: 'Create key', cancel: () => close(), send: async (given) => close(await installation.keys.create({ name: given.name, expires_in: given.expires_in ? Number(given.expires_in) : undefined })),
  }, field('Name', input('name', { required: true, maxlength: 80, 'data-focus': true }), 'Which program holds it.'), field('Works', select('expires_in', LIVES, ''))));
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
