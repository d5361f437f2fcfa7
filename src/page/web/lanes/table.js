// What a lane shows, as a sentence and as a table.

import { h } from '../core/dom.js';
import { count, sessionTime } from '../core/times.js';

/** @typedef {import('./things.js').Thing} Thing */

/** Lines of a table. */
const MOST = 200;

/** @param {Thing[]} all @param {string} name */
export function sentenceOf(all, name) {
  const many = (/** @type {(thing: Thing) => boolean} */ is) => all.filter(is).length;
  const parts = [
    count(many(({ kind }) => kind === 'advance'), 'advance'),
    count(many(({ wait }) => wait !== undefined && !wait.own), 'gap'),
    count(many(({ box }) => box?.fate === 'failed'), 'failed download'),
    count(many(({ box }) => box?.fate === 'late'), 'late download'),
    count(many(({ finding }) => finding !== undefined), 'finding'),
  ];
  return `${name}: ${parts.join(', ')} in what is shown`;
}

/** @param {Thing[]} all @param {import('../main.js').Page} page @param {string} name */
export function tableOf(all, page, name) {
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
    h('tbody', null, rows.length ? rows : h('tr', null, h('td', { colspan: 4 }, 'Nothing'))));
}

/** @param {Thing} thing @param {import('../main.js').Page} page */
function opener(thing, { state }) {
  if (thing.revision != null) return h('button', { type: 'button', class: 'plain', onclick: () => state.set({ rev: thing.revision, at: thing.at, with: null }) }, `Playlist ${thing.revision}`);
  if (thing.exchange != null) return h('button', { type: 'button', class: 'plain', onclick: () => state.set({ x: thing.exchange, at: thing.at }) }, `Request ${thing.exchange}`);
  return null;
}
