// A row of the waterfall: made once, filled again for whatever request comes into it.

import { h, halves, set, setText } from '../core/ui/dom.js';
import { length, size } from '../core/data/times.js';
import { barsOf, endOf, heldFor, linesOf, oddities, secondsOf, split } from './bars.js';

/**
 * @typedef {import('../exchange/types.js').Exchange} Exchange
 * @typedef {{ from: number, to: number, width: number }} Scale  The axis, and how many pixels it has.
 * @typedef {{ index: number, isOpen: boolean, isCurrent: boolean, isOfLane: boolean }} Place
 */

/** Words beside a bar need so many pixels; where something is odd more. */
const ROOM = 115;
const ROOM_ODD = 240;
const ROOM_DAMAGED = 420;

/**
 * @typedef {Record<'row' | 'status' | 'kind' | 'name' | 'file' | 'end' | 'folder' | 'bars' | 'bytes' | 'time' | 'odd' | 'words', HTMLElement>} Parts
 */

/** Elements of a row, by the row. @type {WeakMap<HTMLElement, Parts>} */
const known = new WeakMap();

/** @returns {Parts} */
function make() {
  const status = h('span', { role: 'gridcell', class: 'wf-status' });
  const kind = h('span', { role: 'gridcell', class: 'wf-kind quiet' });
  const [file, end] = [h('span'), h('span')];
  const folder = h('bdi', { class: 'quiet' });
  const name = h('span', { role: 'gridcell', class: 'wf-name' }, h('bdi', { class: 'cut' }, file, end), ' ', folder);
  const bars = h('span', { class: 'wf-bars' });
  const bytes = h('span', { role: 'gridcell', class: 'wf-bytes' });
  const time = h('span', { role: 'gridcell', class: 'wf-time' });
  const odd = h('span', { role: 'gridcell', class: 'wf-odd' });
  const words = h('span', { class: 'wf-words' }, odd, bytes, time);
  const row = h('div', { class: 'wf-row time-row', role: 'row' },
    h('span', { class: 'wf-label' }, status, kind, name), h('span', { class: 'wf-axis' }, bars, words));
  const parts = { row, status, kind, name, file, end, folder, bars, bytes, time, odd, words };
  known.set(row, parts);
  return parts;
}

/** A row that has nothing yet. @param {HTMLElement | null} old @param {Place} place */
export function fillEmpty(old, place) {
  const parts = (old && known.get(old)) ?? make();
  for (const one of [parts.status, parts.kind, parts.end, parts.folder, parts.bytes, parts.time, parts.odd]) setText(one, '');
  setText(parts.file, 'loading…');
  parts.bars.replaceChildren();
  set(parts.name, { 'aria-label': null });
  parts.row.className = 'wf-row time-row empty';
  set(parts.row, { 'aria-rowindex': place.index + 2, 'aria-selected': null, tabindex: -1, 'data-id': null });
  return parts.row;
}

/**
 * @param {HTMLElement | null} old @param {Exchange} one @param {Place} place @param {Scale} scale
 * @returns {HTMLElement}
 */
export function fillRow(old, one, place, scale) {
  const parts = (old && known.get(old)) ?? make();
  const { row } = parts;
  const [file, folder] = split(one.name);
  setText(parts.status, one.damaged ? '?' : `${one.fault ? '✕ ' : ''}${one.status ?? '–'}`);
  setText(parts.kind, one.damaged ? '' : one.kind);
  const [begin, end] = halves(one.damaged ? `exchange ${one.id}` : file);
  setText(parts.file, begin);
  setText(parts.end, end);
  // Of parts beside each other a screen reader makes words.
  set(parts.name, { 'aria-label': `${begin}${end} ${folder}`.trim() });
  setText(parts.folder, folder);
  setText(parts.bytes, one.bytes === null ? '' : size(one.bytes));
  const held = heldFor(one);
  setText(parts.time, one.damaged ? '' : `${length(secondsOf(one))}${held && `, for ${held}`}`);
  setText(parts.odd, oddities(one));
  const classes = ['wf-row', 'time-row'];
  if (one.fault) classes.push('fault');
  if (one.damaged) classes.push('damaged');
  if (one.own !== null) classes.push('own');
  if (place.isOpen) classes.push('open');
  if (place.isOfLane) classes.push('of-lane');
  if (place.index % 2) classes.push('odd');
  row.className = classes.join(' ');
  set(row, {
    'aria-rowindex': place.index + 2, 'aria-selected': String(place.isOpen), tabindex: place.isCurrent ? 0 : -1, 'data-id': one.id,
    'aria-description': linesOf(one)[1],
  });
  placeBars(parts, one, scale);
  return row;
}

/** Bars again, after the axis has moved. @param {HTMLElement} row @param {Exchange} one @param {Scale} scale */
export function moveRow(row, one, scale) {
  const parts = known.get(row);
  if (parts) placeBars(parts, one, scale);
}

/** @param {Parts} parts @param {Exchange} one @param {Scale} scale */
function placeBars({ bars, words }, one, { from, to, width }) {
  const pixel = (/** @type {number} */ seconds) => Math.min(Math.max(((seconds - from) / (to - from)) * width, -40), width + 40);
  const all = barsOf(one);
  while (bars.childElementCount > all.length) bars.lastElementChild?.remove();
  while (bars.childElementCount < all.length) bars.append(document.createElement('i'));
  let right = all.length ? 0 : pixel(one.at);
  for (const [index, bar] of all.entries()) {
    const element = /** @type {HTMLElement} */ (bars.children[index]);
    const left = Math.max(pixel(bar.from), right);
    const least = bar.kind === 'wait' || bar.kind === 'held' ? 0 : bar.kind === 'receive' ? 2 : 9;
    right = Math.max(pixel(bar.to), left + least);
    if (element.className !== bar.kind) element.className = bar.kind;
    element.style.transform = `translateX(${left.toFixed(1)}px)`;
    element.style.width = `${(right - left).toFixed(1)}px`;
  }
  const begin = pixel(one.at);
  const room = one.damaged ? ROOM_DAMAGED : one.fault || one.own !== null ? ROOM_ODD : ROOM;
  const fits = right + room <= width;
  const before = !fits && begin >= room;
  // Where there is room on neither side they are on the bar, at the right end.
  const side = fits ? '' : before ? ' before' : ' on';
  if (words.className !== `wf-words${side}`) words.className = `wf-words${side}`;
  words.style.transform = `translateX(${(fits ? right + 5 : before ? begin - width - 5 : Math.min(0, right - width)).toFixed(1)}px)`;
  words.hidden = endOf(one) < from || one.at > to;
}
