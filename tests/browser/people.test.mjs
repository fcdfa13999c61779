// People, alerts and what the installation may hold, as whoever administers it does them. The parts build on one another.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Hand, browser, callTool, installation, receiver, server, steps } from './stage.mjs';

const test = steps();
const ADMIN = 'alice@example.com';
const PASSWORD = 'correct horse battery';
const at = (place) => `#/w/snow-team/${place}`;

let house, upstream, hook, chromium, me;

before(async () => {
  [upstream, hook, house] = await Promise.all([server('snow-secret-that-is-right'), receiver(), installation()]);
  await house.ctl('workspace', 'create', 'Snow team');
  chromium = await browser(house.url);
  me = new Hand(chromium.page, house.url);
  await me.claim(house.setup, ADMIN, PASSWORD);
}, { timeout: 120_000 });

after(async () => {
  await chromium?.end();
  await house?.end();
  upstream?.end();
  hook?.end();
});

/** Opens a link as somebody else does, in a browser of their own. */
async function elsewhere(link) {
  const context = await chromium.self.createBrowserContext();
  const them = new Hand(await chromium.open(context), house.url);
  await them.page.goto(link);
  return { them, leave: () => context.close() };
}

async function invite(email) {
  await me.press('Invite');
  await me.type('E-mail', email);
  await me.press('Invite');
  await me.sees('dialog h2', `Invitation of ${email}`);
  return (await me.text()).match(/http\S+\/invite\/inv_\w+/)[0];
}

test('S-41: somebody is invited, accepts in another browser, calls a tool, is removed and refused', async () => {
  await me.go(at('members'), 'Members');
  await me.sees('.empty', 'Nobody is invited');
  const link = await invite('bob@example.com');
  await me.picture('invited');
  await me.press('Done');
  await me.sees('.badge', 'invited');

  const { them, leave } = await elsewhere(link);
  await them.sees('h1', 'You are invited to Snow team');
  await them.sees('dd', 'bob@example.com');
  assert.deepEqual(await them.axe(), []);
  await them.picture('invitation');
  await them.press('Accept and show my token');
  await them.sees('h1', 'You are in Snow team');
  const token = (await them.text()).match(/mwt_\w+/)[0];
  for (const [editor, words] of [['VS Code', '"servers"'], ['Claude Code', 'claude mcp add']]) {
    await them.press(editor);
    await them.sees('pre', words);
    await them.sees('pre', token);
  }
  assert.deepEqual(await them.axe(), []);
  await them.picture('accepted');
  assert.ok(!them.page.url().includes('inv_'), 'the code is gone from the address');
  await them.page.goto(link);
  await them.page.reload();
  await them.sees('h1', 'This invitation opens nothing');
  assert.ok(!(await them.page.content()).includes(token), 'shown once');
  assert.deepEqual(await them.page.evaluate(() => globalThis.violations), []);
  await leave();

  const url = `${house.gateway}/ws/snow-team`;
  const refused = await callTool(url, token, 'snow__nothing', {});
  assert.equal(refused.status, 200, 'the token works, whatever the tool says');
  await me.go(at('members'), 'Members');
  await me.sees('td', 'works');
  await me.picture('members');
  await me.press('Remove bob@example.com');
  await me.sees('dialog', 'very next request fails');
  await me.press('Remove');
  await me.sees('#toasts', 'bob@example.com is removed');
  await me.sees('.empty', 'Nobody is invited');
  assert.equal((await callTool(url, token, 'snow__nothing', {})).status, 401);
});

test('an invitation that is taken back opens nothing; with an address set the link is of that address', async () => {
  await house.ctl('settings', 'set', 'dashboard_url', house.url);
  await me.go(at('members'), 'Members');
  const link = await invite('carol@example.com');
  assert.ok(link.startsWith(house.url), link);
  await me.press('Done');
  await me.press('Take back the invitation of carol@example.com');
  await me.press('Take back');
  await me.sees('#toasts', 'is taken back');
  const { them, leave } = await elsewhere(link);
  await them.sees('h1', 'This invitation opens nothing');
  await them.picture('invitation-dead');
  await leave();
});

test('somebody joins the team with a password of their own', async () => {
  await me.go('#/settings', 'Settings');
  const link = await (async () => {
    await me.press('Invite to the team');
    await me.type('E-mail', 'dora@example.com');
    await me.press('Invite');
    await me.sees('dialog h2', 'Invitation of dora@example.com');
    return (await me.text()).match(/http\S+\/invite\/inv_\w+/)[0];
  })();
  await me.press('Done');
  await me.sees('td', 'invited');
  const { them, leave } = await elsewhere(link);
  await them.sees('h1', 'You are invited to the team');
  assert.deepEqual(await them.axe(), []);
  await them.picture('invitation-team');
  await them.type('Password', PASSWORD);
  await them.type('Password again', `${PASSWORD}!`);
  await them.press('Join the team');
  await them.sees('[role=alert]', 'The two passwords differ');
  await them.type('Password again', PASSWORD);
  await them.press('Join the team');
  await them.sees('.foot', 'dora@example.com');
  await me.go('#/settings', 'Settings');
  await me.press('Remove dora@example.com');
  await me.press('Remove');
  await me.sees('#toasts', 'dora@example.com is removed');
  await them.page.goto(`${house.url}/#/audit`);
  await them.page.reload();
  await them.sees('h1', 'Sign in');
  await leave();
});

test('the plan says how much is used, and settings are changed', async () => {
  await me.go('#/settings', 'Settings');
  await me.sees('td', 'no limit');
  await me.sees('tbody th', 'Servers in snow-team');
  await me.press('Change retention_days');
  await me.type('Value', 'forever');
  await me.press('Save');
  await me.sees('dialog [role=alert]', '1 to 3650');
  await me.type('Value', '14');
  await me.press('Save');
  await me.sees('#toasts', 'retention_days is saved');
  assert.match(await house.ctl('settings', 'get', 'retention_days'), /14/);
  await house.ctl('plan', 'set', 'free', '--yes');
  await me.sees('.badge', 'free');
  await me.picture('installation');
  await house.ctl('plan', 'set', 'self-hosted', '--yes');
});

test('S-65: an alert to this host is refused here, allowed on the host, and its sample arrives', async () => {
  await me.go(at('alerts'), 'Alerts');
  await me.sees('.empty', 'Nothing is watched');
  await me.press('New alert');
  await me.type('Name', 'failing');
  await me.type('Send to', hook.url);
  await me.picture('new-alert');
  await me.press('Create alert');
  await me.sees('dialog [role=alert]', 'have the operator add it on the host');
  await me.closeDialogs();
  await house.ctl('alert', 'create', 'failing', '--error-rate', '20', '--url', hook.url, '--workspace', 'snow-team');
  await me.go(at('alerts'), 'Alerts');
  await me.sees('.sub', 'More than 20 % of calls fail');
  await me.press('Test failing');
  await me.sees('dialog .notice.good', 'It was taken');
  assert.equal(hook.got.length, 1);
  await me.press('Close');
  await me.picture('alerts');
  hook.end();
  await me.press('Test failing');
  await me.sees('dialog .notice.bad', 'It did not arrive');
  await me.press('Close');
  await me.press('Switch off failing');
  await me.sees('#toasts', 'failing is off');
  await me.press('Delete failing');
  await me.press('Delete alert');
  await me.sees('.empty', 'Nothing is watched');
});

test('S-79: every page is accessible, and the browser refused nothing', async () => {
  const found = [];
  for (const place of [at('members'), at('alerts'), '#/settings']) {
    await me.page.goto(`${house.url}/${place}`);
    await me.page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('.skeleton'));
    for (const theme of ['light', 'dark']) {
      await me.theme(theme);
      // Between the themes nothing differs but colours.
      found.push(...(await me.axe(theme === 'dark' && 'color-contrast')).map((finding) => `${place} ${theme}: ${finding}`));
    }
  }
  assert.deepEqual(found, []);
  assert.deepEqual(await me.page.evaluate(() => globalThis.violations), []);
  assert.deepEqual(chromium.complaints, []);
});
