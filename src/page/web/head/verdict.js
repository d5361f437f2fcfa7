// The verdict: how many findings of each sort; each is a filter of what is shown.

import { h, set, setText } from '../core/ui/dom.js';
import { countOf, loadedTo } from '../core/data/findings.js';
import { count, sessionTime } from '../core/data/times.js';

/** @typedef {import('../core/data/findings.js').Sort} Sort */

/** @type {{ sort: Sort, one: string, more: string, sign: string, title: string }[]} */
const SORTS = [
  { sort: 'must', one: 'must', more: 'must', sign: '◆', title: 'Findings: what the standard says must not be' },
  { sort: 'should', one: 'should', more: 'should', sign: '▲', title: 'Findings: what the standard says should not be' },
  { sort: 'info', one: 'info', more: 'info', sign: '●', title: 'Findings: worth knowing' },
  { sort: 'gap', one: 'gap', more: 'gaps', sign: '▨', title: 'Gaps: no new segment for too long (g, G)' },
  { sort: 'fault', one: 'outage', more: 'outages', sign: '✕', title: 'Outages: requests without a good answer (g, G)' },
];

/** What is shown with this sort put in or taken out. @param {string | null} only @param {Sort} sort */
export function toggled(only, sort) {
  const sorts = new Set(only?.split(',') ?? []);
  if (!sorts.delete(sort)) sorts.add(sort);
  return sorts.size ? [...sorts].join(',') : null;
}

/** @param {import('../types.js').Page} page */
export function verdict({ findings, state, session, say }) {
  const buttons = SORTS.map(({ sort, title }) => h('button', {
    type: 'button', class: `sort sort-${sort}`, title,
    onclick: () => state.set({ only: toggled(state.get().only, sort) }),
  }));
  const status = h('span', { class: 'quiet', role: 'status' });
  const element = h('span', { class: 'verdict', role: 'group', 'aria-label': 'Verdict' }, h('strong', null, 'Verdict'), buttons, status);
  let wasDone = false;

  const show = () => {
    const came = findings.get();
    const { s, only } = state.get();
    const isDone = came?.state === 'done';
    if (isDone && !wasDone && !session.get().recording) say(`Judged: ${count(came.findings.length + (loadedTo(came)?.more ?? 0), 'finding')}`);
    wasDone ||= isDone || Boolean(came?.failed);
    SORTS.forEach(({ sort, one, more, sign }, index) => {
      const many = countOf(came, s, sort);
      // What is still being judged is no number to rely on.
      setText(buttons[index], `${sign} ${wasDone ? count(many, one, more) : `${many ? `${many.toLocaleString('en')} ` : ''}… ${more}`}`);
      set(buttons[index], { 'aria-pressed': String(only?.split(',').includes(sort) ?? false), 'data-none': many === 0 });
    });
    setText(status, words(came));
  };

  /** @param {import('../core/types.js').Findings | null} came */
  const words = (came) => {
    if (findings.error.get()) return findings.error.get() ?? '';
    if (came?.failed) return `not judged: ${came.failed}`;
    if (!came || came.state !== 'done') return 'judging…';
    // Media rules stay with the command line, which is said where it matters: in the list.
    return session.get().recording && came.judged_to !== null ? `judged to ${sessionTime(came.judged_to, 0)}` : '';
  };
  findings.subscribe(show);
  findings.error.subscribe(show);
  state.subscribe(show);
  show();
  return element;
}
