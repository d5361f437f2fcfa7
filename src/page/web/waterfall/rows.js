// The exchanges of the window, as far as they were asked for: page by page, and at the edge while it is recorded.

import { loader } from '../core/data/data.js';

/** @typedef {import('../exchange/types.js').Exchange} Exchange */

/** Rows of the first page, and of those that follow. */
const FIRST = 200;
const PAGE = 1000;
/** Rows that are kept; then one has to zoom in. */
const MOST = 200_000;
/** While the edge moves, so many seconds before it are asked for again: requests are recorded when they end. */
const TAIL_SECONDS = 15;
/** So near to the end of the window the edge is in it, in seconds; it is asked for so often, in milliseconds. */
const EDGE_SECONDS = 3;
const EDGE_MS = 900;
const READING_MS = 200;
/** Rows before the first one are asked for by spans, as no page goes backwards: of so many seconds at first, of so many pages at most. */
const REACH_SECONDS = 2;
const PAGES = 4;

/** The filter that is sent: what somebody typed, and the only stream. @param {{ f: string | null, s: string | null }} seen */
export const filterOf = ({ f, s }) => [f, s === null ? null : `stream:${s}`].filter(Boolean).join(' ');

/**
 * Two lists in the order of ids; of what is in both, the newer one.
 * @param {Exchange[]} old @param {Exchange[]} came @returns {Exchange[]}
 */
export function merged(old, came) {
  if (came.length === 0) return old;
  const from = came[0].id;
  const ids = new Set(came.map(({ id }) => id));
  const head = old.filter(({ id }) => id < from);
  const rest = old.filter(({ id }) => id >= from && !ids.has(id));
  return head.concat(rest.length ? [...rest, ...came].sort((a, b) => a.id - b.id) : came);
}

/**
 * @param {import('../types.js').Page} page
 * @param {(how: 'new' | 'more' | 'edge' | 'before', added?: number) => void} changed
 *   What was there is gone; more came; the window went on a bit; so many came before what was there.
 * @returns {import('./types.js').Rows}
 */
export function createRows({ axis, state, live, session }, changed) {
  /** @type {Exchange[]} */
  let rows = [];
  /** @type {number | null} */
  let next = null;
  /** @type {number | null} */
  let total = null;
  /** @type {string | null} */
  let error = null;
  let isLoading = false;
  /** Where rows begin that are there, if that is not where the window does. @type {number | null} */
  let begun = null;
  let reach = REACH_SECONDS;
  /** So many there are at least. */
  let least = 0;
  let filter = filterOf(state.get());
  const pages = loader();
  const counts = loader();

  /** @param {Record<string, string | number | null>} params */
  const load = async (params) => {
    const { from, to } = axis.get();
    isLoading = true;
    try {
      const came = await pages.load('-/v1/exchanges', { from: from.toFixed(6), to: to.toFixed(6), filter: filter || null, ...params });
      if (came === null) return null;
      error = null;
      isLoading = false;
      return came;
    } catch (problem) {
      isLoading = false;
      error = problem instanceof Error ? problem.message : String(problem);
      next = null;
      changed('more');
      return null;
    }
  };
  let counting = 0;
  const count = async () => {
    clearTimeout(counting);
    const { f, s } = state.get();
    if (f !== null || (next === null && begun === null)) return;
    const { from, to } = axis.get();
    const came = await counts.load('-/v1/overview', { from: from.toFixed(6), to: to.toFixed(6), cells: 1, stream: s }).catch(() => null);
    if (!came) return;
    [least] = came.requests;
    const { length_seconds, recording } = session.get();
    const isWhole = recording || came.indexed_to >= Math.min(to, length_seconds) - 0.001;
    if (isWhole) total = least;
    // The server has not read all of it yet.
    else if (!came.full) counting = setTimeout(count, READING_MS);
    changed('more');
  };
  const all = async () => {
    const came = await load({ limit: FIRST });
    if (!came) {
      if (error === null) return;
      rows = [];
      total = begun = null;
      changed('new');
      return;
    }
    rows = came.exchanges;
    next = came.next;
    begun = null;
    least = 0;
    total = next === null ? rows.length : null;
    changed('new');
    void count();
    // While it follows, the newest are what one looks at.
    if (live.follows() && next !== null) void more();
  };
  const more = async () => {
    if (isLoading || next === null || rows.length >= MOST) return;
    const came = await load({ after: next, limit: PAGE });
    if (!came) return;
    rows = rows.concat(came.exchanges);
    next = came.next;
    if (next === null && begun === null) total = rows.length;
    changed('more');
    // A page that ended early because the filter wanted nothing of it.
    if ((came.exchanges.length === 0 || live.follows()) && next !== null) void more();
  };
  /** @param {number} at */
  const begin = async (at) => {
    const { from } = axis.get();
    const came = await load({ from: at.toFixed(6), limit: FIRST });
    if (!came) return;
    rows = came.exchanges;
    next = came.next;
    begun = at > from ? at : null;
    reach = REACH_SECONDS;
    changed('new');
  };
  /** All of a span, unless that is too much. @param {number} from @param {number} to @returns {Promise<Exchange[] | 'too many' | null>} Null: something newer is asked for. */
  const span = async (from, to) => {
    /** @type {Exchange[]} */
    const found = [];
    /** @type {number | null} */
    let after = 0;
    for (let page = 0; page < PAGES; page += 1) {
      /** @type {{ exchanges: Exchange[], next: number | null } | null} */
      const came = await load({ from: from.toFixed(6), to: to.toFixed(6), after, limit: PAGE });
      if (!came) return null;
      found.push(...came.exchanges);
      after = came.next;
      if (after === null) return found;
    }
    return 'too many';
  };
  const before = async () => {
    if (isLoading || begun === null || rows.length >= MOST) return;
    const { from } = axis.get();
    const since = Math.max(begun - reach, from);
    const found = await span(since, begun);
    if (found === null || begun === null) return;
    if (found === 'too many') {
      reach /= 8;
      void before();
      return;
    }
    if (found.length < PAGE / 2) reach *= 4;
    const first = rows[0]?.id ?? Infinity;
    const older = found.filter(({ id }) => id < first);
    rows = older.concat(rows);
    begun = since > from ? since : null;
    if (begun === null && next === null) total = rows.length;
    changed('before', older.length);
  };
  const edge = async () => {
    const { from, to } = axis.get();
    const newest = rows.at(-1)?.at ?? from;
    const came = await load({ from: Math.max(from, Math.min(newest, to) - TAIL_SECONDS).toFixed(6), limit: PAGE });
    if (!came) return;
    next = came.next;
    const last = next ?? Infinity;
    rows = merged(rows, came.exchanges).filter(({ at, id }) => at >= from && id <= last);
    total = next === null && begun === null ? rows.length : null;
    changed('edge');
  };
  const again = () => {
    const wanted = filterOf(state.get());
    const isOther = wanted !== filter;
    filter = wanted;
    if (!isOther && live.follows() && rows.length > 0 && next === null && !isLoading) void edge();
    else if (isOther || !(live.follows() && isLoading)) void all();
  };

  let grownAt = 0;
  const grow = () => {
    const { recording, length_seconds } = session.get();
    // The edge is in the window, whether that follows it or not.
    if (!recording || axis.get().to < length_seconds - EDGE_SECONDS || performance.now() - grownAt < EDGE_MS) return;
    if (isLoading || next !== null) return;
    grownAt = performance.now();
    if (rows.length) void edge();
    else void all();
  };
  session.subscribe(grow);
  axis.settled(again);
  state.subscribe(() => {
    if (filterOf(state.get()) !== filter) again();
  });
  live.subscribe((follows) => {
    if (!follows) void all();
  });
  void all();
  return {
    all: () => rows,
    hasMore: () => next !== null,
    isFull: () => next !== null && rows.length >= MOST,
    isLoading: () => isLoading,
    total: () => total,
    least: () => Math.max(least, total ?? 0),
    error: () => error,
    more: () => void more(),
    begins: () => begun,
    begin: (at) => void begin(at),
    before: () => void before(),
    whole: () => void all(),
  };
}
