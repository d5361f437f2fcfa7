// What the overview shows, as a table.

import { h } from '../core/ui/dom.js';
import { gapsOf } from '../core/data/findings.js';
import { endOf, wordOf } from '../core/data/notices.js';
import { sessionTime } from '../core/data/times.js';

/** Lines of a table. */
const MOST = 200;

/** @param {import('./draw.js').Shown} shown */
export function overviewTable({ data, stream, session, findings }) {
  const gaps = findings.flatMap(gapsOf);
  if (!data) return [h('p', null, 'Nothing has been read yet.')];
  const many = Math.min(MOST, data.requests.length, 60);
  const each = Math.ceil(data.requests.length / many);
  const rows = [];
  for (let first = 0; first < data.requests.length; first += each) {
    const sum = (/** @type {number[]} */ counts) => counts.slice(first, first + each).reduce((all, one) => all + one, 0);
    const from = data.from + first * data.cell_seconds;
    const to = Math.min(from + each * data.cell_seconds, session.length_seconds);
    const own = sum(data.own);
    rows.push(h('tr', null,
      h('td', null, h('time', null, `${sessionTime(from, 1)} – ${sessionTime(to, 1)}`)),
      [sum(data.requests), sum(data.faults), own, gaps.filter((gap) => gap.from < to && gap.to >= from).length].map((one) => h('td', { class: 'number' }, one)),
      h('td', null, troubles(session, from, to))));
  }
  return [h('table', null,
    h('caption', null, `The session in equal parts${stream === null ? '' : `, of ${stream} alone`}`),
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Session time'), ['Requests', 'Faults', 'Own', 'Gaps'].map((name) => h('th', { scope: 'col', class: 'number' }, name)), h('th', { scope: 'col' }, 'Recorder'))),
    h('tbody', null, rows))];
}

/** What of the recorder was in a span. @param {import('../core/types.js').Session} session @param {number} from @param {number} to */
function troubles({ holes, notices, length_seconds }, from, to) {
  const words = notices.filter((notice) => notice.at < to && endOf(notice, length_seconds) >= from).map(wordOf);
  if (holes.some(([begin, end]) => begin < to && end > from)) words.unshift('no recorder ran');
  return [...new Set(words)].join(', ');
}
