// Findings, as they come: gaps and faults first, then all other rules.

import { fetchJson } from './data.js';
import { observable } from './observable.js';

/**
 * @typedef {import('./types.js').Finding} Finding
 * @typedef {import('./types.js').Findings} Findings
 * @typedef {'must' | 'should' | 'info' | 'gap' | 'fault'} Sort  What the verdict counts.
 */

/** Rules of gaps, and of faults. */
const GAPS = new Set(['T07', 'S01', 'L03']);
const FAULTS = new Set(['H14', 'R01']);

/** @param {Finding} finding */
export const isGap = (finding) => GAPS.has(finding.rule);
/** @param {Finding} finding */
export const isFault = (finding) => FAULTS.has(finding.rule);

/** @param {Finding} finding @returns {Sort[]} */
export function sortsOf(finding) {
  /** @type {Sort[]} */
  const sorts = [finding.severity ?? 'info'];
  if (isGap(finding)) sorts.push('gap');
  if (isFault(finding)) sorts.push('fault');
  return sorts;
}

/**
 * How many there are of a sort, those that the server has left out of the list included.
 * @param {Findings | null} came @param {string | null} stream @param {Sort} sort
 */
export function countOf(came, stream, sort) {
  if (!came) return 0;
  const listed = came.findings.filter((finding) => (stream === null || finding.stream === stream) && sortsOf(finding).includes(sort));
  if (stream !== null) return listed.length;
  const rules = new Set(listed.map(({ rule }) => rule));
  return Object.entries(came.left_out).reduce((sum, [rule, many]) => sum + (rules.has(rule) ? many : 0), listed.length);
}

/**
 * Those that are shown: of the only stream, and of the sorts that were asked for.
 * @param {Findings | null} findings @param {{ s: string | null, only: string | null }} seen
 * @returns {Finding[]}
 */
export function shownFindings(findings, { s, only }) {
  const sorts = only?.split(',') ?? null;
  return (findings?.findings ?? []).filter(
    (finding) => (s === null || finding.stream === s) && (sorts === null || sortsOf(finding).some((sort) => sorts.includes(sort))),
  );
}

/** How long until they are asked for again, in milliseconds. @param {Findings} findings @param {boolean} recording */
function pause(findings, recording) {
  if (findings.state !== 'done') return 1000;
  return recording ? 5000 : null;
}

/**
 * @param {import('./session.js').SessionStore} session
 * @returns {import('./observable.js').Observable<Findings | null> & { error: import('./observable.js').Observable<string | null> }}
 */
export function loadFindings(session) {
  const findings = /** @type {import('./observable.js').Observable<Findings | null>} */ (observable(null));
  const error = /** @type {import('./observable.js').Observable<string | null>} */ (observable(null));
  let last = '';
  const ask = async () => {
    let next = 5000;
    try {
      if (!document.hidden) {
        const came = await fetchJson('-/v1/findings');
        const wait = pause(came, session.get().recording);
        error.set(null);
        const text = JSON.stringify(came);
        if (text !== last) findings.set(came);
        last = text;
        if (wait === null) return;
        next = wait;
      }
    } catch (problem) {
      error.set(problem instanceof Error ? problem.message : String(problem));
    }
    setTimeout(ask, next);
  };
  void ask();
  return { ...findings, error };
}
