// The way in: the first operator's account, signing in, and the password again before what matters most.

import { h } from '../dom.js';
import { session } from '../api.js';
import { dialog, field, form, input, notice } from '../parts.js';

/**
 * What somebody sees who is not signed in.
 * @param {{setup: boolean}} answer
 * @param {string|undefined} message
 * @param {(answer: any) => void} enter
 */
export function door(answer, message, enter) {
  return h('div', { class: 'door' }, h('main', { id: 'main', class: 'stack', tabindex: '-1' },
    h('div', { class: 'brand' }, h('img', { src: '/assets/icon.svg', alt: '' }), 'Toolgate'),
    message && notice('plain', message),
    answer.setup ? setUp(enter) : signIn(enter)));
}

function signIn(enter) {
  const body = h('div', { class: 'stack' });
  const show = (how) => {
    body.replaceChildren(how === 'password'
      ? form({ submit: 'Sign in', send: async (given) => enter(await session.signIn({ email: given.email, password: given.password })) },
        field('E-mail', input('email', { type: 'email', autocomplete: 'username', required: true, 'data-focus': true })),
        field('Password', input('password', { type: 'password', autocomplete: 'current-password', required: true })))
      : form({ submit: 'Sign in', send: async (given) => enter(await session.signIn(/^mwt_/.test(given.key.trim()) ? { token: given.key.trim() } : { key: given.key.trim() })) },
        field('Key or token', input('key', { type: 'password', autocomplete: 'off', required: true, 'data-focus': true }),
          'An operator key (ak_…) opens the installation, an Admin token (mwt_…) its own workspace.')));
    body.append(h('button', { type: 'button', class: 'button quiet small', onclick: () => { show(how === 'password' ? 'key' : 'password'); body.querySelector('input').focus(); } },
      how === 'password' ? 'Use a key or a token' : 'Use e-mail and password'));
  };
  show('password');
  queueMicrotask(() => body.querySelector('input')?.focus());
  return h('section', { class: 'card' }, h('h1', null, 'Sign in'), body,
    h('details', null, h('summary', null, 'Lost your password?'),
      h('p', { class: 'hint' }, 'On the host: ', h('code', null, 'toolgatectl operator reset-password E-MAIL'))));
}

function setUp(enter) {
  queueMicrotask(() => document.querySelector('.door input')?.focus());
  return h('section', { class: 'card' }, h('h1', null, 'Set up this installation'),
    h('p', { class: 'muted' }, 'Nobody administers it in a browser yet. The setup token is in the output of ', h('code', null, 'toolgatectl serve'), '; it is good for 30 minutes and works once.'),
    form({
      submit: 'Create the account',
      send: async (given) => {
        if (given.password !== given.again) throw Object.assign(new Error('the two passwords differ'), { hint: 'type the same password twice' });
        enter(await session.setUp({ setup_token: given.setup_token, email: given.email, password: given.password }));
      },
    },
    field('Setup token', input('setup_token', { required: true, 'data-focus': true, class: 'mono' })),
    field('E-mail', input('email', { type: 'email', autocomplete: 'username', required: true })),
    field('Password', input('password', { type: 'password', autocomplete: 'new-password', required: true, minlength: 12 }), 'At least 12 characters; a few words are easier to keep than a few signs.'),
    field('Password again', input('again', { type: 'password', autocomplete: 'new-password', required: true, minlength: 12 }))));
}

/** Asks for the password, the key or the token again; true when it was right. */
export async function askPassword(who) {
  const what = { operator: 'password', key: 'key', workspace: 'token' }[who?.kind] ?? 'password';
  const done = await dialog('Is it still you?', (close) => h('div', { class: 'stack' },
    h('p', { class: 'muted' }, `Secrets, tokens and keys ask for your ${what} again. It is good for 10 minutes.`),
    form({
      submit: 'Go on', cancel: () => close(false),
      send: async (given) => {
        await session.stepUp(what === 'token' ? { token: given.proof } : what === 'key' ? { key: given.proof } : { password: given.proof });
        close(true);
      },
    },
    who?.kind === 'operator' && h('input', { type: 'text', name: 'user', autocomplete: 'username', value: who.name, hidden: true, 'aria-hidden': 'true', tabindex: '-1' }),
    field(what.charAt(0).toUpperCase() + what.slice(1), input('proof', { type: 'password', autocomplete: what === 'password' ? 'current-password' : 'off', required: true, 'data-focus': true })))));
  return done === true;
}
