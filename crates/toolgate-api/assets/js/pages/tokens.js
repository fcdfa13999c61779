// Tokens: who or what may call, and how far.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { exact, time } from '../format.js';
import { badge, button, confirm, dialog, empty, failure, field, form, head, hinted, input, notice, select, table, tick, toast } from '../parts.js';
import { paste } from './token-shown.js';

const STATUS = { active: 'good', expired: 'warn', revoked: 'plain' };
export const ROLES = [['developer', 'Developer: calls tools'], ['read-only', 'Read-only: calls tools that only read'], ['admin', 'Admin: calls tools, manages this workspace']];
export const LIVES = [['', 'until it is revoked'], ['86400', '1 day'], ['604800', '7 days'], ['1209600', '14 days'], ['2592000', '30 days'], ['7776000', '90 days'], ['31536000', '1 year']];

export const page = {
  title: 'Tokens',
  every: 10000,
  load: ({ slug }) => workspace(slug).tokens.list(),
  view: (context, tokens) => {
    const ended = context.query.get('ended') === '1';
    const gone = tokens.filter((token) => token.status !== 'active').length;
    const shown = ended ? tokens : tokens.filter((token) => token.status !== 'revoked');
    const make = () => create(context);
    return [
      head('Tokens', 'One for each person or program, so that each can be told apart and taken back alone.',
        button('Why is a token refused?', { look: 'search', onclick: () => inspect(context) }),
        button('New token', { primary: true, look: 'plus', onclick: make })),
      shown.length === 0
        ? empty('key', 'No token', 'Clients need a token to reach this workspace.', button('New token', { primary: true, look: 'plus', onclick: make }))
        : table({
          label: 'Tokens', rows: shown, key: (token) => token.id, mark: (token) => token.status !== 'active' && 'off',
          columns: [
            { title: 'Name', cell: (token) => [h('a', { href: `#/w/${context.slug}/members/${encodeURIComponent(token.id)}` }, token.name), h('span', { class: 'sub mono' }, token.id)] },
            { title: 'Role', cell: (token) => token.role },
            { title: 'Status', cell: (token) => [badge(STATUS[token.status], token.status), token.status === 'active' && token.expires_at && h('span', { class: 'sub' }, 'ends ', time(token.expires_at)), token.status === 'expired' && h('span', { class: 'sub' }, time(token.expires_at))] },
            { title: 'Tools', cell: (token) => (token.tools.join() === '*' ? 'all' : h('code', { class: 'clip', title: token.tools.join(', ') }, token.tools.join(', '))) },
            { title: 'Per minute', number: true, cell: (token) => token.rate_limit ?? 'no limit' },
            { title: 'Last used', cell: (token) => time(token.last_used_at) },
            { title: 'Made', cell: (token) => time(token.created_at) },
            {
              title: '', cell: (token) => h('div', { class: 'row' },
                h('a', { class: 'button small quiet', href: `#/w/${context.slug}/calls?token=${encodeURIComponent(token.id)}`, 'aria-label': `Calls of ${token.name}` }, 'Calls'),
                token.status === 'active' && button('Revoke', { small: true, danger: true, 'aria-label': `Revoke ${token.name}`, onclick: () => revoke(context, token) })),
            },
          ],
        }),
      gone > 0 && h('p', null, h('a', { href: `#/w/${context.slug}/tokens${ended ? '' : '?ended=1'}` }, ended ? 'Hide revoked tokens' : 'Show revoked tokens')),
    ];
  },
};

async function create(context) {
  const api = workspace(context.slug);
  const made = await dialog('New token', (close) => form({
    submit: 'Create token', cancel: () => close(),
    send: async (given) => close(await api.tokens.create({
      name: given.name, role: given.role,
      expires_in: given.expires_in ? Number(given.expires_in) : undefined,
      tools: given.tools ? given.tools.split(/[\s,]+/).filter(Boolean) : undefined,
      rate_limit: given.rate_limit === 'off' ? 'off' : Number(given.rate_limit) || undefined,
    })),
  },
  field('Name', input('name', { required: true, maxlength: 80, 'data-focus': true }), 'Who or what will hold it: alice, ci, support-bot.'),
  h('div', { class: 'two' },
    field('Role', select('role', ROLES, 'developer')),
    field('Works', select('expires_in', LIVES, ''))),
  h('div', { class: 'two' },
    field('Tools', input('tools', { placeholder: 'all' }), 'Patterns of tool names, such as github__*,!github__delete_*'),
    field('Requests a minute', input('rate_limit', { placeholder: '120', pattern: '[0-9]+|off' }), 'A number, or off'))));
  if (!made) return;
  await context.refresh();
  const reach = made.read_only;
  await dialog(`Token for ${made.name}`, (close) => h('div', { class: 'stack' },
    paste(context.slug, made.url, made.token),
    reach && notice(reach.callable ? 'plain' : 'warn', `It may call ${reach.callable} of ${reach.total} tools: those known to be read-only. `, 'Say of others that they are on the page Tools.'),
    h('div', { class: 'row end' }, button('I have copied it', { primary: true, onclick: () => close() }))), { wide: true, lasting: true });
  await context.refresh();
}

async function revoke(context, token) {
  const done = await confirm({
    title: `Revoke ${token.name}?`, action: 'Revoke token',
    text: h('p', null, 'Its very next request fails, and what it has running ends. It cannot be brought back; make another one instead.'),
    act: () => workspace(context.slug).tokens.revoke(token.id),
  });
  if (done) toast(`${token.name} is revoked`);
  await context.refresh();
}

/** The gateway tells strangers nothing; here is where the real cause is. */
function inspect(context) {
  return dialog('Why is a token refused?', (close) => {
    const said = h('div', { 'aria-live': 'polite' });
    return h('div', { class: 'stack' },
      h('p', { class: 'muted' }, 'The gateway answers every refused token alike. Paste one to see the real reason; it is looked up and not kept.'),
      form({
        submit: 'Look it up', cancel: () => close(),
        send: async (given) => {
          const found = await workspace(context.slug).tokens.inspect(given.token);
          said.replaceChildren(notice(found.accepted ? 'good' : 'bad', h('strong', null, found.accepted ? 'Accepted. ' : 'Refused. '), hinted(found.reason),
            found.token && h('p', null, `${found.token.name}, ${found.token.role}`, found.token.expires_at && `, expires ${exact(found.token.expires_at)}`),
            !found.accepted && h('p', null, found.token ? 'It does not come back: make a new one for whoever holds it. ' : 'See that all of it was pasted, and that the client has the URL of the right workspace. ',
              button('New token', { small: true, onclick: () => { close(); void create(context); } }))));
        },
      }, field('Token', input('token', { type: 'password', required: true, 'data-focus': true })), said));
  });
}
