// The findings as a list: each a way to its moment and its evidence.

import { fill, h, set, setText } from '../core/dom.js';
import { isFault, isGap, shownFindings } from '../core/findings.js';
import { count, sessionTime } from '../core/times.js';

/** @typedef {import('../core/types.js').Finding} Finding */

/** Rows of the list. */
const MOST = 200;
/** @type {Record<string, string>} */
const SIGNS = { must: '◆', should: '▲', info: '●' };
/** @type {Record<string, number>} */
const RANKS = { must: 0, should: 1, info: 2 };

/** What a finding opens: the text that shows it, or the request. @param {Finding} finding */
export function evidenceOf(finding) {
  const lane = finding.lane ?? null;
  const at = finding.first.session_time;
  const exchange = finding.first.exchange ?? finding.exchanges[0] ?? null;
  const seen = { at, with: null, x: null, ...(lane === null ? {} : { r: lane }) };
  if (isGap(finding)) return { ...seen, rev: finding.last.exchange ?? exchange };
  if (finding.line_number !== null && finding.line_number !== undefined && exchange !== null) return { ...seen, rev: exchange };
  return exchange === null ? { ...seen, rev: null } : { ...seen, rev: null, x: exchange };
}

/** Goes to a finding. @param {import('../types.js').Page} page @param {Finding} finding */
export function goToFinding({ state, axis }, finding) {
  state.set(evidenceOf(finding));
  axis.reveal(finding.first.session_time, Math.max(finding.last.session_time, finding.first.session_time));
}

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function findings(element, page) {
  const title = h('h2', null, 'Findings');
  const list = h('ul', { class: 'finding-list' });
  const note = h('p', { class: 'quiet finding-note' });
  const reasons = h('ul');
  const notJudged = h('details', { class: 'quiet finding-note' }, h('summary', null, 'Not judged'), reasons);
  element.append(title, list, note, notJudged);

  const show = () => {
    const came = page.findings.get();
    const { s, only } = page.state.get();
    const all = shownFindings(came, { s, only }).sort(order);
    element.hidden = came === null;
    fill(title, `Findings`, h('span', { class: 'quiet' }, all.length ? String(all.length) : 'none'), only && h('button', { type: 'button', class: 'plain', onclick: () => page.state.set({ only: null }) }, 'Show all'));
    fill(list, all.slice(0, MOST).map((finding) => item(finding, page)));
    const more = Object.values(came?.left_out ?? {}).reduce((sum, many) => sum + many, Math.max(0, all.length - MOST));
    setText(note, `${more > 0 ? `${count(more, 'more finding')}: the verdict narrows them, isreport has all of them. ` : ''}${came?.state === 'done' ? 'Media are judged by isreport on the command line.' : 'Rules of texts and HTTP are being judged…'}`);
    notJudged.hidden = !came?.not_judged.length;
    fill(reasons, (came?.not_judged ?? []).map(({ what, why }) => h('li', null, `${what}: ${why}`)));
    mark();
  };
  const mark = () => {
    const { at } = page.state.get();
    for (const one of list.querySelectorAll('button')) set(one, { 'aria-current': at !== null && Math.abs(Number(one.dataset.at) - at) < 0.001 && 'true' });
  };
  page.findings.subscribe(show);
  page.state.subscribe((seen, before) => (seen.s !== before.s || seen.only !== before.only ? show() : mark()));
  show();
}

/** The gravest first, then by time. @param {Finding} a @param {Finding} b */
const order = (a, b) => (RANKS[a.severity ?? 'info'] ?? 2) - (RANKS[b.severity ?? 'info'] ?? 2) || a.first.session_time - b.first.session_time;

/** @param {Finding} finding @param {import('../types.js').Page} page */
function item(finding, page) {
  const severity = finding.severity ?? 'info';
  const lane = page.session.lane(finding.lane ?? null);
  const where = lane ? (lane.label ?? lane.name) : (finding.playlist ?? finding.stream);
  const text = h('button', { type: 'button', class: 'finding', 'data-at': finding.first.session_time, onclick: () => goToFinding(page, finding) },
    h('span', { class: `sign sign-${severity}`, 'aria-hidden': 'true' }, isFault(finding) ? '✕' : (SIGNS[severity] ?? '●')),
    h('span', { class: 'finding-what' },
      h('span', null, h('strong', null, `${finding.rule} ${finding.name ?? ''}`), ` ${severity}`, finding.count > 1 && ` · ${finding.count} times`, finding.section && h('span', { class: 'quiet' }, ` ${finding.section}`)),
      h('span', null, finding.detail.text),
      h('span', { class: 'quiet' }, h('time', null, sessionTime(finding.first.session_time)), ` · ${where}`)));
  return h('li', null, text);
}
