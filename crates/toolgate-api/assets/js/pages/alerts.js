// Alerts: what is watched, whether it is so now, and where that is sent.

import { h } from '../dom.js';
import { ifThere, workspace } from '../api.js';
import { relative, time } from '../format.js';
import { badge, button, confirm, dialog, empty, field, form, head, hinted, input, notice, select, table, toast } from '../parts.js';
import { notAvailable } from './members.js';

const KINDS = [
  ['error_rate', 'Too many calls fail'], ['latency', 'Calls take too long'], ['server_down', 'A server is down'],
  ['pins', 'A tool waits for a review'], ['quota', 'The calls of the month run out'],
];
const SPANS = [['60', '1 minute'], ['300', '5 minutes'], ['900', '15 minutes'], ['3600', '1 hour'], ['86400', '1 day']];

/** What a rule watches, as a sentence. */
function words(rule) {
  const of = rule.server ? ` of ${rule.server}` : '';
  const within = `in ${span(rule.window_s)}, of at least ${rule.least_calls} calls`;
  return {
    error_rate: () => `More than ${rule.over_percent} % of calls${of} fail ${within}`,
    latency: () => `The 95th percentile${of} is over ${rule.p95_over_ms} ms ${within}`,
    server_down: () => `${rule.server ?? 'A server'} is down for ${span(rule.for_s)}`,
    pins: () => 'A tool is held until somebody reviews it',
    quota: () => `${rule.at_percent} % of the month’s calls are used`,
  }[rule.kind]?.() ?? rule.kind;
}

function span(seconds) {
  const known = SPANS.find(([value]) => Number(value) === seconds);
  return known ? known[1] : relative(Date.now() - seconds * 1000).replace(' ago', '');
}

export const page = {
  title: 'Alerts',
  every: 10000,
  load: async ({ slug }) => {
    const api = workspace(slug);
    const [alerts, servers, secrets] = await Promise.all([ifThere(api.alerts.list()), api.servers.list(), api.secrets.list()]);
    return { alerts, servers, secrets };
  },
  view: (context, { alerts, servers, secrets }) => {
    if (!alerts) return [head('Alerts'), notAvailable('Alerts')];
    const add = () => create(context, servers, secrets);
    return [
      head('Alerts', 'A webhook when something needs somebody, and another when it is well again. The gateway watches; nobody has to look.', button('New alert', { primary: true, look: 'plus', onclick: add })),
      alerts.length === 0
        ? empty('bell', 'Nothing is watched', 'An alert posts JSON to a URL of yours when calls fail, take long, or a server is down.', button('New alert', { primary: true, look: 'plus', onclick: add }))
        : table({
          label: 'Alerts', rows: alerts, key: (alert) => alert.id, mark: (alert) => !alert.enabled && 'off',
          columns: [
            { title: 'Name', cell: (alert) => [alert.name, h('span', { class: 'sub' }, words(alert.rule))] },
            { title: 'Now', cell: (alert) => (!alert.enabled ? badge('plain', 'off') : alert.firing_since ? [badge('bad', 'firing'), h('span', { class: 'sub' }, 'since ', time(alert.firing_since))] : badge('good', 'quiet')) },
            { title: 'Sent to', cell: (alert) => [h('code', { class: 'clip', title: alert.url }, alert.url), alert.secret && h('span', { class: 'sub' }, 'signed with ', alert.secret)] },
            { title: 'Last sent', cell: (alert) => delivery(alert.last_delivery) },
            {
              title: '', cell: (alert) => h('div', { class: 'row' },
                button('Test', { small: true, look: 'play', 'aria-label': `Test ${alert.name}`, onclick: () => test(context, alert) }),
                button(alert.enabled ? 'Switch off' : 'Switch on', { small: true, 'aria-label': `Switch ${alert.enabled ? 'off' : 'on'} ${alert.name}`, onclick: () => toggle(context, alert) }),
                button('Delete', { small: true, danger: true, 'aria-label': `Delete ${alert.name}`, onclick: () => remove(context, alert) })),
            },
          ],
        }),
    ];
  },
};

function delivery(last) {
  if (!last) return h('span', { class: 'muted' }, 'nothing yet');
  return [last.delivered ? badge('good', 'delivered') : badge('bad', last.status ? `refused ${last.status}` : 'not delivered'),
    h('span', { class: 'sub' }, time(last.at), last.error && h('span', { class: 'unseen' }, last.error))];
}

async function create(context, servers, secrets) {
  const api = workspace(context.slug);
  const server = () => field('Server', select('server', [['', 'all'], ...servers.map((one) => [one.server, one.server])], ''));
  const amount = (name, value, props) => input(name, { type: 'number', value, min: 1, required: true, ...props });
  const judged = (first) => [
    h('div', { class: 'two' }, first, field('Within', select('window_s', SPANS, '300'))),
    h('div', { class: 'two' }, server(), field('Of at least', amount('least_calls', '10'), 'Calls; with fewer, nothing is said.'))];
  const fields = {
    error_rate: () => judged(field('More than, per cent', amount('over_percent', '20', { max: 99 }))),
    latency: () => judged(field('Over, milliseconds', amount('p95_over_ms', '2000'), 'One call in twenty takes longer.')),
    server_down: () => [h('div', { class: 'two' }, server(), field('For', select('for_s', SPANS, '60')))],
    pins: () => [],
    quota: () => [field('At, per cent', amount('at_percent', '80', { max: 100 }))],
  };
  const numbers = ['over_percent', 'window_s', 'least_calls', 'p95_over_ms', 'for_s', 'at_percent'];
  const made = await dialog('New alert', (close) => {
    const more = h('div', { class: 'stack' });
    const show = (kind) => more.replaceChildren(...fields[kind]());
    show('error_rate');
    return form({
      submit: 'Create alert', cancel: () => close(),
      send: async (given) => {
        const rule = { kind: given.kind };
        for (const name of numbers) if (given[name] !== undefined) rule[name] = Number(given[name]);
        if (given.server) rule.server = given.server;
        close(await api.alerts.create({ name: given.name, rule, url: given.url, secret: given.secret }));
      },
    },
    field('Name', input('name', { required: true, maxlength: 80, 'data-focus': true })),
    field('When', select('kind', KINDS, 'error_rate', { onchange: (event) => show(event.target.value) })),
    more,
    field('Send to', input('url', { type: 'url', required: true, placeholder: 'https://api.example.com/alerts' }), 'JSON is posted here. Addresses of the own network are allowed on the host alone.'),
    field('Signed with', select('secret', [['', 'not signed'], ...[...new Set(secrets.filter((one) => !one.server).map((one) => one.name))].map((name) => [name, name])], ''), 'A secret of this workspace; the receiver checks the signature with it.'));
  });
  if (!made) return;
  toast(`${made.name} is watched`);
  await context.refresh();
}

async function test(context, alert) {
  try {
    const sent = await workspace(context.slug).alerts.test(alert.id);
    await dialog(`A sample of ${alert.name}`, () => (sent.delivered
      ? notice('good', h('strong', null, 'It was taken. '), `The receiver answered ${sent.status}.`)
      : notice('bad', h('strong', null, sent.status ? `The receiver answered ${sent.status}. ` : 'It did not arrive. '), hinted(sent.error ?? ''))));
  } catch (error) {
    toast(`${error.message}${error.hint ? `; ${error.hint}` : ''}`, 'bad');
  }
  await context.refresh();
}

async function toggle(context, alert) {
  try {
    await workspace(context.slug).alerts.set(alert.id, { enabled: !alert.enabled });
    toast(`${alert.name} is ${alert.enabled ? 'off' : 'on'}`);
  } catch (error) {
    toast(error.message, 'bad');
  }
  await context.refresh();
}

async function remove(context, alert) {
  const done = await confirm({
    title: `Delete ${alert.name}?`, action: 'Delete alert', text: h('p', null, 'Nothing is sent any more when: ', words(alert.rule).replace(/^./, (first) => first.toLowerCase()), '.'),
    act: () => workspace(context.slug).alerts.remove(alert.id),
  });
  if (done) toast(`${alert.name} is deleted`);
  await context.refresh();
}
