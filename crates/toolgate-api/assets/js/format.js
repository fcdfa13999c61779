// Numbers and times as people read them.

import { h } from './dom.js';

const MINUTE = 60e3;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * `3 min ago`, or `in 2 d`, with the exact time in the title.
 * @param {string|number|null|undefined} when RFC 3339 or unix milliseconds
 * @param {string} [never] what stands for no time
 */
export function time(when, never = 'never') {
  if (when === null || when === undefined) return h('span', { class: 'muted' }, never);
  const date = new Date(when);
  return h('time', { datetime: date.toISOString(), title: exact(date) }, relative(date.getTime()));
}

/** The exact time in the reader's own zone. */
export function exact(when) {
  return new Date(when).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** `14:03:22` */
export function clock(when) {
  return new Date(when).toLocaleTimeString(undefined, { hour12: false });
}

export function relative(ms, now = Date.now()) {
  const away = Math.abs(now - ms);
  const said = away < 10e3 ? 'now'
    : away < MINUTE ? `${Math.round(away / 1e3)} s`
    : away < HOUR ? `${Math.round(away / MINUTE)} min`
    : away < 2 * DAY ? `${Math.round(away / HOUR)} h`
    : `${Math.round(away / DAY)} d`;
  if (said === 'now') return ms > now ? 'in a moment' : 'just now';
  return ms > now ? `in ${said}` : `${said} ago`;
}

/** `12,345` */
export function number(value) {
  return value === null || value === undefined ? '–' : Math.round(value).toLocaleString('en-US');
}

/** `950`, `12.3k`, `4.1M`: fits an axis. */
export function short(value) {
  if (value < 1000) return String(Math.round(value * 10) / 10);
  const [unit, by] = value < 1e6 ? ['k', 1e3] : ['M', 1e6];
  return `${Number((value / by).toPrecision(3))}${unit}`;
}

/** `12 ms`, `1.4 s`, `2 min` */
export function millis(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Math.round(ms / MINUTE)} min`;
}

/** `512 B`, `1.2 KiB` */
export function bytes(count) {
  if (count === null || count === undefined) return '–';
  if (count < 1024) return `${count} B`;
  if (count < 1024 ** 2) return `${Number((count / 1024).toPrecision(3))} KiB`;
  return `${Number((count / 1024 ** 2).toPrecision(3))} MiB`;
}

/** `97.3 %` */
export function percent(part, whole) {
  return whole ? `${Number(((100 * part) / whole).toFixed(part === whole ? 0 : 1))} %` : '–';
}

/** `1 tool`, `2 tools` */
export function count(many, thing) {
  return `${number(many)} ${thing}${many === 1 ? '' : 's'}`;
}
