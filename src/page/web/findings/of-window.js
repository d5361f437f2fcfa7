// Findings of the window, where the server has more than it sends at first.

import { loader } from '../core/data/data.js';

/** @typedef {import('../core/types.js').Finding} Finding */
/** @typedef {import('../core/types.js').Findings} Findings */

/** Of windows so many are kept. */
const MOST = 5000;

/** @param {Finding} finding */
export const keyOf = ({ rule, stream, playlist, first, last, detail }) => JSON.stringify([rule, stream, playlist, first.session_time, first.exchange, last.session_time, detail.text]);

/**
 * What came first, and those of windows: each once, and what is loaded is missing no more.
 * @param {Findings} first @param {Iterable<Finding>} of
 * @returns {Findings}
 */
export function joined(first, of) {
  const known = new Set(first.findings.map(keyOf));
  const more = [...of].filter((one) => !known.has(keyOf(one)));
  if (!more.length) return first;
  const [not_sent, events_not_sent] = [{ ...first.not_sent }, { ...first.events_not_sent }];
  const events = new Set(first.findings.map(({ event }) => event));
  for (const { rule, event } of more) {
    takeOne(not_sent, rule);
    if (!events.has(event)) takeOne(events_not_sent, rule);
    events.add(event);
  }
  return { ...first, not_sent, events_not_sent, findings: [...first.findings, ...more], first };
}

/** @param {Record<string, number>} counts @param {string} rule */
function takeOne(counts, rule) {
  if (rule in counts && (counts[rule] -= 1) <= 0) delete counts[rule];
}

/** Loads them wherever the window comes to rest. @param {import('../types.js').Page} page */
export function ofWindow({ findings, axis }) {
  const requests = loader();
  /** Of all windows, the newest behind. @type {Map<string, Finding>} */
  const all = new Map();
  /** The span that is there whole. */
  let span = { from: 0, to: -1 };
  let shown = /** @type {Findings | null} */ (null);
  const show = (/** @type {Findings} */ first) => {
    shown = joined(first, all.values());
    findings.set(shown);
  };
  const ask = async () => {
    const { from, to } = axis.get();
    const came = findings.get();
    const first = came?.first ?? came;
    if (!first || !Object.keys(first.not_sent).length || (from >= span.from && to <= span.to)) return;
    // Who looks on finds those beside it.
    const margin = (to - from) / 2;
    const wanted = { from: Math.max(from - margin, 0), to: to + margin };
    const got = /** @type {Findings | null} */ (await requests.load('-/v1/findings', { from: wanted.from.toFixed(6), to: wanted.to.toFixed(6) }).catch(() => null));
    if (!got) return;
    span = Object.keys(got.not_sent).length ? { from: 0, to: -1 } : wanted;
    for (const one of got.findings) {
      const key = keyOf(one);
      all.delete(key);
      all.set(key, one);
    }
    for (const key of all.keys()) {
      if (all.size <= MOST) break;
      all.delete(key);
    }
    const now = findings.get();
    if (now) show(now.first ?? now);
  };
  findings.subscribe((came) => {
    if (!came || came === shown) return;
    // It was judged again.
    span = { from: 0, to: -1 };
    if (all.size) show(came);
    void ask();
  });
  axis.settled(() => void ask());
  void ask();
}
