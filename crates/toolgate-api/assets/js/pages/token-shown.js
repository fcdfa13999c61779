// A token that was just made: shown once, with what to paste into each editor.

import { h, replace } from '../dom.js';
import { copyable, notice } from '../parts.js';
import { editors } from '../editors.js';

/**
 * @param {string} slug
 * @param {string} url
 * @param {string} token
 * @param {string} [about]
 */
export function paste(slug, url, token, about) {
  const blocks = editors(slug, url, token);
  const panel = h('div', { role: 'tabpanel', id: 'paste', tabindex: '0', class: 'stack' });
  const tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Editor' });
  const choose = (at, focus) => {
    [...tabs.children].forEach((tab, index) => {
      tab.setAttribute('aria-selected', String(index === at));
      tab.tabIndex = index === at ? 0 : -1;
    });
    const block = blocks[at];
    panel.setAttribute('aria-label', block.name);
    replace(panel, h('p', { class: 'hint' }, block.where), copyable(block.text, `the block for ${block.name}`, { block: true }));
    if (focus) tabs.children[at].focus();
  };
  blocks.forEach((block, at) => tabs.append(h('button', {
    type: 'button', role: 'tab', 'aria-controls': 'paste', onclick: () => choose(at),
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) choose((at + step + blocks.length) % blocks.length, true);
    },
  }, block.name)));
  choose(0);
  return h('div', { class: 'stack' },
    notice('warn', h('strong', null, 'Copy the token now. '), 'It is shown this once; only a digest of it is kept.'),
    about && h('p', null, about),
    copyable(token, 'the token'),
    h('div', null, tabs), panel);
}
