// From moment to moment: what happened before, and what next.

import { shownFindings, isFault, isGap } from './core/findings.js';
import { exchangeOf, wordOf } from './core/notices.js';
import { sessionTime } from './core/times.js';
import { goToFinding } from './findings/findings.js';

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
 * @param {import('./types.js').Page} page
 * @returns {{ at: number, name: string, seen: Partial<import('./core/state.js').Seen>, finding?: import('./core/types.js').Finding }[]}
 */
function events({ events, state, findings, session }) {
  const { r, s } = state.get();
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
    const exchange = exchangeOf(notice);
    found.push({ at: notice.at, name: `Recorder: ${wordOf(notice)}`, seen: exchange === null ? {} : { x: exchange } });
  }
  for (const finding of shownFindings(findings.get(), state.get())) {
    if (r === null || finding.lane === r) found.push({ at: finding.first.session_time, name: `${finding.rule}: ${finding.detail.text}`, seen: {}, finding });
  }
  return found;
}

/** @param {import('./types.js').Page} page */
export function stepper(page) {
  const { axis, state, say } = page;
  const now = (/** @type {1 | -1} */ step) => state.get().at ?? (step > 0 ? axis.get().from - 2 * SAME : axis.get().to + 2 * SAME);

  /** @param {1 | -1} step */
  const event = (step) => {
    const next = nearest(events(page), now(step), step);
    if (!next) {
      say(step > 0 ? 'No later event is known' : 'No earlier event is known');
      return;
    }
    if (next.finding) goToFinding(page, next.finding);
    else {
      state.set({ at: next.at, with: null, rev: null, x: null, ...next.seen });
      axis.reveal(next.at);
    }
    say(`${sessionTime(next.at)}: ${next.name}`);
  };
  /** @param {1 | -1} step */
  const trouble = (step) => {
    const { s } = state.get();
    const all = shownFindings(page.findings.get(), { s, only: null }).filter((finding) => isGap(finding) || isFault(finding));
    const next = nearest(all.map((finding) => ({ at: finding.first.session_time, finding })), now(step), step);
    if (!next) {
      say(step > 0 ? 'No later gap or fault' : 'No earlier gap or fault');
      return;
    }
    goToFinding(page, next.finding);
    say(next.finding.detail.text);
  };
  return { event, trouble };
}
