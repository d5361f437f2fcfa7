// The screen of the player: what plays, and what is known of it from moment to moment.

import { h, setText } from '../core/ui/dom.js';
import { length, sessionTime, utcTime } from '../core/data/times.js';
import { bufferCurve } from './buffer.js';
import { eventList } from './list.js';
import { playback } from './playback.js';
import { wantedOf } from './wanted.js';
import { bufferOf } from './watch.js';

/** The play head moves so often, in milliseconds; what lasts grows so often. */
const TICK_MS = 100;
const GROW_MS = 1000;

/**
 * @typedef {object} Screen
 * @property {() => boolean} isOn
 * @property {(at: number | null) => Promise<void>} start  From a moment on; null: from where it is.
 * @property {() => void} toggle  Plays, or pauses.
 * @property {() => void} stop
 */

/**
 * @param {import('../types.js').Page} page
 * @param {HTMLElement} content  Where it is put.
 * @param {import('./choices.js').Hands} hands
 * @param {(failure: string | null) => void} changed  It began, ended, or failed.
 * @returns {Screen}
 */
export function screen(page, content, hands, changed) {
  const { axis, session, playhead } = page;
  const video = h('video', { controls: true, playsinline: true, 'aria-label': 'The stream', 'data-arrows': true });
  video.muted = true;
  const words = { clock: h('dd'), picture: h('dd'), buffer: h('dd') };
  const facts = h('dl', { class: 'facts' }, h('dt', null, 'Clock'), words.clock, h('dt', null, 'Picture'), words.picture, h('dt', null, 'Buffer'), words.buffer);
  const curve = bufferCurve();
  const element = h('div', { class: 'player-screen', hidden: true }, video, h('div', { class: 'player-buffer' }, curve.element), facts);
  content.prepend(element);
  content.append(eventList(page));

  let ticking = 0;
  const playing = playback(video, page, (failure) => {
    element.hidden = !playing.isOn();
    clearInterval(ticking);
    if (playing.isOn()) ticking = setInterval(tick, TICK_MS);
    else playhead.set({ clock: null, picture: null });
    changed(failure);
  });

  let grown = 0;
  const tick = () => {
    const now = playing.now();
    if (now === null) return;
    const end = session.get().length_seconds;
    const isOver = now > end && !session.get().recording;
    const place = playing.picture();
    move({ clock: isOver ? null : now, picture: place?.at ?? null });
    tell(now, isOver, place);
    if (!isOver || bufferOf(video) > 0) curve.add(now, bufferOf(video));
    if (performance.now() - grown >= GROW_MS) {
      grown = performance.now();
      playing.log.goesOn(now);
    }
    const { from, to } = axis.get();
    if (hands.follows && !isOver && (now > to || now < from)) axis.show({ from: now - (to - from) * 0.1, to: now + (to - from) * 0.9 });
  };
  /** @param {import('../core/types.js').PlayHead} next */
  const move = (next) => {
    const { from, to } = axis.get();
    // Less than half a pixel is not seen: nothing is drawn for it.
    const least = (to - from) / 3000;
    const before = playhead.get();
    const isFar = (/** @type {number | null} */ a, /** @type {number | null} */ b) => (a === null) !== (b === null) || (a !== null && b !== null && Math.abs(a - b) > least);
    if (isFar(before.clock, next.clock) || isFar(before.picture, next.picture)) playhead.set(next);
  };
  /** @param {number} now @param {boolean} isOver @param {import('./where.js').Place | null} place */
  const tell = (now, isOver, place) => {
    const zero = session.zeroMs();
    setText(words.clock, isOver ? `${sessionTime(session.get().length_seconds, 1)}: the recording is over` : `${sessionTime(now, 1)} (${utcTime(zero, now, 1)}), to ${length(Math.max(playing.uncertain(), 0.001))}`);
    const end = session.get().length_seconds;
    // Behind the end the clock goes on, and how far the picture is behind says nothing.
    const behind = place && (isOver ? `${length(Math.max(end - place.at, 0))} before the end` : `${length(Math.max(now - place.at, 0))} behind`);
    setText(words.picture, place ? `${sessionTime(place.at, 1)}, ${behind}; ${place.how}` : 'not known yet');
    const ahead = bufferOf(video);
    setText(words.buffer, [isOver && ahead < 0.1 ? 'empty: nothing more comes' : length(ahead), playing.engine()?.level(), playing.engine()?.name].filter(Boolean).join(', '));
  };
  return {
    isOn: playing.isOn,
    async start(at) {
      const from = at ?? playing.now();
      if (from !== null) await playing.start(Math.max(from, 0), wantedOf(page));
    },
    toggle() {
      if (video.paused) void video.play().catch(() => {});
      else video.pause();
    },
    stop: playing.stop,
  };
}
