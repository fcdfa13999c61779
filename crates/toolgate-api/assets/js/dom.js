// Builds and updates the page. Text is always inserted as text: nothing here, or anywhere else, parses markup (S-79).

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element. Properties named `on…` are handlers, `class` may be a list, `false` and `null` leave an attribute out.
 * @param {string} tag
 * @param {Record<string, any>|null} [props]
 * @param {...any} children elements, text, numbers, nested lists; null and false are skipped
 * @returns {HTMLElement}
 */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, any>|null} [props]
 * @param {...any} children
 * @returns {SVGElement}
 */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) set(node, name, value);
  add(node, children);
  return node;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith('on')) {
    node[name] = value;
    (node.handlers ??= []).push(name);
  } else if (name === 'class') {
    node.setAttribute('class', Array.isArray(value) ? value.filter(Boolean).join(' ') : value);
  } else if (name === 'value' || name === 'checked') {
    node[name] = value;
    node.given = value;
  } else if (name === 'width' && node instanceof HTMLElement) {
    node.style.width = value; // through the object model: the content policy refuses style attributes
  } else {
    node.setAttribute(name, value === true ? '' : String(value));
  }
}

function add(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(node, child);
    else node.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Makes `old` look like `fresh`, touching only what differs, so that focus, selection, scrolling and what is being
 * typed stay as they are while a page refreshes itself.
 * @param {Element} old
 * @param {Element} fresh
 */
export function morph(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === 'open' && old.tagName === 'DETAILS')) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    // Widths are set below: the content policy refuses a style that comes as an attribute.
    if (name !== 'style' && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const name of old.handlers ?? []) old[name] = null;
  for (const name of fresh.handlers ?? []) old[name] = fresh[name];
  old.handlers = fresh.handlers;
  if (fresh.style?.width !== old.style?.width) old.style.width = fresh.style.width;
  if (fresh.given !== undefined && old.given !== fresh.given && document.activeElement !== old) {
    const property = 'checked' in fresh && fresh.type !== 'text' && typeof fresh.given === 'boolean' ? 'checked' : 'value';
    old[property] = old.given = fresh.given;
  }
  if (old.dataset?.owned !== undefined) return; // draws its own inside, such as a chart
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  const keyed = new Map(before.filter((node) => node.dataset?.key).map((node) => [node.dataset.key, node]));
  let at = 0;
  for (const node of after) {
    const key = node.dataset?.key;
    let match = key ? keyed.get(key) : before[at];
    if (match && !key && match.dataset?.key) match = undefined;
    if (match && match.parentNode === old && same(match, node)) {
      if (old.childNodes[at] !== match) old.insertBefore(match, old.childNodes[at] ?? null);
      if (match.nodeType === Node.TEXT_NODE) {
        if (match.data !== node.data) match.data = node.data;
      } else {
        morph(match, node);
      }
    } else {
      old.insertBefore(node, old.childNodes[at] ?? null);
      before.splice(at, 0, node);
    }
    at += 1;
  }
  while (old.childNodes.length > at) old.lastChild.remove();
}

function same(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.id === other.id
    && one.dataset?.key === other.dataset?.key && one.dataset?.owned === other.dataset?.owned;
}

/** Puts children in the place of everything inside. */
export function replace(node, ...children) {
  node.replaceChildren();
  add(node, children);
}

const ICONS = {
  home: 'M4 11.5 12 5l8 6.5V19a1 1 0 0 1-1 1h-4v-5h-6v5H5a1 1 0 0 1-1-1z',
  server: 'M5 4h14a1 1 0 0 1 1 1v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM5 13h14a1 1 0 0 1 1 1v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-5a1 1 0 0 1 1-1zM8 7.5h.01M8 16.5h.01',
  tool: 'M14.5 6.5a4 4 0 0 1 5-1.5l-2.8 2.8.5 2 2 .5L22 7.5a4 4 0 0 1-5.2 5L9 20.3a2 2 0 0 1-3-3L14 9.5a4 4 0 0 1 .500-3z',
  lock: 'M6 11h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM8 11V8a4 4 0 0 1 8 0v3M12 15v2',
  key: 'M14.5 14a5 5 0 1 0-4.6-3L4 17v3h3l1-1v-2h2l1.7-1.7M15.5 8.5h.01',
  users: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.3a6.5 6.5 0 0 1 3.5 5.7',
  pulse: 'M3 12h4l3-8 4 16 3-8h4',
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  chart: 'M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6',
  inbox: 'M4 13l2.5-7.5A2 2 0 0 1 8.4 4h7.2a2 2 0 0 1 1.9 1.5L20 13v5a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2zM4 13h5l1 2.5h4l1-2.5h5',
  shield: 'M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM9 12l2 2 4-4',
  gear: 'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 2.8v2.4M12 18.8v2.4M4.9 4.9l1.7 1.7M17.4 17.4l1.7 1.7M2.8 12h2.4M18.8 12h2.4M4.9 19.1l1.7-1.7M17.4 6.6l1.7-1.7',
  plus: 'M12 5v14M5 12h14',
  copy: 'M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1zM5 15H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v1',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  cross: 'M6 6l12 12M18 6L6 18',
  out: 'M15 12H4M8 8l-4 4 4 4M12 4h7a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-7',
  save: 'M12 4v11M7 10.500l5 5 5-5M5 20h14',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  play: 'M7 5l12 7-12 7z',
  pause: 'M8 5v14M16 5v14',
  warn: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.500 2.500h-15zM10 20.500a2 2 0 0 0 4 0',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM20 20l-4.8-4.8',
};

/** A small picture beside a word; it says nothing to a screen reader. */
export function icon(name) {
  return s('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, s('path', { d: ICONS[name] }));
}
