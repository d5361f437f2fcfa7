// The rhythm of a playlist, and where it broke: of advances, waits. Pure.

/** @typedef {import('../../core/types.js').LaneEvents} LaneEvents */
/** @typedef {import('../types.js').Wait} Wait */

/** A playlist may be as late as this many target durations (RFC 8216bis 6.2.1). */
const ALLOWED = 1.5;

/**
 * So many seconds of these spans are in another one.
 * @param {number} from @param {number} to @param {[number, number][]} spans
 */
const inSpans = (from, to, spans) => spans.reduce((sum, [begin, end]) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0);

/**
 * Where a lane waited too long, of what is known of its span: its advances or cells, and its findings.
 * @param {LaneEvents} events @param {{ from: number, to: number }} span @param {number | null} target
 * @param {import('../../core/types.js').Finding[]} findings Of this lane, and outages of its stream; all of them, where `isJudged`.
 * @param {boolean} isJudged @param {[number, number][]} blind When no recorder ran, or it had trouble of its own; apart from each other.
 * @returns {Wait[]}
 */
export function waits(events, span, target, findings, isJudged, blind) {
  const gaps = findings.filter(({ rule }) => rule === 'T07' || rule === 'S01');
  // A playlist that nobody got is no gap, but an outage.
  const outages = findings.filter(({ rule, own, detail }) => rule === 'H14' && !own && detail.polls > 0);
  const allowed = target === null ? Infinity : target * ALLOWED;
  /** @type {Wait[]} */
  const found = [];
  const add = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number | null} */ revision) => {
    const isIn = (/** @type {import('../../core/types.js').Finding} */ { first, last }) => first.session_time < to - 0.001 && last.session_time > from + 0.001;
    const gap = gaps.find(isIn) ?? null;
    const isSeen = to - from - inSpans(from, to, blind) > allowed;
    const finding = gap ?? (isSeen ? outages.find(isIn) : null) ?? null;
    found.push({ from, to, own: finding === null && (!isSeen || isJudged), open: false, finding, revision });
  };
  for (const { from, to, revision } of pairs(events)) if (to - from > allowed) add(from, to, revision);
  for (const finding of gaps) {
    const [from, to] = [finding.first.session_time, finding.last.session_time];
    const isNew = !found.some((wait) => wait.finding === finding);
    if (isNew && to >= span.from && from <= span.to) found.push({ from, to, own: finding.own, open: Boolean(finding.detail.open), finding, revision: null });
  }
  return found.sort((a, b) => a.from - b.from);
}

/** From advance to advance, as far as that is known. @param {LaneEvents} events @returns {{ from: number, to: number, revision: number | null }[]} */
function pairs({ before, after, advances, cells }) {
  if (advances) {
    const all = [before, ...advances.at, after];
    const revisions = [null, ...advances.revision, null];
    const found = [];
    for (let index = 1; index < all.length; index += 1) {
      const [from, to] = [all[index - 1], all[index]];
      if (from !== null && to !== null) found.push({ from, to, revision: revisions[index] });
    }
    return found;
  }
  return (cells?.longest ?? []).flatMap((longest, index) => {
    const until = cells?.until[index] ?? null;
    return longest === null || until === null ? [] : [{ from: until - longest, to: until, revision: cells?.revision[index] ?? null }];
  });
}

/**
 * How long from advance to advance, as it mostly is; null: too few are known, and no target is.
 * @param {number[]} at @param {number | null} target
 */
export function periodOf(at, target) {
  const lengths = at.slice(1).map((one, index) => one - at[index]).sort((a, b) => a - b);
  return lengths.length < 4 ? target : lengths[Math.floor(lengths.length / 2)];
}

/**
 * When it would have advanced by its rhythm: behind each advance until shortly before the next one.
 * @param {LaneEvents} events @param {{ from: number, to: number }} span @param {number | null} target
 * @returns {number[]}
 */
export function expected(events, span, target) {
  const at = events.advances?.at ?? [];
  const period = periodOf(at, target);
  if (period === null || period < 0.05 || (span.to - span.from) / period > 1000) return [];
  const known = [events.before, ...at, events.after].filter((one) => one !== null);
  const found = [];
  for (let index = 0; index < known.length; index += 1) {
    const end = known[index + 1] ?? known[index] + period * 1.25;
    let next = known[index] + period;
    // One is expected where the next one was, too: how far off it was is seen.
    do {
      if (next >= span.from && next <= span.to) found.push(next);
      next += period;
    } while (next < end - period / 2 && found.length < 2000);
  }
  return found;
}
