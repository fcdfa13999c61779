// What a test stands on: both binaries as a user starts them, a small MCP server that can be changed and stopped, and a
// browser that notices everything it complains of.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import path from 'node:path';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const root = path.resolve(import.meta.dirname, '../..');
const binaries = process.env.TOOLGATE_BINARIES ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), 'debug');
const chromium = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Where pictures go, if they are asked for. */
export const pictures = process.env.SCREENSHOTS ? path.resolve(process.env.SCREENSHOTS) : null;

/** For tests that build on one another: after one that failed the others are not tried. */
export function steps() {
  let failed = false;
  return (name, act) => test(name, async (context) => {
    if (failed) return context.skip('one before it failed');
    try {
      await act(context);
    } catch (error) {
      failed = true;
      throw error;
    }
  });
}

/** The data directory, the gateway with its demonstration servers, and the dashboard. */
export async function installation() {
  const data = mkdtempSync(path.join(tmpdir(), 'toolgate-browser-'));
  const gateway = await started('toolgate', ['--data-dir', data, '--listen', '127.0.0.1:0', '--demo'], /ready (http\S+)/);
  const dashboard = await started('toolgatectl', ['--data-dir', data, 'serve', '--listen', '127.0.0.1:0'], /ready (http\S+)/);
  const setup = await dashboard.said(/^\s+([0-9a-f]{64})$/m);
  const front = process.env.ASSETS ? await overlay(dashboard.match[1], path.resolve(process.env.ASSETS)) : null;
  return {
    url: front?.url ?? dashboard.match[1], gateway: gateway.match[1], setup: setup[1],
    ctl: (...args) => new Promise((settle, fail) => execFile(path.join(binaries, 'toolgatectl'), ['--data-dir', data, ...args], { timeout: 60_000 },
      (error, stdout, stderr) => (error ? fail(new Error(`toolgatectl ${args.join(' ')}: ${stderr}`)) : settle(stdout)))),
    end: async () => {
      front?.end();
      for (const one of [dashboard, gateway]) await one.end();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function started(program, args, ready) {
  const child = spawn(path.join(binaries, program), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (piece) => { text += piece; });
  child.stderr.on('data', (piece) => { text += piece; });
  const gone = new Promise((settle) => child.once('exit', settle));
  const said = async (pattern) => {
    const until = Date.now() + 60_000;
    while (!pattern.test(text)) {
      assert.ok(Date.now() < until && child.exitCode === null, `${program} did not say ${pattern}: ${text}`);
      await new Promise((settle) => setTimeout(settle, 20));
    }
    return pattern.exec(text);
  };
  return { match: await said(ready), said, end: async () => { child.kill('SIGTERM'); await gone; } };
}

/** The dashboard with its files from a folder instead of the binary: to work on pages without compiling. */
async function overlay(url, folder) {
  const behind = new URL(url);
  const kinds = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
  const { headers: guards } = await fetch(url);
  const front = http.createServer((request, response) => {
    const name = request.url.split('?')[0];
    if (name === '/' || name.startsWith('/assets/') || name.startsWith('/invite/')) {
      const file = path.join(folder, !name.startsWith('/assets/') ? 'index.html' : path.normalize(name.slice('/assets/'.length)));
      response.setHeader('content-security-policy', guards.get('content-security-policy'));
      return response.writeHead(200, { 'content-type': kinds[path.extname(file)] }).end(readFileSync(file));
    }
    const headers = { ...request.headers, host: behind.host };
    if (headers.origin) headers.origin = behind.origin;
    const onward = http.request({ host: behind.hostname, port: behind.port, method: request.method, path: request.url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise((settle) => front.listen(0, '127.0.0.1', settle));
  return { url: `http://127.0.0.1:${front.address().port}`, end: () => { front.closeAllConnections(); front.close(); } };
}

/**
 * A server of two tools, or those of `state.tools`, that wants a bearer token if there is one; `words` is what its first
 * tool says of itself, `failure` what it answers instead of them, `info` who it says it is.
 */
export async function server(secret) {
  const state = { words: 'Says how deep the snow is.', secret, tools: null, failure: null, info: { name: 'snow', version: '1.0.0' } };
  const tools = () => state.tools ?? [
    { name: 'snow', description: state.words, inputSchema: { type: 'object', properties: { place: { type: 'string' } } }, annotations: { readOnlyHint: true } },
    { name: 'plough', description: 'Clears a road.', inputSchema: { type: 'object' }, annotations: { destructiveHint: true } },
  ];
  const answers = {
    initialize: (params) => ({ protocolVersion: params.protocolVersion === '2024-11-05' ? '2024-11-05' : '2025-06-18', capabilities: { tools: {} }, serverInfo: state.info }),
    'tools/list': () => ({ tools: tools() }),
    'tools/call': (params) => ({ content: [{ type: 'text', text: `30 cm at ${params.arguments?.place ?? 'home'}` }], isError: params.name === 'plough' }),
    ping: () => ({}),
  };
  const listener = http.createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    if (request.method !== 'POST') return response.writeHead(405).end();
    if (state.secret && request.headers.authorization !== `Bearer ${state.secret}`) return response.writeHead(401).end();
    let message;
    try { message = JSON.parse(body); } catch { return response.writeHead(400).end(); }
    if (message.id === undefined) return response.writeHead(202).end();
    const answer = answers[message.method];
    const said = state.failure && message.method.startsWith('tools/') ? { error: { code: -32000, message: state.failure } } : answer ? { result: answer(message.params ?? {}) } : { error: { code: -32601, message: 'no such method' } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...said }));
  });
  await new Promise((settle) => listener.listen(0, '127.0.0.1', settle));
  return { state, url: `http://127.0.0.1:${listener.address().port}/mcp`, end: () => { listener.closeAllConnections(); listener.close(); } };
}

/** Something that takes webhooks. */
export async function receiver() {
  const got = [];
  const listener = http.createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    got.push(JSON.parse(body));
    response.writeHead(204).end();
  });
  await new Promise((settle) => listener.listen(0, '127.0.0.1', settle));
  return { got, url: `http://127.0.0.1:${listener.address().port}/hook`, end: () => { listener.closeAllConnections(); listener.close(); } };
}

/** One call of a tool, as any client makes it. */
export async function callTool(url, token, name, args) { return rpc(url, token, 'tools/call', { name, arguments: args }); }

/** Any request, by the token of whoever makes it. */
export async function rpc(url, token, method, params) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const text = await response.text();
  const data = text.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).at(-1) ?? text;
  return { status: response.status, message: data.trim() ? JSON.parse(data) : null };
}

/** A browser whose complaints are collected: errors, violations of the content policy, requests to elsewhere. */
export async function browser(base) {
  assert.ok(chromium, 'no Chromium was found; install the package chromium or set CHROMIUM');
  const self = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'], defaultViewport: { width: 1280, height: 860 } });
  const complaints = [];
  const open = async (context = self) => {
    const page = await context.newPage();
    page.setDefaultTimeout(45_000);
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    page.on('console', (message) => {
      // The browser itself reports answers that refuse; what the page makes of them is what the tests look at.
      if (message.type() === 'error' && !/status of 4\d\d|status of 503/.test(message.text())) complaints.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => { if (!request.url().startsWith(base) && !request.url().startsWith('data:')) complaints.push(`elsewhere: ${request.url()}`); });
    await page.evaluateOnNewDocument(() => {
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
    });
    return page;
  };
  return { self, open, complaints, page: await open(), end: () => self.close() };
}

/** What a test does on a page, in the words of who uses it. */
export class Hand {
  constructor(page, base) { this.page = page; this.base = base; }

  /** Claims the installation, and is signed in then. */
  async claim(setup, email, password) {
    await this.page.goto(`${this.base}/`);
    await this.sees('h1', 'Set up this installation');
    await this.type('Setup token', setup);
    await this.type('E-mail', email);
    await this.type('Password', password);
    await this.type('Password again', password);
    await this.press('Create the account');
    await this.sees('h1', 'Workspaces');
  }

  /** Goes to a page by its address and waits until it is there. */
  async go(hash, title) {
    await this.page.goto(`${this.base}/${hash}`);
    await this.page.reload();
    await this.sees('h1', title);
    await this.settled();
  }

  /** Waits until what the page asked for is there. A title comes before it, and a page read in between is an empty one. */
  async settled() { await this.page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('.skeleton')); }

  /** Waits until an element with this text is on the page. */
  async sees(selector, text) {
    const found = (selector, text) => [...document.querySelectorAll(selector)].some((one) => one.checkVisibility() && one.textContent.includes(text));
    try {
      await this.page.waitForFunction(found, { polling: 50 }, selector, text);
    } catch {
      assert.fail(`no ${selector} with “${text}”; the page says: ${(await this.text()).slice(0, 1500)}`);
    }
  }

  async text() { return this.page.evaluate(() => document.body.innerText); }

  /** Presses a button or link by its name, in the topmost dialog if there is one, once it has stopped moving. */
  async press(name) {
    const handle = await this.page.waitForFunction(async (name) => {
      const find = () => {
        const place = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
        const named = (one) => (one.getAttribute('aria-label') ?? one.textContent).trim();
        const all = [...place.querySelectorAll('button, a, [role=tab], summary')].filter((one) => one.checkVisibility() && !one.disabled);
        return all.find((one) => named(one) === name) ?? all.find((one) => named(one).startsWith(name)) ?? all.find((one) => named(one).includes(name));
      };
      const found = find();
      if (!found) return null;
      found.scrollIntoView({ block: 'center', behavior: 'instant' });
      const place = () => JSON.stringify(found.getBoundingClientRect());
      const before = place();
      await new Promise((settle) => { requestAnimationFrame(() => requestAnimationFrame(settle)); });
      return find() === found && place() === before ? found : null;
    }, { polling: 50 }, name).catch(async () => assert.fail(`nothing to press called “${name}”; the page says: ${(await this.text()).slice(0, 1500)}`));
    await handle.asElement().click();
  }

  /** The control with this label, in the topmost dialog if there is one. */
  async control(label) {
    const handle = await this.page.waitForFunction((label) => {
      const place = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
      return [...place.querySelectorAll('label')].find((one) => one.textContent.trim().startsWith(label))?.control;
    }, { polling: 50 }, label).catch(() => assert.fail(`no field called “${label}”`));
    return handle.asElement();
  }

  async type(label, text) {
    const control = await this.control(label);
    await control.click({ count: 3 });
    await control.type(text);
  }

  async choose(label, value) { await (await this.control(label)).select(value); }

  async closeDialogs() {
    for (let left = 5; left > 0 && await this.page.$('dialog[open]'); left -= 1) await this.page.keyboard.press('Escape');
  }

  /** Serious findings of the accessibility checker; of one rule alone, if one is named. */
  async axe(rule) {
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate((rule) => globalThis.axe.run(document, { resultTypes: ['violations'], ...(rule && { runOnly: [rule] }) }), rule);
    return violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')} ${one.nodes[0].failureSummary}`);
  }

  async theme(name) { await this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: name }]); }

  async picture(name) {
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    await this.page.evaluate(() => { scrollTo(0, 0); document.getElementById('toasts')?.replaceChildren(); });
    await new Promise((settle) => setTimeout(settle, 250));
    await this.page.screenshot({ path: path.join(pictures, `${name}.png`), optimizeForSpeed: false });
  }
}
