// From moment to moment: what happened before, and what next.

import { gapsOf, isFault, isGap, shownFindings } from './core/data/findings.js';
import { blindSpans, exchangeOf, wordOf } from './core/data/notices.js';
import { isSame } from './core/data/state.js';
import { length, sessionTime } from './core/data/times.js';
import { goToFinding } from './findings/go.js';
import { waits } from './lanes/things/gaps.js';

/** Nearer than this, in seconds, is the moment where one is. */
const SAME = 0.0005;

/**
 * The next one, or the one before, of moments in whatever order.
 * @template {{ at: number }} Moment
 * @param {Moment[]} all @param {number} now @param {1 | -1} step @returns {Moment | null}
 */
export function nearest(all, now, step) {
  /** @type {Moment | null} */
  let best = null;
  for (const one of all) {
    const away = (one.at - now) * step;
    if (away > SAME && (best === null || away < (best.at - now) * step)) best = one;
  }
  return best;
}

/**
 * What happened, as far as it is known: in the chosen lane, else in all.
 * @param {import('./types.js').Page} page @param {string | null} r The chosen lane.
 * @returns {{ at: number, name: string, seen: Partial<import('./core/data/state.js').Seen>, finding?: import('./core/types.js').Finding }[]}
 */
function events({ events, state, findings, session }, r) {
  const { s } = state.get();
  const found = [];
  for (const { id, advances, revisions, marks, segments, parts, before, after, bodies } of events.get()?.lanes ?? []) {
    const lane = session.lane(id);
    if ((r !== null && r !== id) || (s !== null && lane?.stream !== s)) continue;
    const name = lane?.label ?? lane?.name ?? '';
    // Where advances are only counted, those behind the span are not the next ones.
    for (const at of advances ? [before, after] : []) if (at !== null) found.push({ at, name: `Advance, ${name}`, seen: { r: id, rev: null } });
    advances?.at.forEach((at, index) => found.push({ at, name: `Advance, ${name}`, seen: { r: id, rev: advances.revision[index] } }));
    revisions?.at.forEach((at, index) => found.push({ at, name: `Multivariant playlist changed, ${name}`, seen: { r: id, rev: revisions.revision[index] } }));
    for (const { at, kind, revision } of marks ?? []) found.push({ at, name: `${kind}, ${name}`, seen: { r: id, rev: revision } });
    for (const { requested, fault, exchange, name: file } of [...(segments ?? []), ...(parts ?? [])]) {
      if (fault && requested !== undefined) found.push({ at: requested, name: `Fault, ${file}`, seen: { r: id, x: exchange } });
    }
    for (const { from, exchange } of bodies?.parts ?? []) found.push({ at: from, name: `Part of ${name}`, seen: { r: id, x: exchange } });
  }
  for (const notice of session.get().notices) {
    const { lane } = notice;
    if (lane !== null && ((r !== null && r !== lane) || (s !== null && session.lane(lane)?.stream !== s))) continue;
    const exchange = exchangeOf(notice);
    found.push({ at: notice.at, name: `Recorder: ${wordOf(notice)}`, seen: exchange === null ? {} : { x: exchange } });
  }
  for (const finding of shownFindings(findings.get(), state.get())) {
    if (r === null || finding.lane === r || finding.lanes?.includes(r)) found.push({ at: finding.first.session_time, name: `${finding.rule}: ${finding.detail.text}`, seen: {}, finding });
  }
  return found;
}

/**
 * Gaps and outages: those of findings, and waits that lanes draw though they are in no finding.
 * @param {import('./types.js').Page} page
 * @returns {ReturnType<typeof events>}
 */
function troubles({ events: lanes, state, findings, session }) {
  const { s } = state.get();
  const all = shownFindings(findings.get(), { s, only: null }).filter((finding) => isGap(finding) || isFault(finding));
  /** @type {ReturnType<typeof events>} */
  const found = all.flatMap((finding) => [
    { at: finding.first.session_time, name: finding.detail.text, seen: {}, finding },
    ...(isGap(finding) ? [] : gapsOf(finding)).map(({ from, lane }) => ({ at: from, name: `Gap, ${session.lane(lane)?.label ?? lane}: ${finding.detail.text}`, seen: { r: lane, rev: null } })),
  ]);
  const told = lanes.get();
  for (const one of told?.lanes ?? []) {
    const lane = session.lane(one.id);
    if (!lane || !told || (s !== null && lane.stream !== s)) continue;
    for (const { from, to, finding, revision } of waits(one, told, lane.target_seconds, all, true, blindSpans(session.get(), lane))) {
      if (!finding) found.push({ at: from, name: `No advance of ${lane.label ?? lane.name} was seen for ${length(to - from)}`, seen: { r: lane.id, rev: revision } });
    }
  }
  return found;
}

/** @param {import('./types.js').Page} page */
export function stepper(page) {
  const { axis, state, say } = page;
  /** A step chooses the lane that it leads to: the next one goes through those that it went through, until somebody chooses. */
  let walked = { at: /** @type {number | null} */ (null), r: /** @type {string | null} */ (null), among: /** @type {string | null} */ (null), exact: 0 };
  const isThere = () => state.get().at !== null && isSame(state.get(), walked, ['at', 'r']);
  const among = () => (isThere() ? walked.among : state.get().r);
  /** @param {string | null} lane @param {ReturnType<typeof events>[number]} next */
  const arrive = (lane, next) => {
    if (next.finding) goToFinding(page, next.finding);
    else {
      state.set({ at: next.at, with: null, x: null, ...next.seen });
      axis.reveal(next.at);
    }
    const { at, r } = state.get();
    walked = { at, r, among: lane, exact: next.at };
    say(`${sessionTime(next.at)}: ${next.name}`);
  };
  const now = (/** @type {1 | -1} */ step) => (isThere() ? walked.exact : state.get().at) ?? (step > 0 ? axis.get().from - 2 * SAME : axis.get().to + 2 * SAME);

  /** @param {1 | -1} step */
  const event = (step) => {
    const lane = among();
    const next = nearest(events(page, lane), now(step), step);
    if (!next) {
      say(step > 0 ? 'No later event is known' : 'No earlier event is known');
      return;
    }
    arrive(lane, { ...next, seen: { rev: null, ...next.seen } });
  };
  /** @param {1 | -1} step */
  const trouble = (step) => {
    const next = nearest(troubles(page), now(step), step);
    if (!next) {
      say(step > 0 ? 'No later gap or fault' : 'No earlier gap or fault');
      return;
    }
    arrive(among(), next);
  };
  return { event, trouble };
}
