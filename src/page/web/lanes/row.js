// One lane: its name, its picture, the hands and keys on it, the table behind it.

import { toPixel } from '../core/picture/axis.js';
import { picture } from '../core/picture/canvas.js';
import { colours } from '../core/picture/colours.js';
import { disclosure } from '../core/ui/disclosure.js';
import { cut, fill, h, set } from '../core/ui/dom.js';
import { gestures } from '../core/picture/gestures.js';
import { noticesOf } from '../core/data/notices.js';
import { isSame } from '../core/data/state.js';
import { length } from '../core/data/times.js';
import { showTip } from '../core/ui/tip.js';
import { bandsOf, hit } from './picture/bands.js';
import { drawLane } from './picture/draw.js';
import { expected } from './things/gaps.js';
import { sentenceOf } from './things/sentence.js';
import { things } from './things/things.js';

/**
 * @typedef {import('./types.js').Thing} Thing
 * @typedef {object} Row
 * @property {HTMLElement} element
 * @property {HTMLElement} hands  What has the focus.
 * @property {import('../core/types.js').Lane} lane
 * @property {(known: Omit<import('./types.js').Known, 'lane'>) => void} show
 * @property {() => void} redraw
 * @property {() => Thing[]} things
 */

/** What a click on a thing opens. @param {Thing | null} thing @param {string} lane @param {number} at */
function opens(thing, lane, at) {
  // What is no box is small in a day: the pointer goes to it, not beside it.
  const moment = thing && !thing.box && Number.isFinite(thing.to) ? Math.min(Math.max(at, thing.at), thing.to) : at;
  const opened = { r: lane, at: Math.max(moment, 0), with: null };
  if (thing?.revision != null) return { ...opened, rev: thing.revision, x: null };
  if (thing?.exchange != null) return { ...opened, x: thing.exchange, rev: null };
  return thing ? { ...opened, x: null, rev: null } : { ...opened, rev: null };
}

/** Opens what a thing is about; of a gap its first request without a good answer as well. @param {import('../types.js').Page} page @param {Thing | null} thing @param {string} lane @param {number} at */
async function open({ state, say }, thing, lane, at) {
  state.set(opens(thing, lane, at));
  const { wait } = thing ?? {};
  if (!wait || wait.own) return;
  try {
    const { faultOf } = await import('./things/fault-of.js');
    const seen = state.get();
    const x = await faultOf(lane, wait);
    if (x !== null && isSame(state.get(), seen, ['r', 'at', 'rev', 'x'])) state.set({ x }, { replace: true });
  } catch {
    say('The requests of the gap could not be loaded');
  }
}

const KEYS = /^(Arrow(Left|Right|Up|Down)|Home|End|Page(Up|Down)|Enter|Escape)$/;

/** Its name and what else is known of it. @param {import('../core/types.js').Lane} lane @param {boolean} isOfSeveral */
function nameOf(lane, isOfSeveral) {
  const main = lane.label ?? (lane.kind === 'main' ? 'Multivariant' : lane.name);
  return { name: isOfSeveral ? `${lane.stream} · ${main}` : main, more: lane.name === main ? lane.url : lane.name };
}

/** @param {import('../core/types.js').Lane} lane @param {import('../types.js').Page} page @returns {Row} */
export function row(lane, page) {
  const { name, more } = nameOf(lane, page.session.get().streams.length > 1 && page.state.get().s === null);
  /** @type {Thing[]} */
  let all = [];
  /** @type {import('./picture/draw.js').Scene} */
  const scene = { things: all, expected: [], bands: bandsOf(lane.kind, 0, false), events: null, known: page.axis.get(), holes: [], notices: [], end: 0, current: null, note: null };
  // Room for them stays, so that nothing jumps.
  let hasParts = false;

  const image = picture(name, (context, width, height) => {
    scene.bands = bandsOf(lane.kind, height, hasParts);
    const lines = { pointer: page.pointer.get(), at: page.state.get().at, playhead: page.playhead.get() };
    drawLane(context, { span: page.axis.get(), width, height }, scene, lines, colours());
  });
  const hands = h('div', { class: 'hands', role: 'slider', tabindex: 0, 'aria-label': `Events of ${name}`, 'aria-valuemin': 0, 'aria-valuenow': 0 });
  const choose = h('button', { type: 'button', class: 'plain lane-name', title: lane.url, 'aria-label': name, onclick: () => chosen() }, cut(name));
  const facts = h('span', { class: 'quiet lane-more' }, cut(more));
  const { button, body, renew } = disclosure(name, async () => [(await import('./things/table.js')).tableOf(all, page, name, scene)]);
  const label = h('div', { class: 'lane-label' }, choose, facts, h('span', { class: 'tools' }, h('span', { class: 'quiet' }, targets(lane)), button));
  const element = h('div', { class: `lane lane-${lane.kind}`, 'data-lane': lane.id }, h('div', { class: 'time-row' }, label, h('div', { class: 'lane-picture' }, image.element, hands)), body);

  const chosen = () => page.state.set({ r: page.state.get().r === lane.id ? null : lane.id, rev: null, with: null });
  const mark = () => set(choose, { 'aria-pressed': String(page.state.get().r === lane.id) });
  const under = (/** @type {{ x: number, y: number }} */ { x, y }) => hit(all, scene.bands, page.axis.get(), image.size().width, x, y);

  gestures(hands, page.axis, {
    hover(place) {
      page.pointer.set(place && place.seconds);
      const thing = place && under(place);
      const box = hands.getBoundingClientRect();
      if (place && thing) showTip([thing.name, ...thing.lines()], box.left + place.x, box.top + place.y);
      else showTip(null);
    },
    click: (place) => void open(page, under(place), lane.id, place.seconds),
  });
  keys(hands, page, {
    things: () => all,
    open: (thing) => void open(page, thing, lane.id, thing.at),
    current: () => scene.current,
    become(thing) {
      scene.current = thing;
      image.redraw();
      const words = thing ? [thing.name, ...thing.lines()] : null;
      set(hands, { 'aria-valuenow': Math.round((thing?.at ?? page.axis.get().from) * 1000) / 1000, 'aria-valuetext': words?.join(', ') ?? sentenceOf(all, name, scene) });
      const box = hands.getBoundingClientRect();
      if (words && thing) showTip(words, box.left + Math.min(Math.max(toPixel(page.axis.get(), box.width, thing.at), 0), box.width), box.top + scene.bands.advances.top);
      else showTip(null);
    },
  });
  page.state.subscribe((seen, before) => {
    mark();
    // Where lanes scroll by themselves the chosen one is seen; nowhere does the page move.
    if (seen.r === lane.id && before.r !== lane.id && matchMedia('(min-width: 1000px)').matches) element.scrollIntoView({ block: 'nearest' });
  });
  mark();

  return {
    element, hands, lane,
    things: () => all,
    redraw: image.redraw,
    show(known) {
      all = things({ ...known, lane });
      // In a long window of low latency parts are too many, and segments are not.
      const isCut = lane.part_target_seconds !== null && Boolean(known.events?.segments) && !known.events?.parts;
      if (!hasParts && (isCut || known.events?.parts?.length)) {
        hasParts = true;
        element.classList.add('lane-parts');
      }
      const { current } = scene;
      Object.assign(scene, {
        things: all,
        events: known.events,
        known: known.span,
        holes: missingOf(known.session),
        notices: noticesOf(known.session.notices, lane),
        end: known.session.length_seconds,
        expected: known.events ? expected(known.events, known.span, lane.target_seconds) : [],
        note: !known.isRead ? 'loading…' : known.events && lane.kind === 'media' && !known.events.segments ? 'Zoom in to see segments' : isCut ? 'Zoom in to see parts' : null,
        current: current && (all.find(({ kind, at, name }) => kind === current.kind && at === current.at && name === current.name) ?? current),
      });
      const isMore = !known.isRead;
      const sentence = isMore && !known.events ? `${name}: loading…` : `${sentenceOf(all, name, scene)}${isMore ? ', and more is being loaded' : ''}`;
      set(image.element, { 'aria-label': sentence });
      set(hands, { 'aria-valuemax': known.session.length_seconds });
      if (!current) set(hands, { 'aria-valuetext': sentence });
      const left = known.events?.segments_left_out;
      const words = left ? `${left} earlier segments are not drawn` : more;
      if (facts.textContent !== words) fill(facts, cut(words));
      renew();
      image.redraw();
    },
  };
}

/** Keys of a lane: what they do is brought with the first of them. @param {HTMLElement} element @param {import('../types.js').Page} page @param {import('./types.js').KeyRow} of */
function keys(element, page, of) {
  /** @type {Promise<(key: string) => void> | null} */
  let brought = null;
  element.addEventListener('keydown', async (event) => {
    if (!KEYS.test(event.key) || (event.key === 'Escape' && !of.current()) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    try {
      (await (brought ??= import('./row-keys.js').then(({ keysOf }) => keysOf(element, page, of))))(event.key);
    } catch {
      brought = null;
      page.say('The keys of this lane could not be loaded');
    }
  });
  element.addEventListener('blur', () => showTip(null));
}

/** When no recorder ran, and what was removed. @param {import('../core/types.js').Session} session @returns {[number, number][]} */
const missingOf = ({ holes, kept_from }) => (kept_from === null ? holes : [[0, kept_from], ...holes]);

/** @param {import('../core/types.js').Lane} lane */
function targets({ target_seconds, part_target_seconds }) {
  if (target_seconds === null) return '';
  return `target ${length(target_seconds)}${part_target_seconds === null ? '' : `, parts ${length(part_target_seconds)}`}`;
}
