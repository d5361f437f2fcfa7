// What a lane shows, as a table.

import { h } from '../../core/ui/dom.js';
import { count, length, sessionTime } from '../../core/data/times.js';

/** @typedef {import('../types.js').Thing} Thing */
/** @typedef {import('./sentence.js').Told} Told */

/** Lines of a table. */
const MOST = 150;
/** Beside them, where advances are counted only. */
const PARTS = 50;

/** Where advances are not told apart: how many there were, in equal parts of what is seen. @param {Told} told @param {number} from @param {number} to */
function cellRows({ events, known }, from, to) {
  const cells = events?.cells;
  if (!cells) return [];
  const each = Math.max(1, Math.ceil(cells.count.length / PARTS));
  const rows = [];
  for (let first = 0; first < cells.count.length; first += each) {
    const begin = known.from + first * cells.cell_seconds;
    if (begin > to || begin + each * cells.cell_seconds < from) continue;
    const longest = Math.max(...cells.longest.slice(first, first + each).map((one) => one ?? 0));
    rows.push(h('tr', null,
      h('td', null, h('time', null, sessionTime(begin))),
      h('td', null, count(cells.count.slice(first, first + each).reduce((sum, one) => sum + one, 0), 'advance')),
      h('td', null, `in ${length(each * cells.cell_seconds)}${longest > 0 ? `, the longest wait ${length(longest)}` : ''}`),
      h('td', null)));
  }
  return rows;
}

/** @param {Thing[]} all @param {import('../../types.js').Page} page @param {string} name @param {Told} [told] */
export function tableOf(all, page, name, told) {
  const { from, to } = page.axis.get();
  const seen = all.filter((thing) => thing.at <= to && thing.to >= from);
  const rows = seen.slice(0, MOST).map((thing) => h('tr', { class: thing.bad ? 'bad' : null },
    h('td', null, h('time', null, sessionTime(thing.at))),
    h('td', null, thing.name),
    h('td', null, thing.lines().join('; ')),
    h('td', null, opener(thing, page))));
  const caption = `${name}, ${sessionTime(from)} – ${sessionTime(to)}${seen.length > MOST ? `; the first ${MOST} of ${seen.length}` : ''}`;
  return h('table', null,
    h('caption', null, caption),
    h('thead', null, h('tr', null, ['Session time', 'What', 'More', 'Evidence'].map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', null, told && cellRows(told, from, to), rows.length || told?.events?.cells ? rows : h('tr', null, h('td', { colspan: 4 }, told && !told.events ? 'loading…' : 'Nothing'))));
}

/** @param {Thing} thing @param {import('../../types.js').Page} page */
function opener(thing, { state }) {
  if (thing.revision != null) return h('button', { type: 'button', class: 'plain', onclick: () => state.set({ rev: thing.revision, at: thing.at, with: null }) }, `Playlist ${thing.revision}`);
  if (thing.exchange != null) return h('button', { type: 'button', class: 'plain', onclick: () => state.set({ x: thing.exchange, at: thing.at }) }, `Request ${thing.exchange}`);
  return null;
}
