// What waits for somebody's eyes: tools that changed or look suspicious, servers that are not who they were.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { badge, button, card, empty, head, linkButton, notice, sentence, toast } from '../parts.js';

export const page = {
  title: 'Reviews',
  every: 10000,
  load: ({ slug }) => workspace(slug).reviews.list(),
  view: (context, { tools, servers }) => [
    head('Reviews', 'Tools are served as they were approved. What a server changes waits here and reaches nobody until you approve it.'),
    tools.length + servers.length === 0 && empty('inbox', 'Nothing waits', 'When a server changes a tool, or offers one that looks suspicious, it shows here letter by letter.', linkButton('Tools', `#/w/${context.slug}/tools`)),
    servers.map((server) => serverCard(context, server)),
    tools.map((tool) => toolCard(context, tool)),
  ],
};

function toolCard(context, tool) {
  const api = workspace(context.slug);
  const name = `${tool.server}/${tool.tool}`;
  const words = { held: 'It is not served until it is approved.', changed: 'It is served as it was before, until this is approved.' };
  const changed = tool.differences.length > 0;
  return h('section', { class: 'card', 'data-key': `${name}/${tool.hash}` },
    h('h2', null, h('span', { class: 'row' }, h('code', null, name), badge('warn', tool.state)),
      h('span', { class: 'row' }, button('Approve', { primary: true, small: true, 'aria-label': `Approve ${name}`, onclick: () => approve(context, () => api.reviews.approve({ server: tool.server, tool: tool.tool, hash: tool.hash }), name) }))),
    h('p', null, tool.reason ? `${sentence(tool.reason)} ` : '', words[tool.state] ?? ''),
    tool.findings.length > 0 && notice('bad', h('strong', null, 'Looks suspicious'), tool.findings.map((finding) => h('p', null, finding.meaning, ' ', h('span', { class: 'muted' }, `(${finding.place})`)))),
    (changed ? tool.differences : tool.offered).map((difference) => h('div', null,
      h('h3', null, h('code', null, difference.place)),
      h('p', { class: 'diff' }, difference.parts.map((part) => ({
        added: () => h('ins', null, part.text), gone: () => h('del', null, part.text),
      }[part.change] ?? (() => part.text))())))),
    changed && tool.offered.length > 0 && h('details', null, h('summary', null, 'All that it offers now'),
      tool.offered.map((difference) => h('div', null, h('h3', null, h('code', null, difference.place)), h('p', { class: 'diff' }, difference.parts.map((part) => part.text))))),
    h('p', { class: 'hint' }, 'Digest ', h('code', null, tool.hash.slice(0, 16)), '. To keep it from clients for good, switch the tool off.'));
}

function serverCard(context, server) {
  const api = workspace(context.slug);
  return h('section', { class: 'card', 'data-key': `server/${server.server}/${server.hash}` },
    h('h2', null, h('span', { class: 'row' }, server.server, badge('bad', 'another server?')),
      button('It is the same server', { primary: true, small: true, 'aria-label': `Approve who ${server.server} is`, onclick: () => approve(context, () => api.reviews.approve({ server: server.server, hash: server.hash }), server.server) })),
    h('p', null, `${sentence(server.reason)} All of its tools are held until you say that this is right.`),
    h('div', { class: 'grid' },
      h('div', null, h('h3', null, 'As it was approved'), h('pre', { class: 'log' }, JSON.stringify(server.pinned, null, 2))),
      h('div', null, h('h3', null, 'As it is now'), h('pre', { class: 'log' }, JSON.stringify(server.seen, null, 2)))));
}

async function approve(context, act, name) {
  try {
    await act();
    toast(`${name} is approved as shown`);
  } catch (error) {
    toast(`${error.message}${error.hint ? `; ${error.hint}` : ''}`, 'bad');
  }
  await context.refresh();
}
