// The frame around the pages: who is signed in, which page the address names, and keeping it fresh.

import { h, icon, morph, replace } from './dom.js';
import { hooks, session, workspaces } from './api.js';
import { button, failure, select } from './parts.js';
import { askPassword, door } from './pages/door.js';
import { code, invitation } from './pages/invite.js';
import { routes } from './routes.js';

const app = document.getElementById('app');
const frame = { who: null, spaces: [], main: null, side: null };
let shown = null; // the page on screen: { page, context, timer, stop, number }
let number = 0;

const SECTIONS = [
  ['', 'Overview', 'home'], ['live', 'Live calls', 'pulse'], ['calls', 'Calls', 'list'], ['analytics', 'Analytics', 'chart'], ['alerts', 'Alerts', 'bell'],
  null,
  ['servers', 'Servers', 'server'], ['tools', 'Tools', 'tool'], ['reviews', 'Reviews', 'inbox'], ['secrets', 'Secrets', 'lock'],
  null,
  ['tokens', 'Tokens', 'key'], ['members', 'Members', 'users'], ['audit', 'Audit', 'shield'], ['settings', 'Settings', 'gear'],
];
const GROUPS = ['Traffic', 'Tools', 'Access'];

theme(localStorage.getItem('theme'));
hooks.signedOut = () => { if (frame.who) { frame.who = null; void begin('Your session ended. Sign in again to go on where you were.'); } };
hooks.stepUp = () => askPassword(frame.who);
addEventListener('hashchange', () => {
  if (code()) void begin();
  else if (frame.who) void navigate();
});
document.addEventListener('visibilitychange', () => { if (!document.hidden && shown) void refresh(shown); });
void begin();

/** Shows the door, or what is behind it. */
async function begin(message) {
  leave();
  if (code()) {
    document.title = 'Invitation – Toolgate';
    replace(app, await invitation(code(), begin));
    return;
  }
  let answer;
  try {
    answer = await session.get();
  } catch (error) {
    replace(app, h('div', { class: 'door' }, h('main', { id: 'main', class: 'stack' }, failure(error), button('Try again', { onclick: () => void begin() }))));
    return;
  }
  if (answer.signed_in) return enter(answer);
  document.title = 'Sign in – Toolgate';
  replace(app, door(answer, message, enter));
}

async function enter(answer) {
  frame.who = answer.who;
  frame.version = answer.version;
  frame.main = h('main', { id: 'main', tabindex: '-1' });
  frame.side = h('div', { class: 'side' });
  replace(app, h('div', { class: 'frame' }, frame.side, frame.main));
  if (answer.who.workspace && !location.hash.startsWith(`#/w/${answer.who.workspace}`)) {
    history.replaceState(null, '', `#/w/${answer.who.workspace}`);
  }
  await navigate();
}

/** `#/w/team/servers/github?x=1` as parts and a query. */
function address() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { parts: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

async function navigate() {
  const { parts, query } = address();
  const found = routes(parts);
  leave();
  const context = { ...found.given, query, who: frame.who, refresh: () => refresh(showing), go: (to) => { location.hash = to; }, spaces: () => frame.spaces };
  const showing = { page: found.page, context, number: (number += 1) };
  shown = showing;
  document.title = `${found.page.title}${context.slug ? ` – ${context.slug}` : ''} – Toolgate`;
  sidebar(context, parts);
  replace(frame.main, h('h1', { class: 'unseen' }, found.page.title), h('div', { class: 'skeleton', 'aria-busy': 'true', 'aria-label': 'Loading' }));
  frame.main.focus({ preventScroll: true });
  scrollTo(0, 0);
  await spaces(context, parts);
  await refresh(showing, true);
  if (shown === showing) showing.stop = found.page.start?.(context, frame.main);
}

/** Loads the page's data and shows what changed. */
async function refresh(showing, first = false) {
  if (shown !== showing) return;
  clearTimeout(showing.timer);
  try {
    const data = await showing.page.load?.(showing.context);
    if (shown !== showing || !frame.who) return;
    const view = h('main', { id: 'main', tabindex: '-1' }, showing.page.view(showing.context, data));
    if (first || showing.failed) { replace(frame.main, ...view.childNodes); } else morph(frame.main, view);
    showing.failed = false;
  } catch (error) {
    if (shown !== showing || !frame.who) return;
    showing.failed = true;
    replace(frame.main, h('h1', null, showing.page.title), failure(error), h('div', { class: 'row' }, button('Try again', { onclick: () => void refresh(showing) })));
  }
  if (showing.page.every && !document.hidden) {
    showing.timer = setTimeout(() => void refresh(showing), showing.failed ? 3000 : showing.page.every);
  }
}

function leave() {
  if (!shown) return;
  clearTimeout(shown.timer);
  shown.stop?.();
  shown = null;
}

async function spaces(context, parts) {
  try {
    frame.spaces = await workspaces.list();
    sidebar(context, parts);
  } catch { /* the page itself says what is wrong */ }
}

function sidebar(context, parts) {
  const slug = context.slug;
  const link = (to, text, look, current, mark) =>
    h('li', null, h('a', { href: to, 'aria-current': current ? 'page' : null }, icon(look), text, mark));
  const groups = [[]];
  for (const section of SECTIONS) section ? groups.at(-1).push(section) : groups.push([]);
  const all = frame.spaces.map((space) => [space.slug, space.name]);
  const everywhere = !frame.who.workspace;
  const fresh = h('div', { class: 'side' },
    h('a', { class: 'brand', href: everywhere ? '#/' : `#/w/${slug}` }, h('img', { src: '/assets/icon.svg', alt: '' }), 'Toolgate'),
    slug && h('div', null,
      h('label', { class: 'unseen', for: 'switch' }, 'Workspace'),
      select('switch', all.some(([known]) => known === slug) ? all : [[slug, slug], ...all], slug, {
        id: 'switch', class: 'switch', value: slug, onchange: (event) => { location.hash = `#/w/${encodeURIComponent(event.target.value)}`; },
      })),
    slug && groups.map((group, at) => h('nav', { 'aria-label': GROUPS[at] }, h('h2', null, GROUPS[at]),
      h('ul', { role: 'list', class: 'bare' }, group.map(([path, text, look]) =>
        link(`#/w/${slug}${path && `/${path}`}`, text, look, (parts[2] ?? '') === path))))),
    everywhere && h('nav', { 'aria-label': 'Installation' }, h('h2', null, 'Installation'), h('ul', { role: 'list', class: 'bare' },
      link('#/', 'Workspaces', 'grid', parts.length === 0),
      link('#/audit', 'Audit', 'shield', parts[0] === 'audit'),
      link('#/settings', 'Settings', 'gear', parts[0] === 'settings'))),
    h('div', { class: 'foot' },
      h('p', { class: 'muted' }, 'Signed in as ', h('span', { class: 'name' }, frame.who.name)),
      h('div', { class: 'row' },
        button('Sign out', { small: true, quiet: true, look: 'out', onclick: signOut }),
        button(h('span', { class: 'unseen' }, 'Change between light and dark'), { small: true, quiet: true, look: 'sun', title: 'Light or dark', onclick: toggleTheme }))));
  morph(frame.side, fresh);
}

async function signOut() {
  frame.who = null;
  leave();
  try { await session.signOut(); } catch { /* then it is over already */ }
  history.replaceState(null, '', '#/');
  await begin('You are signed out.');
}

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
}

function toggleTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  const next = dark ? 'light' : 'dark';
  localStorage.setItem('theme', next);
  theme(next);
}
