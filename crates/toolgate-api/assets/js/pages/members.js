// Members: people with a token of their own, and who is invited to become one.

import { h } from '../dom.js';
import { ifThere, workspace } from '../api.js';
import { exact, number, time } from '../format.js';
import { badge, button, confirm, copyable, dialog, empty, field, form, head, input, notice, select, table, toast } from '../parts.js';
import { LIVES, ROLES } from './tokens.js';

const TOKENS = { active: ['good', 'works'], expired: ['warn', 'expired'], revoked: ['plain', 'revoked'], none: ['plain', 'none'] };

export const page = {
  title: 'Members',
  every: 15000,
  load: ({ slug }) => ifThere(workspace(slug).members.list()),
  view: (context, members) => {
    if (!members) return [head('Members'), notAvailable('Members')];
    const add = () => invite(context);
    return [
      head('Members', 'People, each with a token of their own. Removing one revokes theirs and nobody else’s.', button('Invite', { primary: true, look: 'plus', onclick: add })),
      members.length === 0
        ? empty('users', 'Nobody is invited', 'An invitation is a link that works once, within seven days. Accepting it shows that person a token of their own.', button('Invite', { primary: true, look: 'plus', onclick: add }))
        : table({
          label: 'Members', rows: members, key: (member) => member.id,
          columns: [
            { title: 'E-mail', cell: (member) => (member.status === 'active' ? h('a', { href: `#/w/${context.slug}/members/${encodeURIComponent(member.id)}` }, member.email) : member.email) },
            { title: 'Status', cell: (member) => badge({ active: 'good', invited: 'accent' }[member.status] ?? 'warn', member.status === 'active' ? 'member' : member.status === 'expired' ? 'invitation expired' : member.status) },
            { title: 'Role', cell: (member) => member.role ?? '–' },
            { title: 'Token', cell: (member) => (member.status === 'active' ? badge(...TOKENS[member.token_status]) : h('span', { class: 'muted' }, '–')) },
            { title: 'Joined', cell: (member) => (member.joined_at ? time(member.joined_at) : h('span', { class: 'muted' }, member.status === 'expired' ? 'ended ' : 'ends ', h('span', { title: exact(member.expires_at) }, time(member.expires_at)))) },
            { title: 'Last active', cell: (member) => time(member.last_active_at) },
            { title: 'Calls', number: true, cell: (member) => (member.calls ? h('a', { href: `#/w/${context.slug}/calls?member=${encodeURIComponent(member.email)}` }, number(member.calls)) : number(member.calls)) },
            { title: '', cell: (member) => h('div', { class: 'row' }, button(member.status === 'active' ? 'Remove' : 'Take back', { small: true, danger: true, 'aria-label': member.status === 'active' ? `Remove ${member.email}` : `Take back the invitation of ${member.email}`, onclick: () => remove(context, member) })) },
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
    send: async (given) => close(await workspace(context.slug).members.invite({
      email: given.email, role: given.role,
      tools: given.tools ? given.tools.split(/[\s,]+/).filter(Boolean) : undefined,
      token_expires_in: given.expires_in ? Number(given.expires_in) : undefined,
    })),
  },
  field('E-mail', input('email', { type: 'email', required: true, 'data-focus': true })),
  h('div', { class: 'two' },
    field('Role', select('role', ROLES, 'developer')),
    field('The token works', select('expires_in', LIVES, ''))),
  field('Tools', input('tools', { placeholder: 'all' }), 'Patterns of tool names, such as github__*,!github__delete_*')));
  if (!made) return;
  await context.refresh();
  await handOver(made);
}

/** The link of an invitation that was made, unless it was mailed. */
export async function handOver(made) {
  if (made.mail.state === 'sent') { toast(`${made.email} got a mail`); return; }
  const link = made.link ?? `${location.origin}/#/invite/${made.code}`;
  await dialog(`Invitation of ${made.email}`, (close) => h('div', { class: 'stack' },
    made.mail.state === 'failed' && notice('bad', h('strong', null, 'The mail did not leave. '), made.mail.error),
    notice('warn', h('strong', null, 'Hand this link over. '), 'It is shown this once, works once, and ends ', time(made.expires_at), '.'),
    copyable(link, 'the link', { block: true }),
    made.mail.state === 'not_configured' && h('p', { class: 'hint' }, 'With a mail server in the settings of the installation, links are mailed.'),
    h('div', { class: 'row end' }, button('Done', { primary: true, onclick: () => close() }))), { wide: true, lasting: true });
}

async function remove(context, member) {
  const { members } = workspace(context.slug);
  const joined = member.status === 'active';
  const done = await confirm({
    title: joined ? `Remove ${member.email}?` : `Take back the invitation of ${member.email}?`, action: joined ? 'Remove' : 'Take back',
    text: h('p', null, joined ? 'Their tokens of this workspace are revoked: the very next request fails. Nobody else’s is touched.' : 'The link does not work any more.'),
    act: () => (joined ? members.remove(member.id) : members.uninvite(member.id)),
  });
  if (done) toast(joined ? `${member.email} is removed` : `The invitation of ${member.email} is taken back`);
  await context.refresh();
}
