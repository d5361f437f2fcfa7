// The way to a finding: its moment and its evidence.

import { isFault, isGap } from '../core/data/findings.js';

/** @typedef {import('../core/types.js').Finding} Finding */

/** So many times its length is seen around a finding, and so many seconds at least, where it would be too small to be seen. */
const AROUND = 10;
const LEAST_SECONDS = 60;

/** What a finding opens: the text that shows it, or the request. @param {Finding} finding */
function evidenceOf(finding) {
  const lane = finding.lane ?? null;
  const at = finding.first.session_time;
  const exchange = finding.first.exchange ?? finding.exchanges[0] ?? null;
  const seen = { at, with: null, x: null, ...(lane === null ? {} : { r: lane }) };
  if (isGap(finding)) return { ...seen, rev: finding.last.exchange ?? exchange };
  if (finding.line_number !== null && finding.line_number !== undefined && exchange !== null) return { ...seen, rev: exchange };
  return exchange === null ? { ...seen, rev: null } : { ...seen, rev: null, x: exchange };
}

/** Goes to a finding; nearer, where it would be too small to be seen. @param {import('../types.js').Page} page @param {Finding} finding */
export function goToFinding({ state, axis, findings }, finding) {
  findings.chosen.set(finding);
  state.set(evidenceOf(finding));
  const at = finding.first.session_time;
  const to = isGap(finding) || isFault(finding) ? Math.max(finding.last.session_time, at) : at;
  const half = Math.max(AROUND * (to - at), LEAST_SECONDS) / 2;
  const span = axis.get();
  if (span.to - span.from > half * 8) axis.show({ from: (at + to) / 2 - half, to: (at + to) / 2 + half });
  else axis.reveal(at, to);
}
