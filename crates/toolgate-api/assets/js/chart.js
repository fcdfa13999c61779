// Charts: axes, grid, and a tooltip that follows the pointer and the arrow keys. Each has its figures as a table, too.

import { h, s, replace } from './dom.js';
import { exact, short } from './format.js';

const LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 22;

/**
 * A chart over time.
 * @param {{
 *   label: string, times: number[], height?: number, kind?: 'bars'|'lines',
 *   series: Array<{name: string, values: (number|null)[], color: 1|2|3|4}>,
 *   say?: (value: number) => string, span: number, stacked?: boolean,
 * }} given bars stand in front of one another, as parts of the first, or on one another if `stacked`; `span` is the time
 *   one value stands for, in milliseconds
 */
export function chart({ label, times, series, height = 190, kind = 'bars', say = short, span, stacked }) {
  const area = h('div', { 'data-owned': 'chart' });
  const tip = h('div', { class: 'tip', hidden: true, role: 'status' });
  const below = (which, index) => (stacked ? series.slice(0, which).reduce((sum, one) => sum + (one.values[index] ?? 0), 0) : 0);
  const top = nice(Math.max(4, ...series.flatMap((one, which) => one.values.map((value, index) => (value ?? 0) + below(which, index)))));
  let at = null;
  let width = 0;
  let cursor;

  const x = (index) => LEFT + ((index + 0.5) * (width - LEFT - RIGHT)) / times.length;
  const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - value / top);

  const draw = () => {
    const slot = (width - LEFT - RIGHT) / times.length;
    const thick = Math.max(1, Math.min(28, slot * 0.72));
    cursor = s('line', { class: 'cursor', y1: TOP, y2: height - BOTTOM, visibility: 'hidden' });
    replace(area, s('svg', {
      viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': `${label}; arrow keys read single values`, tabindex: '0',
      onpointermove: (event) => point(Math.floor((event.clientX - area.getBoundingClientRect().left - LEFT) / slot)),
      onpointerleave: () => point(null), onblur: () => point(null),
      onkeydown: (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        point((at ?? (step > 0 ? -1 : times.length)) + step);
      },
    },
    [0, 0.25, 0.5, 0.75, 1].map((part) => [
      s('line', { class: part ? 'rule' : 'base', x1: LEFT, x2: width - RIGHT, y1: y(part * top), y2: y(part * top) }),
      s('text', { x: LEFT - 8, y: y(part * top) + 4, 'text-anchor': 'end' }, say(part * top)),
    ]),
    ticks(times, span, Math.max(2, Math.floor(width / 110))).map(({ index, text }) =>
      s('text', { x: x(index), y: height - 5, 'text-anchor': 'middle' }, text)),
    kind === 'bars'
      ? series.map((one, which) => one.values.map((value, index) => (value ? s('rect', {
        class: `c${one.color}`, x: x(index) - thick / 2, width: thick, y: y(value + below(which, index)), height: Math.max(1, y(0) - y(value)), rx: Math.min(2, thick / 4),
      }) : null)))
      : series.map((one) => s('path', { class: `line c${one.color}`, d: path(one.values, x, y) })),
    kind === 'lines' && series.map((one) => one.values.map((value, index) => (value !== null && lonely(one.values, index)
      ? s('circle', { class: `c${one.color}`, cx: x(index), cy: y(value), r: 2.5 }) : null))),
    cursor));
  };

  const point = (index) => {
    at = index === null || index < 0 || index >= times.length ? null : index;
    tip.hidden = at === null;
    cursor?.setAttribute('visibility', at === null ? 'hidden' : 'visible');
    if (at === null) return;
    cursor.setAttribute('x1', x(at));
    cursor.setAttribute('x2', x(at));
    replace(tip, h('b', null, exact(times[at])), series.map((one) => h('div', null, h('span', null, one.name), h('b', null, one.values[at] === null ? '–' : say(one.values[at])))));
    tip.style.top = '4px';
    const right = x(at) > width / 2;
    tip.style.left = right ? 'auto' : `${x(at) + 12}px`;
    tip.style.right = right ? `${width - x(at) + 12}px` : 'auto';
  };

  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now > 0 && now !== width) { width = now; draw(); }
  }).observe(area);

  // A new key whenever the figures differ, so that a refresh replaces the drawing instead of patching it.
  const key = `${label} ${times[0]} ${series.map((one) => one.values.join()).join()}`;
  return h('figure', { class: 'chart', 'data-key': key },
    h('div', { class: 'legend', 'aria-hidden': 'true' }, series.map((one) => h('span', null, h('i', { class: `c${one.color}` }), one.name))),
    area, tip,
    h('table', { class: 'unseen' }, h('caption', null, label),
      h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Time'), series.map((one) => h('th', { scope: 'col' }, one.name)))),
      h('tbody', null, times.map((when, index) => (series.some((one) => one.values[index]) ? h('tr', null,
        h('th', { scope: 'row' }, exact(when)), series.map((one) => h('td', null, one.values[index] === null ? '–' : say(one.values[index])))) : null)))));
}

/** A bar beside a figure, for tables. `whole` is the longest. */
export function bar(value, whole) {
  return h('span', { class: 'track' }, h('span', { class: 'bar', width: `${whole ? Math.max(1, (100 * value) / whole) : 0}%` }));
}

/** The next round number at which an axis can end. */
function nice(most) {
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((end) => end >= most) ?? most;
}

function path(values, x, y) {
  let pen = 'M';
  return values.map((value, index) => {
    if (value === null) { pen = 'M'; return ''; }
    const step = `${pen}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = 'L';
    return step;
  }).join('');
}

function lonely(values, index) {
  return (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null;
}

function ticks(times, span, most) {
  const every = Math.max(1, Math.ceil(times.length / most));
  const days = span >= 20 * 3600e3;
  const long = times.length > 1 && times.at(-1) - times[0] > 36 * 3600e3;
  return times.map((when, index) => ({ index, when: new Date(when) }))
    .filter(({ index }) => index % every === Math.floor(every / 2))
    .map(({ index, when }) => ({
      index,
      text: days ? when.toLocaleDateString(undefined, { month: 'short', day: 'numeric' })
        : long ? when.toLocaleString(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false })
        : when.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hour12: false }),
    }));
}
