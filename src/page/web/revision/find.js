// Words that are looked for in the text: what is folded is searched as well, and opened where it is gone to.

import { h, set, setText } from '../core/ui/dom.js';
import { count } from '../core/data/times.js';

/**
 * A line of the text that is shown, or of the one that it is compared with, which only removed lines are of.
 * @typedef {{ isOld: boolean, line: number, text: string }} Line
 * Where it is in the line, in UTF-16 units.
 * @typedef {{ isOld: boolean, line: number, from: number, to: number }} Match
 * @typedef {{ from: number, to: number, isCurrent: boolean }} Hit
 */

/** More of them are not told apart. */
const MOST = 10_000;

/** Letters of either case. @param {Iterable<Line>} lines @param {string} words @returns {Match[]} */
export function matchesIn(lines, words) {
  if (words === '') return [];
  const pattern = new RegExp(words.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'giu');
  const found = [];
  for (const { isOld, line, text } of lines) {
    for (const { index, 0: what } of text.matchAll(pattern)) {
      found.push({ isOld, line, from: index, to: index + what.length });
      if (found.length === MOST) return found;
    }
  }
  return found;
}

/** The part of a line, with what was found in it marked. @param {string} text @param {number} from @param {number} to @param {Hit[]} hits @returns {(Node | string)[]} */
export function marked(text, from, to, hits) {
  const pieces = [];
  let at = from;
  for (const hit of hits) {
    const [begin, end] = [Math.max(hit.from, at), Math.min(hit.to, to)];
    if (begin >= end) continue;
    if (begin > at) pieces.push(text.slice(at, begin));
    pieces.push(h('mark', { class: hit.isCurrent ? 'current' : null }, text.slice(begin, end)));
    at = end;
  }
  if (at < to) pieces.push(text.slice(at, to));
  return pieces;
}

/**
 * @param {HTMLElement} panel  Where `/` goes to the box.
 * @param {import('../types.js').Page} page
 * @param {object} text
 * @param {() => Promise<Line[] | null>} text.lines  All of them, in the order in which they are shown; null: another text is shown meanwhile.
 * @param {(match: Match) => void} text.reveal
 * @param {() => void} text.renew  What was found is another thing.
 * @param {() => void} text.leave  Goes to the text.
 */
export function find(panel, { state, say }, text) {
  /** @type {Match[]} */
  let found = [];
  /** By their lines: a text may have thousands. @type {Map<string, Match[]>} */
  let byLine = new Map();
  let current = -1;
  let last = '';
  const input = h('input', {
    type: 'search', class: 'mono', id: 'find', placeholder: 'EXTINF', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', 'aria-describedby': 'find-count', 'aria-keyshortcuts': '/',
    oninput: () => state.set({ q: input.value || null }, { replace: true }),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
      else if (event.key === 'Escape' && input.value) state.set({ q: null }, { replace: true });
      else if (event.key === 'Escape') text.leave();
      else return;
      event.preventDefault();
    },
  });
  const many = h('span', { class: 'quiet', id: 'find-count' });
  const button = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {1 | -1} */ way) =>
    h('button', { type: 'button', class: 'plain', 'aria-label': label, title: label, disabled: true, onclick: () => step(way) }, sign);
  const steps = [button('▲', 'The match before (Shift+Enter)', -1), button('▼', 'The next match (Enter)', 1)];
  const element = h('search', { class: 'find' }, h('label', { for: 'find', class: 'quiet' }, 'Find'), input, ...steps, many);

  const tell = () => {
    const all = found.length === MOST ? `the first ${MOST.toLocaleString('en')}` : found.length.toLocaleString('en');
    setText(many, last === '' ? '' : !found.length ? 'not found' : current < 0 ? count(found.length, 'match', 'matches') : `${(current + 1).toLocaleString('en')} of ${all}`);
    for (const one of steps) set(one, { disabled: found.length === 0 });
  };
  /** @param {number} next */
  const go = (next) => {
    current = next;
    text.reveal(found[current]);
    text.renew();
    tell();
    const { line, isOld } = found[current];
    say(`Match ${current + 1} of ${found.length}, ${isOld ? 'removed line' : 'line'} ${line + 1}`);
  };
  /** Round and round. @param {1 | -1} way */
  const step = (way) => {
    if (found.length) go(current < 0 ? (way > 0 ? 0 : found.length - 1) : (current + way + found.length) % found.length);
  };
  /** @param {boolean} isTyped What was looked for is another word: the first match is gone to. */
  const look = async (isTyped) => {
    const words = state.get().q ?? '';
    last = words;
    if (document.activeElement !== input || input.value !== words) input.value = words;
    const had = found.length;
    const lines = words === '' ? [] : await text.lines();
    if (lines === null || (state.get().q ?? '') !== words) return;
    found = matchesIn(lines, words);
    byLine = new Map();
    for (const match of found) {
      const key = `${match.isOld} ${match.line}`;
      const others = byLine.get(key);
      if (others) others.push(match);
      else byLine.set(key, [match]);
    }
    current = -1;
    if (isTyped && found.length) go(0);
    else if (had || found.length) text.renew();
    tell();
    if (isTyped && words !== '' && !found.length) say('Not found');
  };

  panel.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof Element && event.target.closest('input, select'))) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
  state.subscribe((seen, before) => {
    if (seen.q !== before.q) void look(true);
  });
  return {
    element,
    /** What was found in a line. @param {boolean} isOld @param {number} line @returns {Hit[]} */
    hits: (isOld, line) => (byLine.get(`${isOld} ${line}`) ?? []).map((match) => ({ ...match, isCurrent: match === found[current] })),
    /** Another text is shown. @param {boolean} isFirst Nothing was before: the first match is gone to. */
    again: (isFirst) => void look(isFirst),
  };
}
