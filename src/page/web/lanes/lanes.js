// The lanes: which there are, and what they are told.

import { loader } from '../core/data/data.js';
import { lanesParams } from '../core/data/lanes.js';
import { fill, h, setText } from '../core/ui/dom.js';
import { isFault, shownFindings } from '../core/data/findings.js';
import { row } from './row.js';
import { ruler } from './picture/ruler.js';

/** While the edge is seen it is asked for so often, in milliseconds. */
const EDGE_MS = 1000;
const READING_MS = 200;
/** Of more lanes a stream has to be chosen. */
const MOST = 200;

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function lanes(element, page) {
  const { axis, session, state, findings } = page;
  /** @type {import('./row.js').Row[]} */
  let rows = [];
  /** @type {import('../core/types.js').Lanes | null} */
  let data = null;
  const rule = ruler(page);
  /** The lane of the player: as soon as that has met something. @type {{ element: HTMLElement, redraw: () => void } | null} */
  let player = null;
  const list = h('div', { class: 'lane-list' });
  const scroll = h('div', { class: 'lane-scroll' }, list);
  const trouble = h('p', { class: 'trouble', role: 'alert' });
  element.append(rule.element, trouble, scroll);

  const redraw = () => {
    rule.redraw();
    player?.redraw();
    for (const one of rows) one.redraw();
  };
  const show = () => {
    const shown = shownFindings(findings.get(), state.get());
    const all = findings.get();
    const outages = (all?.findings ?? []).filter(isFault);
    // A wait that is in no finding is none of the origin's, once all findings are there.
    const isJudged = all?.state === 'done' && !session.get().recording && Object.keys({ ...all.left_out, ...all.not_sent }).length === 0;
    for (const one of rows) {
      one.show({
        events: data?.lanes.find(({ id }) => id === one.lane.id) ?? null,
        span: data ?? axis.get(),
        findings: shown.filter((finding) => isOf(finding, one.lane)),
        outages: outages.filter(({ stream, lane }) => stream === one.lane.stream && lane !== one.lane.id),
        isRead: isRead(),
        isJudged: isJudged && state.get().only === null,
        session: session.get(),
      });
    }
  };

  const isPlayed = page.playing.subscribe(async () => {
    isPlayed();
    const { playing } = await import('./playing.js');
    player = playing(page);
    scroll.append(player.element);
  });

  let known = '';
  const arrange = () => {
    const all = session.get().lanes.filter(({ stream }) => [null, stream].includes(state.get().s));
    const wanted = all.slice(0, MOST);
    const text = JSON.stringify([wanted, all.length, state.get().s]);
    if (text === known) return;
    known = text;
    rows = wanted.map((lane) => row(lane, page));
    const note = !all.length ? 'Nothing has been recorded yet.' : all.length > MOST ? `${all.length - MOST} more lanes are not shown: choose a stream.` : null;
    fill(list, rows.map((one) => one.element), note && h('p', { class: 'quiet nothing' }, note));
    element.style.setProperty('--lanes', String(Math.max(1, wanted.filter(({ kind }) => kind === 'media').length)));
    show();
  };

  /** Whether what is there is all of the window. */
  const isRead = () => {
    const { from, to } = axis.get();
    const { recording, length_seconds: end } = session.get();
    if (trouble.textContent || recording) return trouble.textContent !== '' || data !== null;
    // To half a pixel.
    const least = (to - from) / 2000;
    return data !== null && data.from <= from + least && Math.min(data.full ? Infinity : data.indexed_to, data.to) >= Math.min(to, end) - least;
  };
  const requests = loader();
  let timer = 0;
  let asks = 0;
  const ask = async () => {
    clearTimeout(timer);
    asks += 1;
    const mine = asks;
    const params = lanesParams(axis.get(), session.get(), element.clientWidth || 1200);
    try {
      // What was asked for before there were lanes is as good, if that is still the window.
      const { span, answer } = page.firstLanes;
      const came = await (mine === 1 && span === axis.get() ? answer : requests.load('-/v1/lanes', params));
      if (!came || mine !== asks) return;
      data = came;
      page.events.set(came);
      setText(trouble, '');
      if (!session.get().recording && !came.full && came.indexed_to < Math.min(Number(params.to), session.get().length_seconds) - 0.001) timer = setTimeout(ask, READING_MS);
    } catch (error) {
      if (mine !== asks) return;
      setText(trouble, error instanceof Error ? error.message : String(error));
    }
    show();
  };

  let askedAt = 0;
  const edge = () => {
    arrange();
    const isSeen = axis.get().to >= session.get().length_seconds - 3;
    if (!session.get().recording || !isSeen || performance.now() - askedAt < EDGE_MS * 0.9) return;
    askedAt = performance.now();
    void ask();
  };
  session.subscribe(edge);
  state.subscribe((seen, before) => {
    arrange();
    if (seen.s !== before.s || seen.only !== before.only) show();
    redraw();
  });
  findings.subscribe(show);
  for (const one of [page.pointer, page.playhead]) one.subscribe(redraw);
  axis.subscribe(redraw);
  axis.moved(() => {
    if (!isRead()) show();
    askedAt = performance.now();
    void ask();
  });
  arrange();
  void ask();
}

/** @param {import('../core/types.js').Finding} finding @param {import('../core/types.js').Lane} lane */
function isOf(finding, lane) {
  if (finding.lane !== undefined && finding.lane !== null) return finding.lane === lane.id;
  if (finding.lanes?.length) return finding.lanes.includes(lane.id);
  return finding.stream === lane.stream && (finding.playlist === lane.name || (finding.playlist === null && lane.kind !== 'media'));
}
