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
  await me.press('bob@example.com');
  await me.sees('h1', 'bob@example.com');
  await me.sees('.tile', 'Turned away1');
  await me.sees('tbody .badge', 'refused');
  await me.picture('member');
  assert.deepEqual(await me.axe(), []);
  await me.press('All of their calls');
  await me.page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await me.sees('td', 'bob@example.com');
  await me.go(at('members'), 'Members');
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
});

test('the plan is put in force, and one of its limits is changed', async () => {
  await me.go('#/settings', 'Settings');
  await me.press('Change the plan');
  await me.choose('Start from', 'free');
  await me.picture('plan');
  assert.deepEqual(await me.axe(), []);
  await me.press('Put it in force');
  await me.sees('dialog', 'those older than 1 day will be deleted');
  await me.press('Cancel');
  await me.sees('dialog', 'Change the plan');
  await me.press('Put it in force');
  await me.press('Delete older calls');
  await me.sees('#toasts', 'The plan free is in force');
  await me.sees('.badge', 'free');
  await me.picture('installation');
  assert.match(await house.ctl('plan', 'show'), /Plan free/);
  await me.press('Change the plan');
  await me.type('Workspaces', '0');
  await me.type('Calls', '5k');
  await me.type('Members', 'unlimited');
  await me.press('Put it in force');
  await me.sees('dialog', 'There is more than that already');
  await me.press('Done');
  await me.sees('.badge', 'custom');
  const shown = JSON.parse(await house.ctl('plan', 'show', '--json'));
  assert.deepEqual([shown.workspaces, shown.members, shown.calls_per_month], [0, null, 5000]);
  await me.press('Change the plan');
  await me.choose('Start from', 'self-hosted');
  await me.press('Put it in force');
  await me.sees('#toasts', 'The plan self-hosted is in force');
});

test('S-77: the password is asked for again before a token is made, and a wrong one makes none', async () => {
  // Ten minutes after signing in; nobody waits for them here: the first answer is the one that comes then.
  let late = true;
  await me.page.setRequestInterception(true);
  const meet = (request) => {
    if (!late || request.method() !== 'POST' || !request.url().endsWith('/tokens')) return request.continue();
    late = false;
    return request.respond({ status: 403, contentType: 'application/json', body: JSON.stringify({ error: { code: 'step_up_needed', message: 'the password has to be given again', hint: null } }) });
  };
  me.page.on('request', meet);
  await me.go(at('tokens'), 'Tokens');
  const make = async () => {
    await me.press('New token');
    await me.type('Name', 'carol');
    await me.press('Create token');
    await me.sees('dialog h2', 'Is it still you?');
  };
  await make();
  await me.sees('dialog', 'ask for your password again');
  assert.deepEqual(await me.axe(), []);
  await me.picture('step-up');
  await me.type('Password', 'not the password');
  await me.press('Go on');
  await me.sees('dialog [role=alert]', 'is not right');
  await me.press('Cancel');
  await me.sees('dialog [role=alert]', 'has to be given again');
  assert.ok(!(await house.ctl('token', 'list', 'snow-team')).includes('carol'));
  await me.closeDialogs();
  late = true;
  await make();
  await me.type('Password', PASSWORD);
  await me.press('Go on');
  await me.sees('dialog h2', 'Token for carol');
  await me.press('I have copied it');
  await me.sees('td, th', 'carol');
  me.page.off('request', meet);
  await me.page.setRequestInterception(false);
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
