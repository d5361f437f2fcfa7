// What is in a lane, as a list: what the picture draws, keys go through, and the table says. Pure.

import { isGap } from '../../core/data/findings.js';
import { blindSpans, endOf, exchangeOf, linesOf, noticesOf, wordOf } from '../../core/data/notices.js';
import { length, sessionTime, size } from '../../core/data/times.js';
import { boxes, FATES } from './boxes.js';
import { waits } from './gaps.js';

/** @typedef {import('../types.js').Thing} Thing */
/** @typedef {import('../types.js').Known} Known */

/** Rows of boxes, of segments and of parts. */
export const ROWS = { segments: 6, parts: 4 };

/** @param {Known} known @returns {Thing[]} In the order of time. */
export function things(known) {
  const all = [...notices(known), ...findings(known)];
  if (known.events) {
    const { events } = known;
    all.push(...advances(events), ...revisions(events), ...gaps(known, events), ...marks(events), ...bodies(events));
    all.push(...listed(events.segments ?? [], 'segment', known), ...listed(events.parts ?? [], 'part', known));
  }
  return all.sort((a, b) => a.at - b.at);
}

/** What the recorder noticed about itself. @param {Known} known @returns {Thing[]} */
const notices = ({ lane, session }) => noticesOf(session.notices, lane).map((notice) => ({
  kind: 'notice', band: 'marks', at: notice.at, to: endOf(notice, session.length_seconds), bad: false, notice, exchange: exchangeOf(notice),
  name: `Recorder: ${wordOf(notice)}`, lines: () => linesOf(notice, session.length_seconds),
}));

/** @param {import('../../core/types.js').LaneEvents} events @returns {Thing[]} */
const revisions = ({ revisions }) => (revisions?.at ?? []).map((at, index) => ({
  kind: 'revision', band: 'advances', at, to: at, bad: false, revision: revisions?.revision[index], notBefore: revisions?.not_before[index],
  name: 'Multivariant playlist changed', lines: () => [`seen ${sessionTime(at)}`],
}));

/** @param {import('../../core/types.js').LaneEvents} events @returns {Thing[]} */
function advances({ advances }) {
  if (!advances) return [];
  return advances.at.map((at, index) => {
    const notBefore = advances.not_before[index];
    const last = advances.last[index];
    return {
      kind: 'advance', band: 'advances', at, to: at, bad: false, revision: advances.revision[index], notBefore,
      name: last === null ? 'Advance' : `Advance to ${last}`,
      lines: () => [
        `seen ${sessionTime(at)}`,
        notBefore === null ? 'the first of a run: it may be older' : `not there yet ${length(at - notBefore)} before`,
        ...(index ? [`${length(at - advances.at[index - 1])} after the one before`] : []),
      ],
    };
  });
}

/** @param {Known} known @param {import('../../core/types.js').LaneEvents} events @returns {Thing[]} */
function gaps({ lane, span, findings, outages, isJudged, session }, events) {
  return waits(events, span, lane.target_seconds, [...findings, ...outages], isJudged, blindSpans(session, lane)).map((wait) => ({
    kind: 'gap', band: 'advances', at: wait.from, to: wait.to, bad: !wait.own, wait,
    exchange: null, revision: wait.revision ?? (wait.finding && isGap(wait.finding) ? wait.finding.last.exchange : null),
    name: `${wait.own ? 'No advance seen' : 'Gap'}: ${length(wait.to - wait.from)}${wait.open ? ', and it goes on' : ''}`,
    lines: () => [
      `${sessionTime(wait.from)} – ${sessionTime(wait.to)}`,
      wait.own ? 'isreport does not count it against the origin' : lane.target_seconds === null ? '' : `allowed: ${length(lane.target_seconds * 1.5)}`,
      ...(wait.finding ? [`${wait.finding.rule}: ${wait.finding.detail.text}`] : []),
      ...troubles(noticesOf(session.notices, lane), wait, session.length_seconds),
    ],
  }));
}

/** What of the recorder was at the same time. @param {import('../../core/types.js').Notice[]} all @param {import('./gaps.js').Wait} wait @param {number} end */
function troubles(all, { from, to }, end) {
  const words = all.filter((notice) => notice.at <= to && endOf(notice, end) >= from)
    .map((notice) => `${wordOf(notice)} for ${length(Math.min(endOf(notice, end), to) - Math.max(notice.at, from))} of it`);
  return words.length ? [`The recorder then: ${[...new Set(words)].join(', ')}`] : [];
}

/** @param {import('../../core/types.js').LaneEvents} events @returns {Thing[]} */
const marks = ({ marks }) => (marks ?? []).map((mark) => ({
  kind: 'mark', band: 'marks', at: mark.at, to: mark.to ?? mark.at, bad: mark.kind === 'restart', mark, revision: mark.revision,
  name: mark.kind === 'url' ? 'another URL' : mark.kind, lines: () => [sessionTime(mark.at), mark.text],
}));

/** Of gaps there is a box in the lane already; the sign is beside it. @param {Known} known @returns {Thing[]} */
const findings = ({ findings }) => findings.map((finding) => {
  const [at, end] = [finding.first.session_time, finding.last.session_time];
  return {
    kind: 'finding', band: 'findings', at, to: Math.max(end, at), bad: finding.severity === 'must', finding,
    exchange: finding.first.exchange ?? finding.exchanges[0] ?? null,
    name: `${finding.rule} ${finding.name ?? ''} (${finding.severity ?? 'info'})`,
    lines: () => [at === end ? sessionTime(at) : `${sessionTime(at)} – ${sessionTime(end)}`, finding.detail.text, ...(isGap(finding) || finding.count === 1 ? [] : [`${finding.count} times`])],
  };
});

/** @param {import('../../core/types.js').LaneEvents} events @returns {Thing[]} */
const bodies = ({ bodies }) => (bodies?.parts ?? []).map((body) => ({
  kind: 'body', band: 'boxes', at: body.from, to: body.to ?? Infinity, body, exchange: body.exchange,
  bad: body.outcome !== null && body.outcome !== 'complete' && body.outcome !== 'rolled' && body.outcome !== 'stopped',
  name: `Part of the stream, ${size(body.bytes)}`,
  lines: () => [
    `${sessionTime(body.from)} – ${body.to === null ? 'being recorded' : sessionTime(body.to)}`,
    `${body.outcome ?? 'in flight'}${body.continues ? '; goes on with the response of the part before' : ''}`,
  ],
}));

/** @param {import('../../core/types.js').Listed[]} all @param {'segment' | 'part'} kind @param {Known} known @returns {Thing[]} */
function listed(all, kind, { span, session }) {
  const rows = kind === 'segment' ? ROWS.segments : ROWS.parts;
  return boxes(all, rows, span).map((box) => {
    const { listed } = box;
    const number = listed.part === undefined ? `${listed.sequence}` : `${listed.sequence}.${listed.part}`;
    return {
      kind, band: kind === 'segment' ? 'boxes' : 'parts', at: box.from, to: box.to, box, exchange: listed.exchange ?? null,
      bad: box.fate === 'failed' || box.fate === 'recovered' || box.fate === 'late', name: `${kind === 'segment' ? 'Segment' : 'Part'} ${number}: ${listed.name}`,
      lines: () => [listedWords(listed, span.to, session), ...announcedWords(box), requestWords(listed, box.fate), ...goodWords(listed)],
    };
  });
}

/** @param {import('../../core/types.js').Listed} listed @param {number} read Until when texts were read. @param {import('../../core/types.js').Session} session */
function listedWords({ from, to, duration }, read, { length_seconds: end, recording }) {
  const begin = from === null ? 'listed before what was read' : `listed ${sessionTime(from)}`;
  // Where the window ends is no news of the playlist.
  const open = read < end - 0.001 ? 'listed beyond this window' : recording ? 'still listed' : 'still listed when the recording ended';
  return `${length(duration)}, ${begin}, ${to === null ? open : `gone ${sessionTime(to)}`}`;
}

/** @param {import('../types.js').Box} box */
const announcedWords = ({ asked, from, listed }) => (asked < from && listed.from !== null ? [`announced, and asked for ${length(from - asked)} before it was listed`] : []);

/** @param {import('../../core/types.js').Listed} listed @param {import('./boxes.js').Fate} fate */
function requestWords({ exchange, requested, done, first_byte, status, outcome, bytes }, fate) {
  if (exchange === undefined || requested === undefined) return FATES[fate];
  const answer = status === null ? outcome : `${status}${outcome === 'complete' ? '' : ` ${outcome}`}`;
  const wait = first_byte == null ? '' : `, wait ${length(first_byte - requested)}`;
  const whole = done == null ? ', not over' : `, all ${length(done - requested)}`;
  return `${fate === 'good' ? '' : `${FATES[fate]}: `}exchange ${exchange}, asked ${sessionTime(requested)}, ${answer}, ${size(bytes ?? null)}${wait}${whole}`;
}

/** @param {import('../../core/types.js').Listed} listed */
function goodWords({ requested, good }) {
  if (!good) return [];
  const later = requested === undefined ? '' : `, ${length(good.requested - requested)} later`;
  return [`good in the end: exchange ${good.exchange}, asked ${sessionTime(good.requested)}${later}${good.done === null ? '' : `, all at ${sessionTime(good.done)}`}`];
}
