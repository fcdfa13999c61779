// Members: people with a token of their own.

import { h } from '../dom.js';
import { ifThere, workspace } from '../api.js';
import { number, time } from '../format.js';
import { badge, button, confirm, copyable, dialog, empty, field, form, head, input, notice, select, table, toast } from '../parts.js';
import { ROLES } from './tokens.js';

export const page = {
  title: 'Members',
  every: 15000,
  load: async ({ slug }) => {
    const found = await ifThere(workspace(slug).members.list());
    return found && { members: found.members ?? [], invitations: found.invitations ?? [] };
  },
  view: (context, found) => {
    if (!found) return [head('Members'), notAvailable('Members')];
    const add = () => invite(context);
    const rows = [...found.members, ...found.invitations.map((one) => ({ ...one, invited: true }))];
    return [
      head('Members', 'People, each with a token of their own. Removing one revokes theirs and nobody else’s.', button('Invite', { primary: true, look: 'plus', onclick: add })),
      rows.length === 0
        ? empty('users', 'Nobody is invited', 'Invite somebody by e-mail. Accepting shows them their own token once.', button('Invite', { primary: true, look: 'plus', onclick: add }))
        : table({
          label: 'Members', rows, key: (member) => member.id ?? member.email,
          columns: [
            { title: 'E-mail', cell: (member) => member.email },
            { title: 'Status', cell: (member) => ((member.status === 'invited' || member.status === 'pending' || member.invited) ? badge('warn', 'invited') : badge(member.token_status === 'active' || !member.token_status ? 'good' : 'plain', member.token_status ?? 'active')) },
            { title: 'Role', cell: (member) => member.role ?? '–' },
            { title: 'Joined', cell: (member) => (member.joined_at || member.joined ? time(member.joined_at ?? member.joined) : member.expires_at ? h('span', { class: 'muted' }, 'invitation ends ', time(member.expires_at)) : '–') },
            { title: 'Last active', cell: (member) => time(member.last_active_at ?? member.last_active ?? null) },
            { title: 'Calls', number: true, cell: (member) => number(member.calls ?? member.total_calls) },
            { title: '', cell: (member) => h('div', { class: 'row' }, button('Remove', { small: true, danger: true, 'aria-label': `Remove ${member.email}`, onclick: () => remove(context, member) })) },
          ],
        }),
    ];
  },
};

/** For what this installation does not offer. */
export function notAvailable(what) {
  return empty('gear', 'Not available', `${what} are not part of this installation.`);
}

async function invite(context) {
  const made = await dialog('Invite somebody', (close) => form({
    submit: 'Invite', cancel: () => close(),
    send: async (given) => close(await workspace(context.slug).members.invite({ email: given.email, role: given.role })),
  },
  field('E-mail', input('email', { type: 'email', required: true, 'data-focus': true })),
  field('Role', select('role', ROLES, 'developer'))));
  if (!made) return;
  await context.refresh();
  const link = made.link ?? made.url ?? made.accept_url ?? made.code;
  if (!link) { toast(`${made.email ?? 'They'} got a mail`); return; }
  await dialog('Invitation', (close) => h('div', { class: 'stack' },
    notice('warn', h('strong', null, 'Give them this. '), 'It is shown this once, works once, and ends ', made.expires_at ? time(made.expires_at) : 'in 7 days', '.'),
    copyable(link, 'the invitation', { block: true }),
    h('div', { class: 'row end' }, button('Done', { primary: true, onclick: () => close() }))), { wide: true, lasting: true });
}

async function remove(context, member) {
  const done = await confirm({
    title: `Remove ${member.email}?`, action: 'Remove',
    text: h('p', null, member.invited ? 'The invitation does not work any more.' : 'Their tokens of this workspace are revoked: the very next request fails. Nobody else’s is touched.'),
    act: () => workspace(context.slug).members.remove(member.id ?? member.email),
  });
  if (done) toast(`${member.email} is removed`);
  await context.refresh();
}
