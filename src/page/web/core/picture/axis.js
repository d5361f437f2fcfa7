// The axis of time: which seconds are seen, and where a second is on the screen. All pictures share one.

import { rounded } from '../data/state.js';

/** @typedef {{ from: number, to: number }} Span In session seconds. */

/** The least that is seen at once, in seconds. */
const NARROWEST = 0.05;

/** Where a second is, in pixels of a picture that is `width` wide. @param {Span} span @param {number} width @param {number} seconds */
export const toPixel = (span, width, seconds) => ((seconds - span.from) / (span.to - span.from)) * width;

/** Which second is at a pixel. @param {Span} span @param {number} width @param {number} pixel */
export const toSeconds = (span, width, pixel) => span.from + (pixel / width) * (span.to - span.from);

/**
 * Of a span: the nearest one of the same width, where that is possible, that lies in the session.
 * @param {Span} span @param {number} end Of the session.
 * @returns {Span}
 */
export function clamp({ from, to }, end) {
  const whole = Math.max(end, NARROWEST);
  const width = Math.min(Math.max(to - from, NARROWEST), whole);
  const middle = (from + to) / 2;
  const begin = Math.min(Math.max(to - from < NARROWEST ? middle - width / 2 : from, 0), whole - width);
  return { from: begin, to: begin + width };
}

/**
 * The span that is `factor` times as wide, with `around` at the same place of the screen.
 * @param {Span} span @param {number} factor @param {number} around
 * @returns {Span}
 */
export const zoomed = ({ from, to }, factor, around) => ({ from: around - (around - from) * factor, to: around + (to - around) * factor });

const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/**
 * Round moments of a span, no more than `most`; `offset` makes them round in other seconds (UTC: session zero).
 * @param {Span} span @param {number} most @param {number} [offset]
 * @returns {{ step: number, at: number[] }}
 */
export function ticks({ from, to }, most, offset = 0) {
  const least = (to - from) / Math.max(most, 1);
  const step = STEPS.find((one) => one >= least) ?? Math.ceil(least / 86400) * 86400;
  const at = [];
  for (let index = Math.ceil((from + offset) / step); index * step - offset <= to; index += 1) at.push(index * step - offset);
  return { step, at };
}

/** How many digits of the fraction tell moments of this step apart. @param {number} step */
export const digitsOf = (step) => (step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3);

/** @typedef {import('../types.js').Axis} Axis */

/** For so long it rests before the fragment follows, and all that is no picture, in milliseconds. */
const REST_MS = 120;
/** What pictures need is asked for at the first move, so often while it goes on, in milliseconds, and when it rests. */
const EACH_MS = 400;

/**
 * A span as a link says it: what is asked for while it moves is then what is seen when it rests.
 * @param {Span} span @param {number} end Of the session.
 */
export function asLinked(span, end) {
  const round = (/** @type {Span} */ { from, to }) => {
    const [t, w] = [rounded(from, to - from), rounded(to - from, to - from)];
    return clamp({ from: t, to: t + w }, end);
  };
  // The end of the session is at no round moment: what is moved there is rounded once more.
  return round(round(clamp(span, end)));
}

/**
 * @param {import('../data/state.js').State} state
 * @param {import('../data/session.js').SessionStore} session
 * @returns {Axis}
 */
export function createAxis(state, session) {
  /** @type {Set<(span: Span) => void>} */
  const drawing = new Set();
  /** @type {Set<(span: Span) => void>} */
  const asking = new Set();
  /** @type {Set<(span: Span) => void>} */
  const resting = new Set();
  let timer = 0;
  let moving = false;
  let span = spanOf(state.get(), session.get());
  /** What was asked for last, and when; where it rested last. */
  let asked = span;
  let askedAt = -EACH_MS;
  let rested = span;

  /** @param {Span} next */
  const become = (next) => {
    if (next.from === span.from && next.to === span.to) return false;
    span = next;
    for (const told of [...drawing]) told(span);
    return true;
  };
  const ask = () => {
    if (asked === span) return;
    asked = span;
    askedAt = performance.now();
    for (const told of [...asking]) told(span);
  };
  const settle = () => {
    ask();
    if (rested === span) return;
    rested = span;
    for (const told of [...resting]) told(span);
  };
  /** Only what somebody did is written down; the edge goes on by itself. */
  const rest = () => {
    const width = span.to - span.from;
    state.set({ t: rounded(span.from, width), w: rounded(width, width) }, { replace: true });
    moving = false;
    settle();
  };
  const follow = () => {
    if (!moving && become(spanOf(state.get(), session.get()))) settle();
  };
  state.subscribe(follow);
  session.subscribe(follow);

  /** While it is recorded a window may end behind the edge: what is shown stays, and is filled. */
  const end = () => Math.max(session.get().length_seconds, session.get().recording ? span.to - span.from : 0);

  /** @type {Axis} */
  const axis = {
    get: () => span,
    show(wanted) {
      if (!become(asLinked(wanted, end()))) return;
      const isFirst = !moving;
      moving = true;
      clearTimeout(timer);
      timer = setTimeout(rest, REST_MS);
      if (isFirst || performance.now() - askedAt >= EACH_MS) ask();
    },
    zoom: (factor, around = (span.from + span.to) / 2) => axis.show(zoomed(span, factor, around)),
    pan: (seconds) => axis.show({ from: span.from + seconds, to: span.to + seconds }),
    reveal(at, to = at) {
      const width = span.to - span.from;
      if (at >= span.from && to <= span.to) return;
      // What led to it is seen as well; all of it, where there is room.
      const left = width - (to - at);
      const from = at - (left > 0 ? Math.min(width / 4, left / 2) : width / 4);
      axis.show({ from, to: from + width });
    },
    subscribe(told) {
      drawing.add(told);
      return () => drawing.delete(told);
    },
    moved(told) {
      asking.add(told);
      return () => asking.delete(told);
    },
    settled(told) {
      resting.add(told);
      return () => resting.delete(told);
    },
  };
  return axis;
}

/** At the edge of a session that is being recorded so much is seen, in seconds, where nothing else is said. */
const EDGE_SECONDS = 60;

/**
 * The span that is seen: what the fragment says; else the last seconds of a session that is being recorded, or all of one that is over.
 * @param {Readonly<import('../data/state.js').Seen>} seen
 * @param {import('../types.js').Session} session
 * @returns {Span}
 */
export function spanOf(seen, session) {
  const end = session.length_seconds;
  const width = seen.w ?? (session.recording || seen.t !== null ? EDGE_SECONDS : end);
  const from = seen.t ?? (session.recording ? end - width : seen.w === null ? 0 : end - width);
  return clamp({ from, to: from + width }, session.recording ? Math.max(end, width) : end);
}
