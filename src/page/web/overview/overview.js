// The overview strip: the whole session, and the window in it.

import { picture } from '../core/picture/canvas.js';
import { colours } from '../core/picture/colours.js';
import { loader } from '../core/data/data.js';
import { h, set, setText } from '../core/ui/dom.js';
import { gapCount, isFault, loadedTo, shownFindings } from '../core/data/findings.js';
import { count, length, sessionTime } from '../core/data/times.js';
import { disclosure } from '../core/ui/disclosure.js';
import { brush } from './brush.js';
import { drawOverview } from './draw.js';

/** While a session is recorded, counts are asked for so often, in milliseconds. */
const EACH_MS = 5000;
/** Until the server has read all of it. */
const READING_MS = 150;

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function overview(element, page) {
  const { axis, session, state } = page;
  /** @type {import('../core/types.js').Overview | null} */
  let data = null;
  /** What is of the chosen stream, or of all: what the recorder noticed of others is not. @returns {import('../core/types.js').Session} */
  const told = () => {
    const { s } = state.get();
    const all = session.get();
    return s === null ? all : { ...all, notices: all.notices.filter(({ lane }) => lane === null || session.lane(lane)?.stream === s) };
  };
  const shown = () => ({
    data,
    stream: state.get().s,
    session: told(),
    findings: shownFindings(page.findings.get(), state.get()),
    loadedTo: loadedTo(page.findings.get())?.at ?? null,
    window: axis.get(),
    pointer: page.pointer.get(),
    at: state.get().at,
    playhead: page.playhead.get(),
  });
  const image = picture('Overview', (context, width, height) => drawOverview(context, width, height, shown(), colours()));
  const hands = h('div', { class: 'hands', role: 'slider', tabindex: 0, 'aria-label': 'Window', 'data-arrows': '' });
  brush(hands, page);
  slider(hands, page);

  const trouble = h('p', { class: 'trouble', role: 'alert' });
  const { button, body, renew } = disclosure('overview', async () => (await import('./table.js')).overviewTable(shown()));
  const whole = h('span', { class: 'quiet' });
  element.append(
    h('div', { class: 'time-row overview-row' },
      h('div', { class: 'lane-label' }, h('strong', null, 'Session'), whole, h('span', { class: 'tools' }, zoomButtons(page), button)),
      h('div', { class: 'lane-picture' }, image.element, hands)),
    body, trouble);

  const words = () => {
    const { from, to } = axis.get();
    const end = session.get().length_seconds;
    setText(whole, `${length(end)}${state.get().s === null ? '' : `, ${state.get().s} alone`}`);
    set(image.element, { 'aria-label': sentence(shown()) });
    set(hands, {
      'aria-valuemin': 0,
      'aria-valuemax': end,
      'aria-valuenow': Math.round(from * 1000) / 1000,
      'aria-valuetext': `${sessionTime(from)} to ${sessionTime(to)}, ${length(to - from)}`,
    });
  };

  const requests = loader();
  let timer = 0;
  let askedAt = -EACH_MS;
  const ask = async () => {
    clearTimeout(timer);
    timer = 0;
    askedAt = performance.now();
    const cells = Math.max(50, Math.min(4000, Math.round(image.size().width / 2) || 600));
    try {
      const came = await requests.load('-/v1/overview', { cells, stream: state.get().s });
      if (!came) return;
      data = came;
      setText(trouble, '');
      if (!session.get().recording && !came.full && came.indexed_to < session.get().length_seconds - 0.001) timer = setTimeout(ask, READING_MS);
    } catch (error) {
      setText(trouble, error instanceof Error ? error.message : String(error));
    }
    image.redraw();
    words();
    renew();
  };

  const redraw = () => image.redraw();
  for (const one of [page.pointer, page.playhead]) one.subscribe(redraw);
  state.subscribe((seen, before) => {
    redraw();
    if (seen.s === before.s) return;
    data = null;
    words();
    void ask();
  });
  page.findings.subscribe(() => (redraw(), words()));
  axis.subscribe(redraw);
  axis.settled(words);
  session.subscribe(() => {
    redraw();
    if (!timer) timer = setTimeout(ask, Math.max(0, askedAt + EACH_MS - performance.now()));
  });
  words();
  requestAnimationFrame(ask);
}

/** What the picture shows, in a sentence. @param {import('./draw.js').Shown} shown */
function sentence({ data, stream, session, findings, loadedTo: end }) {
  const sum = (/** @type {number[] | undefined} */ counts) => (counts ?? []).reduce((all, one) => all + one, 0);
  const parts = [`Overview of ${length(session.length_seconds)}${stream === null ? '' : ` of ${stream}`}`];
  if (data) parts.push(count(sum(data.requests), 'request'), count(sum(data.faults), 'fault'));
  parts.push(count(gapCount(findings), 'gap'), count(findings.filter(isFault).length, 'outage'), `${count(findings.length, 'finding')}${end === null ? '' : ' loaded'}`);
  if (end !== null) parts.push(`findings from ${sessionTime(end, 0)} on are loaded with the window`);
  if (session.notices.length) parts.push(`${count(session.notices.length, 'trouble')} of the recorder`);
  if (session.holes.length) parts.push(`${count(session.holes.length, 'hole')} of the recorder`);
  return parts.join(', ');
}

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
function slider(element, { axis }) {
  element.addEventListener('keydown', (event) => {
    const { from, to } = axis.get();
    const width = to - from;
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: -0.1, ArrowRight: 0.1, ArrowDown: -0.1, ArrowUp: 0.1, PageUp: -1, PageDown: 1 });
    if (event.key in steps) axis.pan(width * steps[event.key] * (event.shiftKey ? 5 : 1));
    else if (event.key === 'Home') axis.show({ from: 0, to: width });
    else if (event.key === 'End') axis.show({ from: Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER + width });
    else return;
    event.preventDefault();
  });
}

/** @param {import('../types.js').Page} page */
function zoomButtons({ axis, state, live, session }) {
  const button = (/** @type {string} */ name, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
    h('button', { type: 'button', class: 'plain', 'aria-label': label, title: label, onclick }, name);
  const edge = button('Edge', 'Follow the edge (.)', () => live.follow());
  const follow = () => {
    edge.hidden = !session.get().recording;
    set(edge, { 'aria-pressed': String(live.follows()) });
  };
  live.subscribe(follow);
  session.subscribe(follow);
  follow();
  return [
    button('−', 'Zoom out (-)', () => axis.zoom(2)),
    button('+', 'Zoom in (+)', () => axis.zoom(0.5)),
    button('All', 'All of the session (f)', () => showAll(axis, session, state)),
    edge,
  ];
}

/**
 * All of the session.
 * @param {import('../core/picture/axis.js').Axis} axis @param {import('../core/data/session.js').SessionStore} session @param {import('../core/data/state.js').State} state
 */
export function showAll(axis, session, state) {
  // Of one that is over the fragment need not say it.
  if (session.get().recording) axis.show({ from: 0, to: session.get().length_seconds });
  else state.set({ t: null, w: null }, { replace: true });
}
