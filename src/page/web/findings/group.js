// Findings of one rule in one rendition: one row, which opens.

import { h } from '../core/ui/dom.js';
import { gapsOf, isGap, kindOf, SIGNS } from '../core/data/findings.js';
import { count, length, sessionTime } from '../core/data/times.js';

/** @typedef {import('../core/types.js').Finding} Finding */

/** Of an open one so many are listed. */
const MOST = 100;

/** How short and how long its gaps were. @param {Finding[]} many */
function lengthsOf(many) {
  const all = many.filter(isGap).flatMap(gapsOf).map(({ from, to }) => to - from);
  if (!all.length) return '';
  const [least, most] = [length(Math.min(...all)), length(Math.max(...all))];
  return least === most ? `, ${least} each` : `, ${least} to ${most}`;
}

/**
 * @param {string} key Of the group. @param {Finding[]} many
 * @param {{ where: string, opened: Set<string>, item: (finding: Finding) => HTMLElement, rows: Map<HTMLElement, Finding[]>, show: () => void }} list
 * @returns {HTMLElement[]}
 */
export function group(key, many, { where, opened, item, rows, show }) {
  const [first] = many;
  const last = many[many.length - 1];
  const isOpen = opened.has(key);
  const kind = kindOf(first);
  const button = h('button', {
    type: 'button', class: 'finding', 'aria-expanded': String(isOpen),
    onclick: () => {
      if (!opened.delete(key)) opened.add(key);
      show();
    },
  },
    h('span', { class: `sign sign-${kind}`, 'aria-hidden': 'true' }, SIGNS[kind]),
    h('span', { class: 'finding-what' },
      h('span', null, h('strong', null, `${first.rule} ${first.name ?? ''}`), ` ${first.severity ?? 'info'}`, first.section && h('span', { class: 'quiet' }, ` ${first.section}`)),
      h('span', null, `${isOpen ? '▾' : '▸'} ${count(many.length, 'finding')}${lengthsOf(many)}`),
      h('span', { class: 'quiet' }, h('time', null, sessionTime(first.first.session_time)), ' – ', h('time', null, sessionTime(last.first.session_time)), ` · ${where}`)));
  rows.set(button, many);
  const line = h('li', null, button);
  if (!isOpen) return [line];
  const more = many.length - MOST;
  return [line, ...many.slice(0, MOST).map((finding) => {
    const one = item(finding);
    one.classList.add('of-group');
    return one;
  }), ...(more > 0 ? [h('li', { class: 'quiet finding-note' }, `${count(more, 'more finding')}: j and k go on from the last one`)] : [])];
}
