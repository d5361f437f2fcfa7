// Keys that go from moment to moment, and those of the window.

import { showAll } from './overview/overview.js';

/** @param {import('./types.js').Page} page */
export function moments(page) {
  const { axis, keys, state, say, live, session } = page;
  /** @type {ReturnType<typeof import('./events.js').stepper> | null} */
  let stepper = null;
  /** What there is to go to is brought with the first step. @param {'event' | 'trouble'} what @param {1 | -1} step */
  const go = async (what, step) => {
    try {
      const module = await import('./events.js');
      stepper ??= module.stepper(page);
      stepper[what](step);
    } catch (error) {
      console.error(error);
      say('This part of the page failed');
    }
  };

  const window = 'Window';
  const moment = 'Moments';
  const wide = () => axis.get().to - axis.get().from;
  const around = () => page.pointer.get() ?? (isSeen(state.get().at, axis.get()) ? (state.get().at ?? undefined) : undefined);
  keys.add(
    { key: 'j', label: 'Next and previous event, in the chosen lane or in all', group: moment, run: () => go('event', 1) },
    { key: 'k', label: 'Next and previous event, in the chosen lane or in all', group: moment, run: () => go('event', -1) },
    { key: 'g', label: 'Next and previous gap or fault', group: moment, run: () => go('trouble', 1) },
    { key: 'G', label: 'Next and previous gap or fault', group: moment, run: () => go('trouble', -1) },
    { key: '+', label: 'Nearer, wider', group: window, run: () => axis.zoom(0.5, around()) },
    { key: '=', label: '', run: () => axis.zoom(0.5, around()) },
    { key: '-', label: 'Nearer, wider', group: window, run: () => axis.zoom(2, around()) },
    { key: 'ArrowLeft', label: 'Earlier, later', group: window, run: (key) => axis.pan(-wide() * (key.shiftKey ? 0.8 : 0.15)) },
    { key: 'ArrowRight', label: 'Earlier, later', group: window, run: (key) => axis.pan(wide() * (key.shiftKey ? 0.8 : 0.15)) },
    { key: 'd', label: 'To the details of what is open', group: moment, run: details },
    { key: 'Escape', label: 'Close what is open', group: moment, run: () => close(state) },
    { key: 'f', label: 'All of the session', group: window, run: () => showAll(axis, session, state) },
    { key: '.', label: 'Follow the edge, while it is recorded', group: window, run: () => (session.get().recording ? live.follow() : axis.pan(1e9)) },
  );
  const lane = 'In a lane that has the focus';
  keys.note(lane, 'Previous and next thing', ['ArrowLeft', 'ArrowRight']);
  keys.note(lane, 'Lane above and below', ['ArrowUp', 'ArrowDown']);
  keys.note(lane, 'Open it: its request, or its playlist', ['Enter']);
  keys.note(lane, 'A window earlier and later', ['PageUp', 'PageDown']);
}

/** The request, else the playlist. */
const details = () => /** @type {HTMLElement | null} */ (document.querySelector('.exchange:not([hidden]) h2, .revision:not([hidden]) h2'))?.focus();

/** The request first, then the playlist. @param {import('./core/data/state.js').State} state */
const close = ({ get, set }) => set(get().x === null ? { rev: null, with: null, q: null, r: null } : { x: null });

/** @param {number | null} at @param {import('./core/picture/axis.js').Span} span */
const isSeen = (at, { from, to }) => at !== null && at >= from && at <= to;
