// What the recorder noticed about itself, at its moments: never the origin's. Pure.

import { length, sessionTime } from './times.js';

/** @typedef {import('../types.js').Notice} Notice */

/** A word for the picture, and what it means. @type {Record<string, [string, string]>} */
const KINDS = {
  late: ['late', 'The recorder polled late: what it saw then may have been there earlier'],
  stalled: ['stood still', 'The recorder stood still: nothing that it missed then is the origin\'s'],
  suspended: ['suspended', 'The machine of the recorder slept: session time stood still'],
  'clock step': ['clock set', 'The wall clock of the recorder was set; session time went on'],
  'disk full': ['disk full', 'The disk of the recorder was full: bodies were not kept'],
  'checkpoint held up': ['held up', 'A reader held up the database of the recorder'],
  'false validators': ['false 304', 'The recorder was answered 304 though the text had changed, and took it for unchanged'],
};

/** Meanwhile the recorder saw less than there was. */
const BLIND = new Set(['late', 'stalled', 'suspended', 'disk full']);

/** @param {Pick<Notice, 'kind'>} notice */
export const wordOf = ({ kind }) => KINDS[kind]?.[0] ?? kind;

/** When it was over; of what was not, the end of the session. @param {Notice} notice @param {number} end */
export const endOf = ({ at, to }, end) => Math.max(at, to ?? end);

/** The exchange that it is about; null: none. @param {Notice} notice */
export function exchangeOf({ kind, text }) {
  const id = kind === 'late' ? Number(/^poll (\d+):/.exec(text)?.[1] ?? 0) : 0;
  return id > 0 ? id : null;
}

/** More of it, in words. @param {Notice} notice @param {number} end Of the session. @returns {string[]} */
export function linesOf(notice, end) {
  const { kind, at, to, text } = notice;
  const until = endOf(notice, end);
  const when = until > at ? `${sessionTime(at)} – ${sessionTime(until)}, ${length(until - at)}${to === null ? ', and it was not over' : ''}` : sessionTime(at);
  return [when, KINDS[kind]?.[1] ?? 'What the recorder noticed about itself', text].filter(Boolean);
}

/** Those of a lane, or of all of them: a late poll is of one playlist, false validators are of one URL. @param {Notice[]} all @param {import('../types.js').Lane} lane @returns {Notice[]} */
export const noticesOf = (all, lane) => all.filter((notice) => (notice.kind === 'false validators' ? notice.text === lane.url : [null, lane.id].includes(notice.lane)));

/**
 * When no more than a part of a lane was seen: no recorder ran, or it noticed trouble of its own. In order, apart from each other.
 * @param {{ holes: [number, number][], notices: Notice[], length_seconds: number }} session @param {import('../types.js').Lane} lane
 * @returns {[number, number][]}
 */
export function blindSpans({ holes, notices, length_seconds }, lane) {
  const own = noticesOf(notices, lane).filter(({ kind }) => BLIND.has(kind)).map((notice) => /** @type {[number, number]} */ ([notice.at, endOf(notice, length_seconds)]));
  /** @type {[number, number][]} */
  const spans = [];
  for (const [from, to] of [...holes, ...own].sort((a, b) => a[0] - b[0])) {
    const last = spans.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else spans.push([from, to]);
  }
  return spans;
}
