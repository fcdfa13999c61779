// Secrets: names, versions and dates. A value goes in and never comes back.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { time } from '../format.js';
import { badge, button, confirm, dialog, empty, field, form, head, input, notice, select, table, toast } from '../parts.js';
import { probeSaid } from './server-parts.js';

export const page = {
  title: 'Secrets',
  every: 15000,
  load: async ({ slug }) => {
    const api = workspace(slug);
    const [secrets, servers] = await Promise.all([api.secrets.list(), api.servers.list()]);
    return { secrets, servers };
  },
  view: (context, { secrets, servers }) => {
    const missing = servers.flatMap((server) => server.missing_secrets.map((name) => ({ name, server: server.server })));
    const add = () => setSecret(context, servers);
    return [
      head('Secrets', 'Credentials the gateway adds to calls on their way to a server. Nobody can read a value back, administrators included.',
        button('Set a secret', { primary: true, look: 'plus', onclick: add })),
      missing.length > 0 && notice('warn', h('strong', null, 'Without a value: '), missing.map(({ name, server }, at) => [
        at > 0 && ', ', h('code', null, name), ` for ${server} `,
        button('Set', { small: true, 'aria-label': `Set ${name} for ${server}`, onclick: () => setSecret(context, servers, { name, server }) })])),
      secrets.length === 0
        ? empty('lock', 'No secret is set', 'Set one for a server that needs a credential, or for all servers of the workspace that name it.', button('Set a secret', { primary: true, look: 'plus', onclick: add }))
        : table({
          label: 'Secrets', rows: secrets, key: (secret) => `${secret.server ?? ''}/${secret.name}`,
          columns: [
            { title: 'Name', cell: (secret) => h('code', null, secret.name) },
            { title: 'For', cell: (secret) => secret.server ?? h('span', { class: 'muted' }, 'any server that names it') },
            { title: 'Used by', cell: (secret) => (secret.used_by.length ? secret.used_by.join(', ') : badge('warn', 'nobody', 'No server of this workspace names it')) },
            { title: 'Version', number: true, cell: (secret) => secret.version },
            { title: 'Set', cell: (secret) => time(secret.created_at) },
            { title: 'Last used', cell: (secret) => time(secret.last_used_at) },
            {
              title: '', cell: (secret) => h('div', { class: 'row' },
                button('New value', { small: true, 'aria-label': `New value for ${secret.name}`, onclick: () => setSecret(context, servers, secret, true) }),
                button('Delete', { small: true, danger: true, 'aria-label': `Delete ${secret.name}`, onclick: () => remove(context, secret) })),
            },
          ],
        }),
    ];
  },
};

/**
 * Asks for a value. With `known` its name and owner are given already.
 * @param {any} context
 * @param {any[]} servers
 * @param {{name: string, server: string|null}} [known]
 */
export async function setSecret(context, servers, known, rotate = false) {
  const owners = [['', 'Any server of this workspace that names it'], ...servers.map((server) => [server.server, `Only ${server.server}`])];
  const set = await dialog(rotate ? `New value for ${known.name}` : 'Set a secret', (close) => form({
    submit: rotate ? 'Replace the value' : 'Set the secret', cancel: () => close(),
    send: async (given) => close(await workspace(context.slug).secrets.set({
      key: known?.name ?? given.name, value: given.value, server: (known ? known.server : given.server) || undefined,
    })),
  },
  known
    ? h('p', null, h('code', null, known.name), known.server ? ` for ${known.server}` : ' for any server that names it')
    : h('div', { class: 'two' },
      field('Name', input('name', { required: true, maxlength: 128, class: 'mono', 'data-focus': true, placeholder: 'GITHUB_TOKEN' }), 'Letters, digits and underscores'),
      field('For', select('server', owners, ''))),
  field('Value', input('value', { type: 'password', required: true, minlength: 8, 'data-focus': Boolean(known), autocomplete: 'off' }), '8 bytes to 16 KiB. It is sealed at once and never shown again.'),
  rotate && h('p', { class: 'hint' }, 'The next call uses the new value, for everybody. The old one is gone.')));
  if (!set) return;
  await context.refresh();
  if (set.probe) await dialog(`${set.name} is set`, (close) => h('div', { class: 'stack' }, probeSaid(set.probe), h('div', { class: 'row end' }, button('Done', { primary: true, onclick: () => close() }))));
  else toast(`${set.name} is set, version ${set.version}`);
}

async function remove(context, secret) {
  const done = await confirm({
    title: `Delete ${secret.name}?`, action: 'Delete secret',
    text: h('p', null, secret.used_by.length ? `Calls to ${secret.used_by.join(', ')} fail until it is set again. ` : 'No server uses it. ', 'The value cannot be brought back.'),
    act: () => workspace(context.slug).secrets.remove(secret.name, secret.server),
  });
  if (done) toast(`${secret.name} is deleted`);
  await context.refresh();
}
