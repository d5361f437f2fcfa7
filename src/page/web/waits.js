// Gaps that an outage explains: lanes draw them in red, and the verdict counts them.

import { fetchJson } from './core/data/data.js';
import { blindSpans } from './core/data/notices.js';
import { waits } from './lanes/things/gaps.js';

/** So fine the whole session is asked for: a screen has no more. */
const WIDTH = 2000;

/**
 * Tells each outage where lanes waited because of it. A gap that is a finding of its own stays with that.
 * @param {import('./core/types.js').Findings} came @param {import('./core/types.js').Session} session
 */
export async function explain({ findings, state }, session) {
  const outages = findings.filter(({ rule, own, detail }) => rule === 'H14' && !own && detail.polls > 0);
  if (!outages.length) return;
  const span = { from: 0, to: Math.max(session.length_seconds, 0.05) };
  /** @type {import('./core/types.js').Lanes} */
  const { lanes } = await fetchJson('-/v1/lanes', { ...span, width: WIDTH });
  for (const events of lanes) {
    const lane = session.lanes.find(({ id }) => id === events.id);
    if (!lane) continue;
    const of = findings.filter((finding) => finding.lane === lane.id || (finding.stream === lane.stream && outages.includes(finding)));
    for (const { from, to, finding } of waits(events, span, lane.target_seconds, of, state === 'done', blindSpans(session, lane))) {
      if (finding && outages.includes(finding)) (finding.waits ??= []).push({ from, to, lane: lane.id });
    }
  }
}
