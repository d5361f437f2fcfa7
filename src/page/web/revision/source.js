// Texts of revisions, as much of each as was asked for.

import { fetchJson } from '../core/data/data.js';

/** @typedef {import('../exchange/types.js').RevisionText} RevisionText */
/** @typedef {import('../exchange/types.js').TextLine} TextLine */

/** Lines of an answer of the server. */
const PAGE = 2000;
/** Texts that are kept, so that going back and forth is at once. */
const MOST = 12;

/**
 * @typedef {object} Source
 * @property {RevisionText} head  All but the lines; they are the first page.
 * @property {(line: number) => TextLine | null} line  Null: it is asked for, and `told` is called when it is there.
 * @property {() => Promise<string[]>} all  Each line.
 * @property {() => number} widest  Letters of the longest line that has come.
 * @property {(told: () => void) => void} onMore
 */

/** @type {Map<number, Promise<Source>>} */
const known = new Map();

/** @param {number} exchange @returns {Promise<Source>} */
export function source(exchange) {
  const old = known.get(exchange);
  if (old) {
    known.delete(exchange);
    known.set(exchange, old);
    return old;
  }
  const made = open(exchange);
  known.set(exchange, made);
  made.catch(() => known.delete(exchange));
  for (const first of known.keys()) {
    if (known.size <= MOST) break;
    known.delete(first);
  }
  return made;
}

/** @param {number} exchange @returns {Promise<Source>} */
async function open(exchange) {
  const path = `-/v1/revisions/${exchange}`;
  /** @type {RevisionText} */
  const head = await fetchJson(path);
  /** @type {Map<number, TextLine[] | null>} */
  const pages = new Map([[0, head.lines]]);
  let widest = widestOf(head.lines);
  let more = () => {};
  /** @type {Promise<string[]> | null} */
  let whole = null;
  /** @param {number} page */
  const load = async (page) => {
    pages.set(page, null);
    try {
      const { lines } = await fetchJson(path, { line: page * PAGE });
      pages.set(page, lines);
      widest = Math.max(widest, widestOf(lines));
      more();
    } catch {
      // It is asked for again when it is looked at again.
      pages.delete(page);
    }
  };
  const texts = async () => {
    const found = head.lines.map(({ text }) => text);
    while (found.length < head.line_count) {
      const page = found.length / PAGE;
      /** @type {TextLine[]} */
      const lines = pages.get(page) ?? (await fetchJson(path, { line: found.length })).lines;
      if (lines.length === 0) break;
      pages.set(page, lines);
      widest = Math.max(widest, widestOf(lines));
      for (const { text } of lines) found.push(text);
    }
    // A longer line than was known makes the text wider.
    if (found.length > PAGE) more();
    return found;
  };
  return {
    head,
    all: () => (whole ??= texts().catch((error) => {
      whole = null;
      throw error;
    })),
    line(line) {
      const page = Math.floor(line / PAGE);
      if (!pages.has(page)) void load(page);
      return pages.get(page)?.[line % PAGE] ?? null;
    },
    widest: () => widest,
    onMore(told) {
      more = told;
    },
  };
}

/** @param {TextLine[]} lines */
const widestOf = (lines) => lines.reduce((most, { text }) => Math.max(most, text.length), 0);

/** A text that was the last one has another behind it now: what is known of it is asked for again. @param {number} exchange */
export const forget = (exchange) => void known.delete(exchange);
