// Keys that go from moment to moment, and those of the window.

import { shownFindings, isFault, isGap } from './core/findings.js';
import { exchangeOf, wordOf } from './core/notices.js';
import { sessionTime } from './core/times.js';
import { goToFinding } from './findings/findings.js';
import { showAll } from './overview/overview.js';

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
 * @param {import('./main.js').Page} page
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

/** @param {import('./main.js').Page} page */
export function moments(page) {
  const { axis, keys, state, say, live, session } = page;
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

  const window = 'Window';
  const moment = 'Moments';
  const wide = () => axis.get().to - axis.get().from;
  const around = () => page.pointer.get() ?? (isSeen(state.get().at, axis.get()) ? (state.get().at ?? undefined) : undefined);
  keys.add(
    { key: 'j', label: 'Next and previous event, in the chosen lane or in all', group: moment, run: () => event(1) },
    { key: 'k', label: 'Next and previous event, in the chosen lane or in all', group: moment, run: () => event(-1) },
    { key: 'g', label: 'Next and previous gap or fault', group: moment, run: () => trouble(1) },
    { key: 'G', label: 'Next and previous gap or fault', group: moment, run: () => trouble(-1) },
    { key: '+', label: 'Nearer, wider', group: window, run: () => axis.zoom(0.5, around()) },
    { key: '=', label: '', run: () => axis.zoom(0.5, around()) },
    { key: '-', label: 'Nearer, wider', group: window, run: () => axis.zoom(2, around()) },
    { key: 'ArrowLeft', label: 'Earlier, later', group: window, run: (key) => axis.pan(-wide() * (key.shiftKey ? 0.8 : 0.15)) },
    { key: 'ArrowRight', label: 'Earlier, later', group: window, run: (key) => axis.pan(wide() * (key.shiftKey ? 0.8 : 0.15)) },
    { key: 'f', label: 'All of the session', group: window, run: () => showAll(axis, session, state) },
    { key: '.', label: 'Follow the edge, while it is recorded', group: window, run: () => (session.get().recording ? live.follow() : axis.pan(1e9)) },
  );
  const lane = 'In a lane that has the focus';
  keys.note(lane, 'Next and previous thing', ['ArrowLeft', 'ArrowRight']);
  keys.note(lane, 'Lane above and below', ['ArrowUp', 'ArrowDown']);
  keys.note(lane, 'Open it: its request, or its playlist', ['Enter']);
  keys.note(lane, 'A window earlier and later', ['PageUp', 'PageDown']);
}

/** @param {number | null} at @param {import('./core/axis.js').Span} span */
const isSeen = (at, { from, to }) => at !== null && at >= from && at <= to;
