// The parts pages are made of: tables, badges, dialogs, forms, messages.

import { h, icon, replace } from './dom.js';

/**
 * A badge: a word with a colour, never a colour alone.
 * @param {'good'|'warn'|'bad'|'plain'|'accent'} kind
 */
export function badge(kind, text, title) {
  return h('span', { class: `badge ${kind}`, title }, text);
}

/** @param {Record<string, any>} props `primary`, `danger`, `small`, and what a button takes */
export function button(text, { primary, danger, small, quiet, look, class: more, ...props } = {}) {
  return h('button', { type: 'button', class: ['button', primary && 'primary', danger && 'danger', small && 'small', quiet && 'quiet', more], ...props },
    look && icon(look), text);
}

/** A link that looks like a button. */
export function linkButton(text, href, { primary, small, look } = {}) {
  return h('a', { class: ['button', primary && 'primary', small && 'small'], href }, look && icon(look), text);
}

/**
 * A table. Each column says its `title`, the `cell` of a row, and whether it is a `number`.
 * @param {{label: string, columns: any[], rows: any[], key?: (row: any) => string, mark?: (row: any) => any}} given
 */
export function table({ label, columns, rows, key, mark }) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    h('table', null,
      h('thead', null, h('tr', null, columns.map((column) =>
        h('th', { scope: 'col', class: column.number && 'number' }, column.title || h('span', { class: 'unseen' }, column.says ?? 'Actions'))))),
      h('tbody', null, rows.map((row) =>
        h('tr', { 'data-key': key?.(row), class: mark?.(row) }, columns.map((column, at) =>
          h(at === 0 && !column.plain ? 'th' : 'td', { scope: at === 0 && !column.plain ? 'row' : null, class: [column.number && 'number', column.class] }, column.cell(row))))))));
}

/** What stands where there is nothing yet: what it would be, and what to do next. */
export function empty(look, title, text, ...actions) {
  return h('div', { class: 'empty' }, icon(look), h('h2', null, title), h('p', null, text), actions.length > 0 && h('div', { class: 'row center' }, actions));
}

/** A message that something failed, with what to do. */
export function failure(error) {
  return h('div', { class: 'notice bad', role: 'alert' }, icon('warn'),
    h('div', null, h('strong', null, hinted(error.message)), error.hint && h('p', null, hinted(error.hint))));
}

/** @param {'good'|'warn'|'bad'|'plain'} kind */
export function notice(kind, ...children) {
  return h('div', { class: `notice ${kind}` }, icon(kind === 'good' ? 'check' : 'warn'), h('div', null, children));
}

/** A hint with its commands as code. */
export function hinted(text) {
  return sentence(text).split('`').map((part, at) => (at % 2 ? h('code', null, part) : part));
}

export function sentence(text) {
  const said = String(text ?? '');
  const first = said.charAt(0).toUpperCase() + said.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** A heading with text beside it and actions at its end. */
export function head(title, about, ...actions) {
  return h('header', { class: 'head' },
    h('div', null, h('h1', null, title), about && h('p', { class: 'muted' }, about)),
    actions.length > 0 && h('div', { class: 'row' }, actions));
}

/** A part of a page in a box. */
export function card(title, ...children) {
  return h('section', { class: 'card' }, title && h('h2', null, title), children);
}

/** Names and values side by side. */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(Boolean).map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))));
}

/** Text to copy, with a button that does. */
export function copyable(text, label, { block } = {}) {
  const code = h(block ? 'pre' : 'code', { tabindex: block ? '0' : null, 'aria-label': block ? label : null, class: 'copied' }, text);
  return h('div', { class: ['copyable', block && 'block'] }, code, copyButton(text, label, code));
}

function copyButton(text, label, shown) {
  const self = h('button', {
    type: 'button', class: 'button small quiet', 'aria-label': `Copy ${label}`, title: `Copy ${label}`,
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        replace(self, icon('check'), 'Copied');
        toast(`Copied ${label}`);
        setTimeout(() => replace(self, icon('copy'), 'Copy'), 1600);
      } catch {
        getSelection().selectAllChildren(shown);
        toast('Press Ctrl+C to copy what is marked');
      }
    },
  }, icon('copy'), 'Copy');
  return self;
}

/** A short message that goes away by itself. */
export function toast(text, kind = 'good') {
  const area = document.getElementById('toasts');
  const message = h('div', { class: `toast ${kind}` }, icon(kind === 'good' ? 'check' : 'warn'), h('span', null, text));
  area.append(message);
  while (area.childElementCount > 3) area.firstChild.remove();
  setTimeout(() => message.remove(), kind === 'good' ? 4000 : 9000);
}

let fields = 0;

/**
 * A labelled field.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {any} [hint]
 */
export function field(label, control, hint) {
  const id = control.id || (control.id = `field-${fields += 1}`);
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`);
  return h('div', { class: 'field' }, h('label', { for: id }, label), control, hint && h('p', { class: 'hint', id: `${id}-hint` }, hint));
}

export function input(name, props = {}) {
  return h('input', { name, type: 'text', autocomplete: 'off', spellcheck: 'false', ...props });
}

/** @param {Array<[string, string]>} choices value and text */
export function select(name, choices, value, props = {}) {
  return h('select', { name, ...props }, choices.map(([given, text]) => h('option', { value: given, selected: given === value }, text)));
}

/** A box to tick with its words. */
export function tick(name, label, checked = false, hint = null) {
  const id = `field-${fields += 1}`;
  return h('div', { class: 'tick' },
    h('input', { type: 'checkbox', name, id, checked, 'aria-describedby': hint && `${id}-hint` }),
    h('div', null, h('label', { for: id }, label), hint && h('p', { class: 'hint', id: `${id}-hint` }, hint)));
}

/** What a form holds: text by name, ticks as booleans, empty text left out. */
export function values(form) {
  const found = {};
  for (const control of form.elements) {
    if (!control.name || control.disabled) continue;
    if (control.type === 'checkbox') found[control.name] = control.checked;
    else if (control.type === 'radio') { if (control.checked) found[control.name] = control.value; }
    else if (control.type === 'password') found[control.name] = control.value;
    else if (control.value.trim() !== '') found[control.name] = control.value.trim();
  }
  return found;
}

/**
 * A form that says what went wrong where it happened, and cannot be sent twice.
 * @param {{submit: string, send: (values: any, form: HTMLFormElement) => Promise<any>, danger?: boolean, cancel?: () => void, look?: string}} given
 * @param {...any} children
 */
export function form({ submit, send, danger, cancel, look }, ...children) {
  const said = h('div', { class: 'said', 'aria-live': 'assertive' });
  const go = button(submit, { type: 'submit', primary: !danger, danger, look });
  const self = h('form', {
    novalidate: false,
    onsubmit: async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      go.setAttribute('aria-busy', 'true');
      replace(said);
      try {
        await send(values(self), self);
      } catch (error) {
        if (error.name !== 'AbortError') replace(said, failure(error));
      } finally {
        go.disabled = false;
        go.removeAttribute('aria-busy');
      }
    },
  }, children, said, h('div', { class: 'row end' }, cancel && button('Cancel', { onclick: cancel }), go));
  return self;
}

/**
 * A dialog. `make` gets a function that closes it and returns what is inside.
 * @param {string} title
 * @param {(close: (value?: any) => void) => any} make
 * @param {{wide?: boolean}} [look]
 * @returns {Promise<any>} what it was closed with
 */
export function dialog(title, make, { wide, modal = true, lasting } = {}) {
  return new Promise((settle) => {
    let result;
    const close = (value) => { result = value; self.close(); };
    const id = `dialog-${fields += 1}`;
    const self = h('dialog', { class: [wide && 'wide'], 'aria-labelledby': id, onclose: () => { self.remove(); settle(result); } },
      h('header', null, h('h2', { id }, title),
        h('button', { type: 'button', class: 'button quiet small', 'aria-label': 'Close', onclick: () => close() }, icon('cross'))),
      make(close));
    if (!lasting) {
      self.onclick = (event) => {
        const box = self.getBoundingClientRect();
        const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
        if (event.target === self && !inside && !self.querySelector('form')) close();
      };
    }
    document.body.append(self);
    self.showModal();
    (self.querySelector('[data-focus]') ?? self.querySelector('input, select, textarea') ?? self.querySelector('.button'))?.focus();
  });
}

/**
 * Asks before something is destroyed, saying what. With `typed`, its name has to be typed.
 * @param {{title: string, text: any, action: string, typed?: string, act: () => Promise<any>}} given
 * @returns {Promise<boolean>} whether it was done
 */
export async function confirm({ title, text, action, typed, act, danger = true }) {
  const done = await dialog(title, (close) => {
    const control = typed && input('typed', { required: true, 'data-focus': true });
    return form({
      submit: action, danger, cancel: () => close(false),
      send: async (given) => {
        if (typed && given.typed !== typed) throw new Error(`type ${typed} to go on`);
        await act();
        close(true);
      },
    }, h('div', { class: 'text' }, text), typed && field(`Type ${typed} to confirm`, control));
  });
  return done === true;
}
