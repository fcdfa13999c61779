// Behind an invitation's link: who invites to what, and accepting it. Nobody is signed in here; the code is the key.

import { h } from '../dom.js';
import { invitations, session } from '../api.js';
import { exact } from '../format.js';
import { facts, failure, field, form, input } from '../parts.js';
import { paste } from './token-shown.js';

/** The code in the address, if the address is that of an invitation. A link's path is left for one that stays here. */
export function code() {
  const path = /^\/invite\/([^/]+)$/.exec(location.pathname);
  if (path) history.replaceState(null, '', `/#/invite/${path[1]}`);
  return /^#\/invite\/([^/?]+)$/.exec(location.hash)?.[1] ?? null;
}

/**
 * The page of an invitation.
 * @param {string} given the code
 * @param {(message?: string) => void} begin shows what comes after it
 */
export async function invitation(given, begin) {
  try {
    const shown = await invitations.show(given);
    return frame(shown.workspace ? toWorkspace(given, shown) : toTeam(given, shown, begin));
  } catch (error) {
    return frame(h('section', { class: 'card' }, h('h1', null, 'This invitation opens nothing'),
      error.status === 404 || error.status === 422
        ? h('p', null, 'It was used, replaced, taken back, or is older than seven days. Ask whoever invited you for another one.')
        : failure(error)));
  }
}

function frame(...children) {
  return h('div', { class: 'door' }, h('main', { id: 'main', class: 'stack', tabindex: '-1' },
    h('div', { class: 'brand' }, h('img', { src: '/assets/icon.svg', alt: '' }), 'Toolgate'), children));
}

function toWorkspace(given, shown) {
  const card = h('section', { class: 'card' },
    h('h1', null, `You are invited to ${shown.workspace_name ?? shown.workspace}`),
    h('p', { class: 'muted' }, 'A workspace is a set of tools behind one URL. Accepting gives you a token of your own for it; put it into your editor.'),
    facts([['For', shown.email], ['Role', shown.role], ['Good until', exact(shown.expires_at)]]),
    form({
      submit: 'Accept and show my token',
      send: async () => {
        const { token } = await invitations.accept(given);
        history.replaceState(null, '', '/');
        card.parentElement.classList.add('wide');
        card.replaceChildren(
          h('h1', null, `You are in ${shown.workspace_name ?? shown.workspace}`),
          paste(token.workspace, token.url, token.token, token.expires_at ? ['It works until ', exact(token.expires_at), '.'] : null),
          h('p', { class: 'muted' }, 'You may close this page when you have copied the token. If you lose it, ask for another invitation.'));
        document.getElementById('main').focus();
      },
    }));
  return card;
}

function toTeam(given, shown, begin) {
  return h('section', { class: 'card' },
    h('h1', null, 'You are invited to the team'),
    h('p', { class: 'muted' }, 'The team administers this whole installation. Choose the password that you will sign in with.'),
    facts([['For', shown.email], ['Good until', exact(shown.expires_at)]]),
    form({
      submit: 'Join the team',
      send: async (typed) => {
        if (typed.password !== typed.again) throw Object.assign(new Error('the two passwords differ'), { hint: 'type the same password twice' });
        await session.join({ code: given, password: typed.password });
        history.replaceState(null, '', '/#/');
        begin();
      },
    },
    h('input', { type: 'text', name: 'user', autocomplete: 'username', value: shown.email, hidden: true, 'aria-hidden': 'true', tabindex: '-1' }),
    field('Password', input('password', { type: 'password', autocomplete: 'new-password', required: true, minlength: 12, 'data-focus': true }), 'At least 12 characters; a few words are easier to keep than a few signs.'),
    field('Password again', input('again', { type: 'password', autocomplete: 'new-password', required: true, minlength: 12 }))));
}
