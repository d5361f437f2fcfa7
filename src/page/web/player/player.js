// The player: it plays the very moment that one looks at, as a viewer would have seen it.

import { h, set, setText } from '../core/dom.js';
import { length, sessionTime, utcTime } from '../core/times.js';
import { bufferCurve } from './buffer.js';
import { choices } from './choices.js';
import { eventList } from './list.js';
import { playback } from './playback.js';
import { bufferOf } from './watch.js';

/** The play head moves so often, in milliseconds; what lasts grows so often. */
const TICK_MS = 100;
const GROW_MS = 1000;
/** After so long without another one a pointer that was set is a seek. */
const REST_MS = 250;

/** @param {HTMLElement} element @param {import('../main.js').Page} page */
export function player(element, page) {
  const { axis, state, session, keys, playhead } = page;
  const video = h('video', { controls: true, playsinline: true, 'aria-label': 'The stream', 'data-arrows': true });
  video.muted = true;
  const play = h('button', { type: 'button', onclick: () => start() });
  const stop = h('button', { type: 'button', hidden: true, onclick: () => playing.stop() }, 'Stop');
  const trouble = h('p', { class: 'trouble', role: 'alert' });
  const words = { clock: h('dd'), picture: h('dd'), buffer: h('dd') };
  const facts = h('dl', { class: 'facts' }, h('dt', null, 'Clock'), words.clock, h('dt', null, 'Picture'), words.picture, h('dt', null, 'Buffer'), words.buffer);
  const curve = bufferCurve();
  const screen = h('div', { class: 'player-screen', hidden: true }, video, h('div', { class: 'player-buffer' }, curve.element), facts);
  const chosen = choices(page, () => {
    const now = playing.now();
    if (now !== null) void begin(now);
  });
  const playing = playback(video, page, (failure) => {
    setText(trouble, failure ?? '');
    screen.hidden = !playing.isOn();
    stop.hidden = !playing.isOn();
    clearInterval(ticking);
    if (playing.isOn()) ticking = setInterval(tick, TICK_MS);
    else playhead.set({ clock: null, picture: null });
    name();
  });
  set(element, { 'aria-labelledby': 'player-title' });
  element.append(
    h('div', { class: 'panel-head' }, h('h2', { id: 'player-title' }, 'Player'), play, stop), trouble,
    h('div', { class: 'player-content' }, screen, h('details', { class: 'player-how' }, h('summary', null, 'How it plays'), chosen.element), eventList(page)));

  let ticking = 0;
  const isEdge = () => state.get().at === null && page.live.follows();
  const moment = () => Math.min(isEdge() ? Infinity : (state.get().at ?? axis.get().from), session.get().length_seconds);
  const name = () => setText(play, `${playing.isOn() ? 'Play again' : '▶ Play'} ${isEdge() ? 'at the edge' : `from ${sessionTime(moment(), 1)}`}`);
  /** @param {number} at */
  const begin = (at) => playing.start(Math.max(at, 0), chosen.wanted());
  const start = () => {
    chosen.choose();
    if (!page.live.follows()) axis.reveal(moment());
    return begin(moment());
  };
  keys.add({ key: ' ', label: 'Play, pause', group: 'Player', run: () => {
    if (!playing.isOn()) void start();
    else if (video.paused) void video.play().catch(() => {});
    else video.pause();
  } });

  let timer = 0;
  state.subscribe((seen, before) => {
    name();
    if (seen.at === before.at || seen.at === null || !playing.isOn() || !chosen.seeks()) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (playing.isOn() && state.get().at === seen.at) void begin(Number(seen.at));
    }, REST_MS);
  });
  axis.settled(name);
  name();

  let grown = 0;
  const tick = () => {
    const now = playing.now();
    if (now === null) return;
    const end = session.get().length_seconds;
    const isOver = now > end && !session.get().recording;
    const place = playing.picture();
    move({ clock: isOver ? null : now, picture: place?.at ?? null });
    tell(now, isOver, place);
    curve.add(now, bufferOf(video));
    if (performance.now() - grown >= GROW_MS) {
      grown = performance.now();
      playing.log.goesOn(now);
    }
    const { from, to } = axis.get();
    if (chosen.follows() && !isOver && (now > to || now < from)) axis.show({ from: now - (to - from) * 0.1, to: now + (to - from) * 0.9 });
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
    setText(words.picture, place ? `${sessionTime(place.at, 1)}, ${length(Math.max(now - place.at, 0))} behind; ${place.how}` : 'not known yet');
    setText(words.buffer, [length(bufferOf(video)), playing.engine()?.level(), playing.engine()?.name].filter(Boolean).join(', '));
  };
}
