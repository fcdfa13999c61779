// Calls as they happen, pushed by the server.

import { h, replace } from '../dom.js';
import { workspace } from '../api.js';
import { bytes, clock, millis } from '../format.js';
import { badge, button, empty, head, linkButton, table } from '../parts.js';
import { choose, filters, narrowing } from './calls.js';
import { status } from './recent.js';

const MOST = 200;
const NARROW = ['status', 'server', 'tool', 'token', 'member'];

export const page = {
  title: 'Live calls',
  load: async ({ slug, query }) => ({ choices: await choose(workspace(slug)), asked: narrowed(query) }),
  view: (context, { choices, asked }) => [
    head('Live calls', NARROW.some((name) => asked[name]) ? 'Calls of this workspace that the filters let through, as they end.' : 'Every call of this workspace as it ends.'),
    filters(context, 'live', narrowing(asked, choices, []), NARROW.some((name) => asked[name]) && linkButton('Clear', `#/w/${context.slug}/live`)),
    h('div', { id: 'live', 'data-owned': 'live' }),
  ],
  start: (context, main) => {
    const place = main.querySelector('#live');
    let rows = [];
    let held = false;
    let state = 'connecting';
    const words = { connecting: 'connecting…', open: 'listening', lost: 'the connection was lost; trying again…' };
    const said = h('span', { 'aria-live': 'polite' });
    const dot = h('span', { class: 'live-dot', 'aria-hidden': 'true' });
    const pause = button('Pause', { small: true, look: 'pause', onclick: () => { held = !held; replace(pause, held ? 'Go on' : 'Pause'); draw(); } });
    const body = h('div');
    const draw = () => {
      dot.classList.toggle('on', state === 'open');
      replace(said, held ? 'paused' : words[state]);
      if (held) return;
      replace(body, rows.length === 0
        ? empty('pulse', 'Waiting for a call', 'Call a tool with a token of this workspace; it shows here the moment it ends.')
        : table({
          label: 'Live calls', rows, key: (call) => call.id, mark: (call) => Date.now() - call.seen < 1500 && 'fresh',
          columns: [
            { title: 'Time', cell: (call) => h('a', { href: `#/w/${context.slug}/calls/${call.id}` }, clock(call.time), h('span', { class: 'unseen' }, `, call of ${call.tool ?? 'an unknown tool'}`)) },
            { title: 'Tool', cell: (call) => [h('code', null, call.tool ?? 'unknown'), call.server && h('span', { class: 'sub' }, call.server)] },
            { title: 'Token', cell: (call) => call.token_name ?? call.token_id },
            { title: 'Status', cell: (call) => { const [kind, word] = status(call); return badge(kind, word); } },
            { title: 'Took', number: true, cell: (call) => millis(call.duration_ms) },
            { title: 'Out', number: true, cell: (call) => bytes(call.bytes_out) },
          ],
        }));
    };
    replace(place, h('div', { class: 'stack' }, h('div', { class: 'row' }, dot, said, h('span', { class: 'grow' }), pause), body));
    draw();
    const heard = (event) => {
      let call;
      try { call = JSON.parse(event.data); } catch { return; }
      if (!call?.id || rows.some((row) => row.id === call.id)) return;
      rows = [{ ...call, seen: Date.now() }, ...rows].slice(0, MOST);
      draw();
    };
    let source;
    let again;
    const listen = () => {
      source = new EventSource(workspace(context.slug).calls.live(narrowed(context.query)));
      source.onopen = () => { state = 'open'; draw(); };
      source.onerror = () => {
        state = 'lost';
        draw();
        if (source.readyState !== EventSource.CLOSED) return;
        // It was refused, and so is this if the session is over, which leads to the door.
        void context.refresh();
        again = setTimeout(listen, 3000);
      };
      source.onmessage = heard;
      source.addEventListener('call', heard);
    };
    listen();
    return () => { clearTimeout(again); source.close(); };
  },
};

function narrowed(query) {
  return Object.fromEntries(NARROW.map((name) => [name, query.get(name) || undefined]));
}
