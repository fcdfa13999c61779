// S-79: whatever servers, clients and people write stands in the pages as text. Hundreds of payloads in every field that
// somebody else decides: none runs, none makes an element, and the content policy has nothing to refuse.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { payloads } from './payloads.mjs';
import { Hand, browser, callTool, installation, rpc, server, steps } from './stage.mjs';

const test = steps();
const BASE = '/api/community/mcp/workspaces';
const at = (place) => `#/w/hostile${place && `/${place}`}`;
const SERVERS = ['one', 'two'];
const half = Math.ceil(payloads.length / SERVERS.length);
/** What fits the name of a tool that clients can call. */
const short = payloads.filter((one) => one.length <= 60 && !/\p{Cc}/u.test(one));
/** What the API takes as a name. */
const names = payloads.filter((one) => one.trim().length >= 2 && one.length <= 78 && !/\p{Cc}/u.test(one));

let house, upstreams, chromium, me, key, token;

/** The tools of one server: each payload describes one, and the next one is its title. */
function tools(of, shift) {
  const own = payloads.slice(of * half, (of + 1) * half);
  return own.map((payload, index) => {
    const other = payloads[(of * half + index + shift) % payloads.length];
    return {
      name: index < 30 ? short[(of * 30 + index) % short.length] : `tool-${index}`, title: payload, description: shift ? other : payload,
      inputSchema: { type: 'object', title: payload, properties: { a: { type: 'string', description: payload } } }, annotations: { title: payload, readOnlyHint: true },
    };
  });
}

before(async () => {
  upstreams = await Promise.all(SERVERS.map(() => server(null)));
  for (const [of, one] of upstreams.entries()) Object.assign(one.state, { tools: tools(of, 0), info: { name: payloads[of], title: payloads[of + 9], version: payloads[of + 5] } });
  house = await installation();
  await house.ctl('workspace', 'create', 'Hostile');
  key = JSON.parse(await house.ctl('key', 'create', 'tests', '--json')).key;
  token = JSON.parse(await house.ctl('token', 'create', 'hostile', '--name', payloads[0], '--rate-limit', 'off', '--json')).token;
  chromium = await browser(house.url);
  me = new Hand(chromium.page, house.url);
  await me.claim(house.setup, 'alice@example.com', 'correct horse battery');
}, { timeout: 120_000 });

after(async () => {
  await chromium?.end();
  await house?.end();
  upstreams?.forEach((one) => one.end());
});

async function api(method, path, body) {
  const response = await fetch(`${house.url}${path}`, { method, headers: { 'x-api-key': key, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

async function all(noun) {
  const found = [];
  for (let cursor = ''; cursor !== null;) {
    const { body } = await api('GET', `${BASE}/hostile/${noun}?limit=500${cursor && `&cursor=${cursor}`}`);
    found.push(...body[noun]);
    cursor = body.next_cursor;
  }
  return found;
}

/** Nothing ran, nothing was refused, no element came of a text; and each of these texts stands there as it is. */
async function harmless(place, texts = []) {
  await me.page.mouse.move(400, 300);
  const { ran, violations, foreign, missing } = await me.page.evaluate((texts) => {
    const made = [...document.body.querySelectorAll('script, iframe, object, embed, style, link, base, meta, video, audio, math, template, image, animate, set, foreignObject, use, [onerror], [onload], [onfocus], [srcdoc], [ping]')];
    const pictures = [...document.images].filter((one) => !one.src.endsWith('/assets/icon.svg'));
    const links = [...document.links].filter((one) => one.protocol !== location.protocol || one.host !== location.host);
    const text = document.body.textContent;
    return { ran: globalThis.ran, violations: globalThis.violations, foreign: [...made, ...pictures, ...links].map((one) => one.outerHTML.slice(0, 120)), missing: texts.filter((one) => !text.includes(one)) };
  }, texts);
  assert.equal(ran, undefined, `${place}: a script ran`);
  assert.deepEqual(violations, [], place);
  assert.deepEqual(foreign, [], place);
  assert.deepEqual(missing, [], `${place}: not shown as written`);
}

async function visit(place, title, texts) {
  await me.go(at(place), title);
  await harmless(place, texts);
}

test('S-79: there are 300 payloads and more, each another', () => {
  assert.ok(payloads.length >= 300, `${payloads.length}`);
  assert.equal(new Set(payloads).size, payloads.length);
});

test('S-79: what servers say of themselves and of their tools is text', async () => {
  for (const [of, name] of SERVERS.entries()) await house.ctl('mcp', 'add', name, '--url', upstreams[of].url, '--workspace', 'hostile');
  const listed = await all('tools');
  const words = new Set(listed.map((tool) => tool.description));
  const there = payloads.filter((one) => words.has(one));
  assert.ok(there.length >= 300, `${there.length} of ${payloads.length} payloads describe a tool; ${listed.length} tools`);
  const hostile = listed.filter((tool) => short.includes(tool.tool)).length;
  assert.ok(hostile >= 20, `${hostile} tools have hostile names`);
  await visit('tools', 'Tools', [...there, ...listed.map((tool) => tool.exposed ?? tool.tool)]);
  for (const name of SERVERS) await visit(`servers/${name}`, name, listed.filter((tool) => tool.server === name).map((tool) => tool.description));
  await visit('servers', 'Servers');
});

test('S-79: what they change is text, letter by letter', async () => {
  for (const [of, name] of SERVERS.entries()) {
    Object.assign(upstreams[of].state, { tools: tools(of, 7), info: { name: payloads[of + 40], version: payloads[of + 50] } });
    await api('POST', `${BASE}/hostile/servers/${name}/test`, {});
  }
  const waiting = await all('reviews');
  assert.ok(waiting.length >= 300, `${waiting.length} tools wait`);
  const offered = waiting.flatMap((one) => one.differences.map((difference) => difference.parts.map((part) => part.text).join('')));
  await visit('reviews', 'Reviews', offered);
  await visit('', 'Hostile');
});

test('S-79: what they answer when they fail is text', async () => {
  for (let first = 0; first < payloads.length; first += 75) {
    upstreams[0].state.failure = payloads.slice(first, first + 75).join(' ');
    await me.go(at('servers/one'), 'one');
    await me.press('Test');
    await me.sees('dialog', 'Test of one');
    await harmless('a failed test');
    await me.closeDialogs();
  }
  upstreams[0].state.failure = null;
});

test('S-79: what a child writes to its standard error is text', async () => {
  const script = `for (const one of ${JSON.stringify(payloads.slice(0, 150))}) console.error(one); setInterval(() => {}, 1e6);`;
  await house.ctl('mcp', 'add', 'noisy', '--workspace', 'hostile', '--', process.execPath, '-e', script).catch(() => {});
  await api('POST', `${BASE}/hostile/servers/noisy/test`, {});
  await me.go(at('servers/noisy'), 'noisy');
  await me.press('Show');
  await me.sees('pre.log', 'globalThis.ran=1');
  await harmless('what it wrote');
});

test('S-79: names of tokens, alerts and workspaces, and what clients say they are, are text', async () => {
  const named = [];
  for (const name of names) {
    const made = await api('POST', `${BASE}/hostile/tokens`, { name });
    if (made.status === 201) named.push(made.body.name);
  }
  assert.ok(named.length >= 300, `${named.length} tokens`);
  for (const name of names.slice(0, 20)) await api('POST', `${BASE}/hostile/alerts`, { name, rule: { kind: 'pins' }, url: 'https://hooks.example.com/x' });
  for (const name of names.slice(0, 30)) await api('POST', BASE, { name, description: name });
  await api('PATCH', `${BASE}/hostile`, { description: payloads.join(' ').slice(0, 1000) });
  const url = `${house.gateway}/ws/hostile`;
  for (const client of payloads.slice(0, 25)) await rpc(url, token, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: client, title: client, version: client } });
  for (const tool of ['one__tool-40', ...short.slice(0, 25)]) await callTool(url, token, tool, {});
  const { body } = await api('GET', BASE);
  await visit('tokens', 'Tokens', named);
  await visit('alerts', 'Alerts');
  await visit('audit', 'Audit');
  await visit('settings', 'Settings');
  for (const place of ['calls', 'live']) {
    await me.go(at(place), place === 'calls' ? 'Calls' : 'Live calls');
    await me.sees('td', payloads[0]);
    await harmless(place);
  }
  const { id } = (await all('tokens')).find((one) => one.name === payloads[0]);
  await visit(`members/${id}`, payloads[0], [payloads[0]]);
  await visit('analytics', 'Analytics');
  await me.go('#/', 'Workspaces');
  await harmless('workspaces', body.workspaces.map((one) => one.name));
  await me.go('#/audit', 'Audit');
  await harmless('the whole audit');
});

test('S-79: what stands in an address is text', async () => {
  for (const one of payloads.slice(0, 120).filter((_, index) => index % 12 === 0)) {
    const hidden = encodeURIComponent(one);
    for (const place of [`#/w/${hidden}`, at(`servers/${hidden}`), at(`calls?tool=${hidden}&status=${hidden}&member=${hidden}`), at(`tools?q=${hidden}`)]) {
      await me.page.goto(`${house.url}/${place}`);
      await me.settled();
      await harmless(place);
    }
  }
});

test('S-79: the browser had nothing to complain of', () => {
  assert.deepEqual(chromium.complaints, []);
});
