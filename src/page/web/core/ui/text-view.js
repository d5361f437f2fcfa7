// Lines of a text: only those that are seen are in the document, numbered, with their links and what is said of them.

import { fill, h } from './dom.js';
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
/** Of no more lines all are in the document, and long ones are wrapped: they need not be of one height. */
const WHOLE = 300;

/**
 * @param {string} name
 * @param {(index: number) => ShownLine} lineAt
 * @param {(last: number, first: number) => void} [reached]
 */
export function textView(name, lineAt, reached) {
  const body = h('div', { class: 'text-body', role: 'list' });
  const scroller = h('div', { class: 'text-view mono', role: 'region', 'aria-label': name, tabindex: 0, 'data-arrows': true }, body);
  let many = 0;
  /** All lines, where they are few. @type {HTMLElement[] | null} */
  let whole = null;
  /** @param {number} index @param {HTMLElement | null} old */
  const draw = (index, old) => {
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
  };
  const list = virtual(scroller, body, draw, reached);
  return {
    element: scroller,
    list: {
      renew: () => (whole ? void whole.forEach((line, index) => draw(index, line)) : list.renew()),
      /** @param {number} index @param {'begin' | 'middle'} where */
      reveal(index, where) {
        const line = whole?.[index];
        if (!whole) list.reveal(index, where);
        else if (line) scroller.scrollTop = line.offsetTop - (where === 'middle' ? (scroller.clientHeight - line.offsetHeight) / 2 : 0);
      },
    },
    /** So many lines, the widest of which has so many letters. @param {number} count @param {number} widest */
    show(count, widest) {
      many = count;
      const wasWhole = whole !== null;
      whole = count <= WHOLE ? Array.from({ length: count }, (_, index) => draw(index, null)) : null;
      scroller.classList.toggle('whole', whole !== null);
      if (wasWhole || whole) list.clear();
      if (whole) {
        scroller.style.height = body.style.height = '';
        body.style.minWidth = '';
        fill(body, whole);
        return;
      }
      // Half of it, so that a screen has room for more than one text.
      scroller.style.height = `${Math.min(count * LINE + 18, 440)}px`;
      body.style.minWidth = `calc(${Math.min(widest, 16_400)}ch + 90px)`;
      list.measure(count, LINE);
      list.render();
    },
  };
}
