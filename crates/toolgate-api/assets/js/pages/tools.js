// Every tool of the workspace: what it does, who says so, and whether clients may have it.

import { h } from '../dom.js';
import { workspace } from '../api.js';
import { count } from '../format.js';
import { badge, button, empty, head, input, linkButton, select, table, toast } from '../parts.js';

const CLASSES = [['read-only', 'read-only'], ['write', 'write'], ['destructive', 'destructive']];
const SAID = { admin: 'says an administrator', server: 'says its server', nobody: 'nobody says, so the worst' };
const STATES = { approved: ['good', 'approved'], held: ['warn', 'held'], changed: ['warn', 'changed'], gone: ['plain', 'gone'] };

export const page = {
  title: 'Tools',
  every: 15000,
  load: ({ slug }) => workspace(slug).tools.list(),
  view: (context, tools) => {
    const asked = (context.query.get('q') ?? '').toLowerCase();
    const shown = tools.filter((tool) => `${tool.exposed ?? ''} ${tool.server} ${tool.tool} ${tool.description ?? ''} ${tool.classification} ${tool.state}`.toLowerCase().includes(asked));
    return [
      head('Tools', 'Under the names that clients see. A tool is served as it was approved; what its server changes waits for a review.'),
      tools.length === 0
        ? empty('tool', 'No tool is known', 'Add a server, or test one that was never reached.', linkButton('Servers', `#/w/${context.slug}/servers`))
        : [
          h('form', { class: 'filters', role: 'search', onsubmit: (event) => event.preventDefault() },
            h('label', null, 'Find', input('q', { type: 'search', value: context.query.get('q') ?? '', placeholder: 'name, server, words', oninput: (event) => { context.query.set('q', event.target.value); context.refresh(); } })),
            h('p', { class: 'muted' }, `${count(shown.length, 'tool')} of ${tools.length}`)),
          toolTable(context, shown),
        ],
    ];
  },
};

/** Tools with what an administrator may say of each. */
export function toolTable(context, tools) {
  return table({
    label: 'Tools', rows: tools, key: (tool) => `${tool.server}/${tool.tool}`, mark: (tool) => !tool.enabled && 'off',
    columns: [
      { title: 'Tool', cell: (tool) => [h('code', null, tool.exposed ?? `${tool.server}/${tool.tool}`), tool.description && h('span', { class: 'sub' }, tool.description)] },
      {
        title: 'Does', cell: (tool) => [select('classification', CLASSES, tool.classification, {
          'aria-label': `What ${tool.tool} does`, value: tool.classification,
          onchange: (event) => change(context, tool, { classification: event.target.value }, `${tool.tool} counts as ${event.target.value}`),
        }), h('span', { class: 'sub' }, SAID[tool.classified_by])],
      },
      {
        title: 'Pin', cell: (tool) => [badge(...(STATES[tool.state] ?? ['plain', tool.state]), tool.reason), tool.state !== 'approved' && tool.state !== 'gone'
          ? h('a', { class: 'sub', href: `#/w/${context.slug}/reviews` }, 'Review') : h('span', { class: 'sub mono', title: tool.hash }, tool.hash.slice(0, 10))],
      },
      {
        title: '', cell: (tool) => h('div', { class: 'row' }, button(tool.enabled ? 'Switch off' : 'Switch on', {
          small: true, 'aria-label': `${tool.enabled ? 'Switch off' : 'Switch on'} ${tool.tool}`,
          onclick: () => change(context, tool, { enabled: !tool.enabled }, `${tool.tool} is ${tool.enabled ? 'off: neither listed nor callable' : 'on'}`),
        })),
      },
    ],
  });
}

async function change(context, tool, what, said) {
  try {
    await workspace(context.slug).tools.set(tool.server, tool.tool, what);
    toast(said);
  } catch (error) {
    toast(`${error.message}${error.hint ? `; ${error.hint}` : ''}`, 'bad');
  }
  await context.refresh();
}
