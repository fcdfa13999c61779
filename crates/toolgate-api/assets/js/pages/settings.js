// Settings of a workspace and of the installation.

import { h } from '../dom.js';
import { ifThere, installation, workspace } from '../api.js';
import { count, number, time } from '../format.js';
import { badge, button, card, confirm, copyable, dialog, empty, facts, field, form, head, input, notice, select, table, toast } from '../parts.js';

export const page = {
  title: 'Settings',
  load: async ({ slug }) => {
    const api = workspace(slug);
    const [space, servers, tokens, secrets] = await Promise.all([api.get(), api.servers.list(), api.tokens.list(), api.secrets.list()]);
    return { space: space.workspace ?? space, servers, tokens, secrets };
  },
  view: (context, { space, servers, tokens, secrets }) => {
    const api = workspace(context.slug);
    const active = tokens.filter((token) => token.status === 'active').length;
    return [
      head('Settings', `Of the workspace ${context.slug}.`),
      card('Name', form({
        submit: 'Save', send: async (given) => { await api.set({ name: given.name, description: given.description ?? '' }); toast('Saved'); await context.refresh(); },
      }, field('Name', input('name', { value: space.name, required: true, minlength: 2, maxlength: 80 }), `The slug ${context.slug} and the URL stay as they are.`),
      field('Description', input('description', { value: space.description ?? '', maxlength: 500 })))),
      card('Rules', form({
        submit: 'Save', send: async (given) => { await api.set({ read_only: given.read_only, strict_records: given.strict_records === 'on' }); toast('Saved'); await context.refresh(); },
      },
      field('Read-only tokens may call', select('read_only', [['annotated', 'tools known to be read-only'], ['all', 'every tool']], space.read_only), 'A tool is known to be read-only by its pinned annotation, or by what an administrator said of it.'),
      field('Records', select('strict_records', [['off', 'fast: a crash may lose the last 200 ms of records'], ['on', 'strict: a writing call is sent only once its record is on the disk']], space.strict_records ? 'on' : 'off')))),
      !context.who.workspace && card('Delete this workspace',
        h('p', null, `${count(servers.length, 'server')}, ${count(active, 'active token')} and ${count(secrets.length, 'secret')} go with it. Records of calls and the audit stay.`),
        h('div', { class: 'row' }, button('Delete the workspace', { danger: true, onclick: () => remove(context, servers, active, secrets) }))),
    ];
  },
};

async function remove(context, servers, active, secrets) {
  const done = await confirm({
    title: `Delete ${context.slug}?`, action: 'Delete workspace', typed: context.slug,
    text: [h('p', null, h('strong', null, 'This cannot be undone.')),
      h('ul', null, h('li', null, `${count(active, 'token')} stop${active === 1 ? 's' : ''} working at once`), h('li', null, `${count(servers.length, 'server')} and all tools go away for every client`), h('li', null, `${count(secrets.length, 'secret')} are shredded: not even a backup of the key brings them back here`))],
    act: () => workspace(context.slug).remove(),
  });
  if (done) { toast(`${context.slug} is deleted`); context.go('#/'); }
}

export const everywhere = {
  title: 'Settings',
  every: 10000,
  load: async () => {
    const [keys, status] = await Promise.all([ifThere(installation.keys.list()), ifThere(installation.status()).catch((error) => ({ error }))]);
    return { keys, status };
  },
  view: (context, { keys, status }) => [
    head('Settings', 'Of the whole installation.'),
    card('Gateway', !status || status.error
      ? notice('warn', status?.error ? status.error.message : 'Not available.', status?.error?.hint && h('p', null, status.error.hint))
      : [facts([['Health', badge({ ready: 'good', degraded: 'warn' }[status.health] ?? 'bad', status.health)], ['Up', time(Date.now() - status.uptime_ms).textContent.replace(' ago', '')], ['Turns away', status.sheds ?? 'nothing'], ['Turned away so far', number(status.shed)]]),
        status.gauges?.length > 0 && h('details', null, h('summary', null, 'Queues and limits'), table({ label: 'Queues and limits', rows: status.gauges, key: (gauge) => gauge.what, columns: [
          { title: 'What', cell: (gauge) => gauge.what.replaceAll('_', ' ') }, { title: 'Used', number: true, cell: (gauge) => number(gauge.used) }, { title: 'Limit', number: true, cell: (gauge) => number(gauge.limit) }] }))]),
    card(h('span', { class: 'row' }, 'Operator keys'), h('p', { class: 'muted' }, 'For programs that administer the installation: full access over the management API.'),
      keys === null ? h('p', { class: 'muted' }, 'Not available.') : [
        keys.length > 0 && table({ label: 'Operator keys', rows: keys, key: (key) => key.id, mark: (key) => key.status !== 'active' && 'off', columns: [
          { title: 'Name', cell: (key) => [key.name, h('span', { class: 'sub mono' }, key.id)] },
          { title: 'Status', cell: (key) => badge(key.status === 'active' ? 'good' : 'plain', key.status) },
          { title: 'Last used', cell: (key) => time(key.last_used_at) }, { title: 'Made', cell: (key) => time(key.created_at) },
          { title: '', cell: (key) => h('div', { class: 'row' }, key.status === 'active' && button('Revoke', { small: true, danger: true, 'aria-label': `Revoke ${key.name}`, onclick: () => revoke(context, key) })) }] }),
        h('div', { class: 'row' }, button('New key', { look: 'plus', onclick: () => newKey(context) }))]),
    card('Account', facts([['Signed in as', context.who.name]]), h('p', { class: 'hint' }, 'Operators are listed and removed, and passwords reset, on the host: ', h('code', null, 'toolgatectl operator list'), '.')),
  ],
};

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
