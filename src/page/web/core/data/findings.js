// Findings, as they come: gaps and faults first, then all other rules.

import { fetchJson } from './data.js';
import { observable } from './observable.js';

/**
 * @typedef {import('../types.js').Finding} Finding
 * @typedef {import('../types.js').Findings} Findings
 * @typedef {'must' | 'should' | 'info' | 'gap' | 'fault'} Sort  What the verdict counts.
 */

/** Rules of gaps, and of faults. */
const GAPS = new Set(['T07', 'S01', 'L03']);
const FAULTS = new Set(['H14', 'R01']);

/** @param {Finding} finding */
export const isGap = (finding) => GAPS.has(finding.rule);
/** @param {Finding} finding */
export const isFault = (finding) => FAULTS.has(finding.rule);

/** Its sign: a key of `SIGNS`. @param {Finding} finding */
export const kindOf = (finding) => (isFault(finding) ? 'fault' : (finding.severity ?? 'info'));

/** @type {Record<string, string>} */
export const SIGNS = { must: '◆', should: '▲', info: '●', fault: '✕' };

/** Gaps of which it is the reason: its own time, or where lanes waited because of an outage. @param {Finding} finding @returns {{ from: number, to: number, lane: string | null }[]} */
export const gapsOf = (finding) => (isGap(finding) ? [{ from: finding.first.session_time, to: finding.last.session_time, lane: finding.lane ?? null }] : (finding.waits ?? []));

/** @param {Finding} finding @returns {Sort[]} */
export function sortsOf(finding) {
  /** @type {Sort[]} */
  const sorts = [finding.severity ?? 'info'];
  if (gapsOf(finding).length) sorts.push('gap');
  if (isFault(finding)) sorts.push('fault');
  return sorts;
}

/** How many gaps there are, as adjacent-find counts them: those of other lanes of a stream at the same time are one. @param {Finding[]} findings */
export function gapCount(findings) {
  const gaps = findings.flatMap((finding) => gapsOf(finding).map(({ from, to, lane }) => ({ stream: finding.stream, from, to, lane })));
  gaps.sort((one, other) => one.from - other.from);
  /** @type {Map<string, { end: number, lanes: Set<string | null> }>} */
  const last = new Map();
  let many = 0;
  for (const { stream, from, to, lane } of gaps) {
    const known = last.get(stream);
    if (known && from < known.end && !known.lanes.has(lane)) {
      known.end = Math.max(known.end, to);
      known.lanes.add(lane);
    } else {
      many += 1;
      last.set(stream, { end: to, lanes: new Set([lane]) });
    }
  }
  return many;
}

/**
 * How many events there are of a sort, those that are not loaded included: of all streams the server has counted them.
 * @param {Findings | null} came @param {string | null} stream @param {Sort} sort
 */
export function countOf(came, stream, sort) {
  if (!came) return 0;
  const listed = came.findings.filter((finding) => (stream === null || finding.stream === stream) && sortsOf(finding).includes(sort));
  const known = sort === 'gap' ? gapCount(listed) : new Set(listed.map((one) => one.event ?? one)).size;
  if (stream !== null) return known;
  if (sort === 'gap' || sort === 'fault') return known + sumOf(sort === 'gap' ? GAPS : FAULTS, came.events_not_sent, came.left_out);
  // Those that nobody has may be of any severity of their rule.
  return Math.max(known, came.counts[sort]) + sumOf(new Set(listed.map(({ rule }) => rule)), came.left_out);
}

/** @param {Set<string>} rules @param {Record<string, number>[]} counts  By rule. */
const sumOf = (rules, ...counts) => counts.flatMap(Object.entries).reduce((sum, [rule, many]) => sum + (rules.has(rule) ? many : 0), 0);

/** Findings that are not loaded. `at`: from then on some are missing; `more`: how many in all; `unknown`: so many of them the server does not have. @typedef {{ at: number, more: number, rules: string[], unknown: number }} NotLoaded */

/**
 * Where findings end that are loaded: the server sends so many of a rule first, and the others with the window they are in. Null: all are loaded.
 * @param {Findings | null} came @returns {NotLoaded | null}
 */
export function loadedTo(came) {
  if (!came) return null;
  const { not_sent, left_out, first = came } = came;
  const rules = Object.keys({ ...not_sent, ...left_out });
  if (!rules.length) return null;
  // Those of a window are islands.
  const ends = rules.map((rule) => first.findings.reduce((end, one) => (one.rule === rule ? Math.max(end, one.last.session_time) : end), 0));
  const sum = (/** @type {Record<string, number>} */ of) => Object.values(of).reduce((all, many) => all + many, 0);
  return { at: Math.min(...ends), more: sum(not_sent) + sum(left_out), rules, unknown: sum(left_out) };
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
 * @param {Promise<unknown>} begin  When they are asked for at first.
 * @param {(came: Findings) => Promise<void>} explain  Tells outages which gaps they made (`waits`).
 * @returns {import('./observable.js').Observable<Findings | null> & { error: import('./observable.js').Observable<string | null>, chosen: import('./observable.js').Observable<Finding | null> }}
 */
export function loadFindings(session, begin, explain) {
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
        if (text !== last) {
          if (came.findings.some(isFault)) await explain(came);
          findings.set(came);
        }
        last = text;
        if (wait === null) return;
        next = wait;
      }
    } catch (problem) {
      error.set(problem instanceof Error ? problem.message : String(problem));
    }
    setTimeout(ask, next);
  };
  void begin.then(ask);
  return { ...findings, error, chosen: /** @type {import('./observable.js').Observable<Finding | null>} */ (observable(null)) };
}
