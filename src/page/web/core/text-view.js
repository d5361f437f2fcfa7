// Lines of a text: only those that are seen are in the document, numbered, with their links and what is said of them.

import { h } from './dom.js';
import { virtual } from './virtual.js';

/**
 * @typedef {object} ShownLine
 * @property {string} number  Of the line, for people; empty: it is none.
 * @property {'' | '+' | '-'} sign
 * @property {(Node | string)[]} content
 * @property {HTMLElement | null} [note]  In the margin.
 * @property {string} [kind]  A class.
 */

const LINE = 20;

/**
 * @param {string} name
 * @param {(index: number) => ShownLine} lineAt
 * @param {(last: number, first: number) => void} [reached]
 */
export function textView(name, lineAt, reached) {
  const body = h('div', { class: 'text-body', role: 'list' });
  const scroller = h('div', { class: 'text-view mono', role: 'region', 'aria-label': name, tabindex: 0, 'data-arrows': true }, body);
  let many = 0;
  const list = virtual(scroller, body, (index, old) => {
    const { number, sign, content, note, kind } = lineAt(index);
    const line = old ?? h('div', { role: 'listitem' });
    line.className = `text-line ${kind ?? ''}`;
    line.setAttribute('aria-setsize', String(many));
    line.setAttribute('aria-posinset', String(index + 1));
    line.replaceChildren(
      h('span', { class: 'text-number' }, number),
      h('span', { class: 'text-sign' }, sign, sign && h('span', { class: 'unseen' }, sign === '+' ? 'added ' : 'removed ')),
      h('span', { class: 'text-margin' }, note ?? null),
      h('span', { class: 'text-words' }, content));
    return line;
  }, reached);
  return {
    element: scroller,
    list,
    /** So many lines, the widest of which has so many letters. @param {number} count @param {number} widest */
    show(count, widest) {
      many = count;
      // Half of it, so that a screen has room for more than one text.
      scroller.style.height = `${Math.min(count * LINE + 18, 440)}px`;
      body.style.minWidth = `calc(${Math.min(widest, 16_400)}ch + 90px)`;
      list.measure(count, LINE);
      list.render();
    },
  };
}
