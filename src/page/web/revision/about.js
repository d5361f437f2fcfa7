// What is said of a revision beside its text: when it came, and the findings about it.

import { h } from '../core/ui/dom.js';
import { length, sessionTime } from '../core/data/times.js';
import { bothClocks, factList } from '../exchange/facts.js';
import { link } from '../exchange/links.js';
import { kindOf, SIGNS } from '../core/data/findings.js';

/** @typedef {import('../core/types.js').Finding} Finding */

/** @type {Record<string, string>} */
const STEPS = { first: 'the first one', slid: 'the window slid', same: 'the window is the same', behind: 'the window is behind the one before', restarted: 'the sequence started anew' };

/**
 * @param {import('./which.js').Found} found @param {import('../types.js').Page} page
 */
export function about({ text: { head } }, { state, session }) {
  const zero = session.zeroMs();
  const before = head.not_before;
  return factList([
    ['Seen', bothClocks(head.at, zero)],
    ['Not before', before === null ? 'not known: no poll had shown it was not there yet' : [...bothClocks(before, zero), ` (uncertain by ${length(head.at - before)})`]],
    ['Segments', head.last === null ? null : `${head.first ?? '?'} – ${head.last}${head.advance ? ', an advance' : ', no advance'}${head.step ? `: ${STEPS[head.step] ?? head.step}` : ''}`],
    ['Brought by', link(state, { x: head.exchange }, `exchange ${head.exchange}`)],
    ['Lines', head.line_count.toLocaleString('en')],
    ['URL', h('bdi', { class: 'mono url' }, head.url)],
  ]);
}

/** Findings of this text. @param {Finding[]} all @param {import('../exchange/types.js').RevisionText} head */
export const findingsOf = (all, { exchange, lane }) => all.filter((finding) => (finding.lane ?? null) === lane
  && (finding.first.exchange === exchange || finding.last.exchange === exchange || finding.exchanges.includes(exchange)));

/** By lines of the text, from 0. @param {Finding[]} findings @param {number} exchange @returns {Map<number, Finding[]>} */
export function byLine(findings, exchange) {
  const lines = new Map();
  for (const finding of findings) {
    // The number is of the text where it was found first.
    const number = finding.line_number ?? null;
    if (number === null || finding.first.exchange !== exchange) continue;
    lines.set(number - 1, [...(lines.get(number - 1) ?? []), finding]);
  }
  return lines;
}

/** @param {Finding[]} findings @param {(line: number) => void} go @param {number} exchange */
export function findingLines(findings, go, exchange) {
  if (findings.length === 0) return null;
  return h('ul', { class: 'revision-findings', 'aria-label': 'Findings about this text' }, findings.map((finding) => {
    const severity = finding.severity ?? 'info';
    const line = finding.first.exchange === exchange ? (finding.line_number ?? null) : null;
    const words = `${finding.rule} ${finding.name ?? ''}: ${finding.detail.text}`;
    return h('li', null, h('span', { class: `sign sign-${kindOf(finding)}`, title: severity }, SIGNS[kindOf(finding)]), ' ', words,
      line !== null && [' ', h('button', { type: 'button', class: 'plain', onclick: () => go(line - 1) }, `line ${line}`)],
      finding.first.exchange !== exchange && h('span', { class: 'quiet' }, ` (first at ${sessionTime(finding.first.session_time)})`));
  }));
}

/** The sign in the margin. @param {Finding[] | undefined} findings */
export function marginOf(findings) {
  if (!findings) return null;
  const severity = findings.some((one) => one.severity === 'must') ? 'must' : findings.some((one) => one.severity === 'should') ? 'should' : 'info';
  const words = findings.map((one) => `${one.rule} ${one.name ?? ''}: ${one.detail.text}`).join('\n');
  return h('span', { class: `sign sign-${severity}`, role: 'img', title: words, 'aria-label': words }, SIGNS[severity]);
}
