// The waterfall: the exchanges of the window, one a row, their bars on the axis of the lanes.

import { fetchJson } from '../core/data/data.js';
import { h, set, setText } from '../core/ui/dom.js';
import { isSame } from '../core/data/state.js';
import { count, sessionTime } from '../core/data/times.js';
import { filterBox } from './filter.js';
import { mouse, rowKeys } from './hands.js';
import { lines } from './lines.js';
import { fillEmpty, fillRow, moveRow } from './row.js';
import { createRows } from './rows.js';
import { virtual } from '../core/ui/virtual.js';

/** So many rows before the last one that is there the next page is asked for; where nothing is looked for, not before half of them were seen. */
const AHEAD = 300;
/** Of no more rows all are loaded to come to the pointer; of more, those from the pointer on. */
const SOUGHT = 5000;

/** A moment in a link is right to this, in seconds. */
const SAME = 0.0006;

const narrow = matchMedia('(max-width: 759px)');
const rowHeight = () => (narrow.matches ? 44 : 24);

const HEADS = [['wf-status', 'Status'], ['wf-kind', 'Kind'], ['wf-name', 'Name']];

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function waterfall(element, page) {
  const { axis, state, live, say } = page;
  const body = h('div', { class: 'wf-body' });
  const scroller = h('div', { class: 'wf-scroll', role: 'rowgroup' }, body);
  const axisHead = h('span', { class: 'wf-axis' }, ['What is odd', 'Bytes', 'Time'].map((name) => h('span', { role: 'columnheader', class: 'unseen' }, name)),
    h('span', { class: 'wf-legend quiet', 'aria-hidden': 'true' }, h('i', { class: 'wait' }), 'wait', h('i', { class: 'receive' }), 'receive', h('i', { class: 'missing' }), 'missing'));
  const head = h('div', { role: 'rowgroup' }, h('div', { class: 'wf-head time-row quiet', role: 'row', 'aria-rowindex': 1 },
    h('span', { class: 'wf-label' }, HEADS.map(([name, text]) => h('span', { role: 'columnheader', class: name }, text))), axisHead));
  const grid = h('div', { class: 'wf-grid', role: 'grid', 'aria-label': 'Requests', 'aria-readonly': 'true', 'aria-colcount': 6 }, head, scroller);
  const many = h('span', { class: 'quiet wf-count' });
  const nothing = h('p', { class: 'quiet nothing', hidden: true });

  let current = 0;
  let width = 1;
  const box = () => axisHead.getBoundingClientRect();
  const rule = lines(page, () => width);
  const scale = () => ({ ...axis.get(), width });

  const rows = createRows(page, (how, added) => arrange(how, added));
  const list = virtual(scroller, body, (index, old) => {
    const one = rows.all()[index];
    const place = { index, isOpen: one?.id === state.get().x, isCurrent: index === current, isOfLane: one?.lane !== null && one?.lane === state.get().r };
    return one ? fillRow(old, one, place, scale()) : fillEmpty(old, place);
  }, (last, first) => {
    if (rows.begins() !== null && first < AHEAD) rows.before();
    const many = rows.all().length;
    if (rows.hasMore() && last >= many - (state.get().f === null ? Math.min(AHEAD, many / 2) : AHEAD)) rows.more();
  });
  const filter = filterBox(page, () => go(current));
  set(element, { 'aria-labelledby': 'waterfall-title' });
  element.append(
    h('div', { class: 'panel-head' }, h('h2', { id: 'waterfall-title' }, 'Requests'), many, filter.element), filter.error,
    h('div', { class: 'wf-place' }, grid, rule.element, nothing));

  /** Row at the top, so that it stays there. @type {number | null} */
  let anchor = null;
  const anchored = () => {
    anchor = scroller.scrollTop > 0 ? (rows.all()[list.seen().first]?.id ?? null) : null;
  };
  scroller.addEventListener('scroll', anchored, { passive: true });
  // Who scrolls looks elsewhere.
  for (const hand of ['wheel', 'pointerdown', 'keydown']) scroller.addEventListener(hand, () => (wanted = sought = null), { passive: true });
  // Who comes by Tab comes to a row that is seen.
  scroller.addEventListener('scrollend', () => {
    if (grid.contains(document.activeElement) || list.element(current)) return;
    current = list.seen().first;
    list.renew();
  });
  let wasAtEnd = true;
  scroller.addEventListener('scroll', () => {
    wasAtEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 4;
  }, { passive: true });

  /** What was chosen has not been gone to yet: its row, or its moment. @type {'row' | 'moment' | null} */
  let wanted = 'row';
  /** A moment whose row has not come yet. @type {number | null} */
  let sought = null;
  let focused = /** @type {number | null} */ (null);
  let hadRows = false;
  /** @param {'new' | 'more' | 'edge' | 'before'} how @param {number} [added] */
  const arrange = (how, added = 0) => {
    const all = rows.all();
    const isHeld = grid.contains(document.activeElement) && focused !== null;
    if (how !== 'more') {
      const kept = focused === null ? -1 : indexOf(focused);
      current = kept >= 0 ? kept : Math.min(current + added, Math.max(all.length - 1, 0));
      list.pin(isHeld ? current : null);
    }
    const was = scroller.scrollTop;
    const offset = was % rowHeight();
    list.measure(all.length + (rows.hasMore() && !rows.isFull() ? 1 : 0), rowHeight());
    let isLost = false;
    if (how === 'before') scroller.scrollTop = was + added * rowHeight();
    else if (how !== 'more') {
      const top = anchor === null ? -1 : indexOf(anchor);
      isLost = how === 'new' && anchor !== null && top < 0;
      if (live.follows() && wasAtEnd) scroller.scrollTop = scroller.scrollHeight;
      else scroller.scrollTop = top >= 0 ? top * rowHeight() + offset : 0;
    } else if (live.follows() && wasAtEnd) scroller.scrollTop = scroller.scrollHeight;
    list.render();
    // What was chosen stays in sight; else the moment does.
    if (how === 'new' && rows.begins() === null && (isLost || (anchor === null && hadRows && state.get().x !== null))) wanted ??= state.get().x !== null ? 'row' : 'moment';
    hadRows = all.length > 0;
    if ((how === 'new' && wanted) || (how === 'more' && sought !== null)) void look();
    if (isHeld && how !== 'more') list.element(current)?.focus({ preventScroll: true });
    tell();
  };
  const tell = () => {
    const all = rows.all();
    const total = rows.total();
    const begins = rows.begins();
    const since = begins === null ? '' : `, rows from ${sessionTime(begins, 1)} on`;
    filter.tell(rows.error());
    nothing.hidden = all.length > 0 || rows.isLoading() || rows.error() !== null || rows.hasMore();
    setText(nothing, state.get().f === null ? 'No requests in this window.' : 'No requests of this window match the filter.');
    const more = rows.isFull() ? ' are shown; zoom in for the rest' : '';
    const isSearching = rows.hasMore() && all.length < 50 && total === null;
    const found = total !== null ? `${count(total, 'request')} ${state.get().f === null ? 'in the window' : 'found'}` : more ? `${all.length.toLocaleString('en')}${more}` : `${count(Math.max(all.length, rows.least()), 'request')} so far`;
    setText(many, rows.error() !== null ? '' : isSearching ? `${all.length.toLocaleString('en')} found, searching…` : `${found}${since}`);
    set(grid, { 'aria-rowcount': total !== null && begins === null ? total + 1 : begins !== null ? -1 : rows.hasMore() ? -1 : all.length + 1 });
  };
  /** @param {number} id */
  const indexOf = (id) => {
    const all = rows.all();
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle].id < id) low = middle + 1;
      else high = middle;
    }
    return all[low]?.id === id ? low : -1;
  };

  /** @param {number} index */
  const go = (index) => {
    const all = rows.all();
    if (all.length === 0) return;
    const before = list.element(current);
    current = Math.min(Math.max(index, 0), all.length - 1);
    focused = all[current].id;
    list.pin(current);
    if (before) set(before, { tabindex: -1 });
    list.reveal(current);
    list.render();
    list.element(current)?.focus({ preventScroll: true });
  };
  /** @param {import('../exchange/types.js').Exchange} one */
  const open = (one) => {
    const index = indexOf(one.id);
    if (index >= 0) [current, focused] = [index, one.id];
    state.set({ x: one.id });
    say(`Exchange ${one.id} is open: ${one.name}`);
  };
  mouse(scroller, page, { byId: (id) => rows.all()[indexOf(id)], axisBox: box, open });
  rowKeys(grid, {
    current: () => current, count: () => rows.all().length, go,
    page: () => Math.max(Math.floor(scroller.clientHeight / rowHeight()) - 1, 1),
    first() {
      if (rows.begins() === null) go(0);
      else {
        anchor = focused = null;
        current = 0;
        rows.whole();
      }
    },
    open: () => {
      const one = rows.all()[current];
      if (one) open(one);
    },
    close: () => state.set({ x: null }),
  });
  grid.addEventListener('focusin', (event) => {
    const id = event.target instanceof HTMLElement ? event.target.dataset.id : undefined;
    const index = id === undefined ? -1 : indexOf(Number(id));
    if (index < 0) return;
    [current, focused] = [index, Number(id)];
    list.pin(index);
  });

  /** Goes to what is open, or to the pointer that was set, as far as it is there. */
  const look = async () => {
    const seen = state.get();
    const { x } = seen;
    const isRow = wanted === 'row' && x !== null;
    const index = isRow ? indexOf(x) : -1;
    if (index >= 0) {
      wanted = sought = null;
      list.reveal(index, isInView(index) ? 'nearest' : 'middle');
      return;
    }
    const at = isRow ? await momentOf(x) : seen.at;
    if (!isSame(state.get(), seen, ['x', 'at'])) return;
    if (at === null) wanted = sought = null;
    else {
      const begins = rows.begins();
      const next = rows.all().findIndex((one) => one.at >= at - SAME);
      const isThere = next >= 0 && (begins === null || begins <= at);
      const isSeen = at >= axis.get().from && at <= axis.get().to;
      sought = isThere || !isSeen || (begins === null && !rows.hasMore()) ? null : at;
      // Where the window goes there it is gone to with the rows of that.
      if (isSeen && sought === null) wanted = null;
      if (isThere && isSeen) list.reveal(next, begins === null ? 'middle' : 'nearest');
      if (sought === null) return;
      // How many there are is asked for; it comes here again when that is known.
      const isFiltered = state.get().f !== null;
      if (isFiltered || rows.least() > SOUGHT || begins !== null) {
        sought = null;
        rows.begin(at);
      } else if (rows.total() !== null) rows.more();
    }
  };

  const isInView = (/** @type {number} */ index) => index >= list.seen().first && index <= list.seen().last;
  let moment = { x: -1, at: /** @type {number | null} */ (null) };
  /** When a request began that has no row yet. @param {number} x */
  const momentOf = async (x) => {
    if (moment.x !== x) moment = { x, at: await fetchJson(`-/v1/exchanges/${x}`).then(({ at }) => at, () => state.get().at) };
    return moment.at;
  };

  const move = () => {
    const { first, last } = list.seen();
    for (let index = Math.max(first - 8, 0); index <= last + 8; index += 1) {
      const row = list.element(index);
      const one = rows.all()[index];
      if (row && one) moveRow(row, one, scale());
    }
    rule.draw();
  };
  let isDue = false;
  axis.subscribe(() => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      move();
    });
  });
  state.subscribe((seen, before) => {
    if (seen.x !== before.x || seen.r !== before.r) list.renew();
    if (seen.x === before.x && seen.at === before.at) return;
    wanted = seen.x !== before.x && seen.x !== null ? 'row' : 'moment';
    sought = null;
    void look();
  });
  new ResizeObserver(() => {
    width = Math.max(box().width, 1);
    list.measure(rows.all().length + (rows.hasMore() && !rows.isFull() ? 1 : 0), rowHeight());
    list.renew();
    rule.draw();
  }).observe(axisHead);
}
