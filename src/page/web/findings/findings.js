// The findings as a list: each a way to its moment and its evidence.

import { fill, h, set, setText } from '../core/ui/dom.js';
import { kindOf, loadedTo, shownFindings, SIGNS } from '../core/data/findings.js';
import { count, sessionTime } from '../core/data/times.js';

/** @typedef {import('../core/types.js').Finding} Finding */

/** Rows of the list; with more findings of a rule in a rendition they are one row that opens. */
const MOST = 200;
const FEW = 3;
/** @type {Record<string, number>} */
const RANKS = { must: 0, fault: 1, should: 2, info: 3 };
/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function findings(element, page) {
  const title = h('h2', null, 'Findings');
  const list = h('ul', { class: 'finding-list' });
  const note = h('p', { class: 'quiet finding-note' });
  const reasons = h('ul');
  const notJudged = h('details', { class: 'quiet finding-note' }, h('summary', null, 'Not judged'), reasons);
  element.append(title, list, note, notJudged);
  /** What each button is about. @type {Map<HTMLElement, Finding[]>} */
  const rows = new Map();
  /** Groups that are open. @type {Set<string>} */
  const opened = new Set();
  /** @type {typeof import('./group.js').group | null} */
  let group = null;

  /** @param {Finding[]} all */
  const items = (all) => {
    /** @type {Map<string, Finding[]>} */
    const groups = new Map();
    for (const one of all) {
      const key = [one.rule, one.severity, one.stream, one.playlist].join();
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    const isLong = ([...groups.values()].some(({ length }) => length > FEW));
    if (isLong && !group) void import('./group.js').then((module) => (group = module.group, show()), () => {});
    return [...groups].flatMap(([key, many]) => (group && many.length > FEW ? group(key, many, { where: whereOf(many[0], page), opened, item, rows, show }) : many.map(item))).slice(0, MOST);
  };
  /** @param {Finding} finding */
  const item = (finding) => {
    const button = buttonOf(finding, page);
    rows.set(button, [finding]);
    return h('li', null, button);
  };
  const show = () => {
    const came = page.findings.get();
    const { s, only } = page.state.get();
    const all = shownFindings(came, { s, only }).sort(order);
    const focused = buttons().findIndex((one) => one === document.activeElement);
    element.hidden = came === null;
    const left = loadedTo(came);
    const isDone = came?.state === 'done' || Boolean(came?.failed);
    const sum = all.length.toLocaleString('en');
    // What rules that still run may find is no number to rely on.
    const many = left ? `${sum} loaded, ${left.more.toLocaleString('en')} not` : !isDone ? (all.length ? `${sum} so far` : 'judging…') : all.length ? sum : 'none';
    fill(title, `Findings`, h('span', { class: 'quiet' }, many), only && h('button', { type: 'button', class: 'plain', onclick: () => page.state.set({ only: null }) }, 'Show all'));
    rows.clear();
    const shown = items(all);
    fill(list, shown);
    set(element, { 'data-long': shown.length > FEW });
    const cut = shown.length === MOST ? 'No more rows are listed. ' : '';
    setText(note, `${left ? leftWords(left) : ''}${cut}${isDone ? 'Media are judged by isreport on the command line.' : 'Rules of texts and HTTP are being judged…'}`);
    notJudged.hidden = !came?.not_judged.length;
    fill(reasons, (came?.not_judged ?? []).map(({ what, why }) => h('li', null, `${what}: ${why}`)));
    mark();
    if (focused >= 0) buttons()[focused]?.focus();
  };
  const buttons = () => [...rows.keys()];
  const mark = () => {
    const { at, r } = page.state.get();
    const chosen = page.findings.chosen.get();
    const same = at === null ? [] : [...rows.values()].flat().filter(({ first }) => Math.abs(first.session_time - at) < 0.001);
    const best = same.find((one) => chosen && keyOf(one) === keyOf(chosen)) ?? same.find(({ lane }) => lane === r) ?? same[0];
    // A row of its own before the one of its group.
    const row = best && [...rows].sort(([, a], [, b]) => a.length - b.length).find(([, all]) => all.includes(best))?.[0];
    const tab = row ?? buttons()[0];
    for (const one of rows.keys()) set(one, { 'aria-current': one === row && 'true', tabindex: one === tab ? 0 : -1 });
    keep();
  };
  /** Where the list scrolls by itself the chosen one stays seen. */
  const keep = () => {
    const row = list.querySelector('[aria-current]');
    if (!row || element.scrollHeight <= element.clientHeight) return;
    const [box, pane] = [row.getBoundingClientRect(), element.getBoundingClientRect()];
    if (box.top < pane.top) element.scrollTop += box.top - pane.top;
    else if (box.bottom > pane.bottom) element.scrollTop += box.bottom - pane.bottom;
  };
  list.addEventListener('keydown', (event) => {
    const all = buttons();
    const index = all.findIndex((one) => one === event.target);
    const next = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: all.length - 1 }[event.key];
    if (index < 0 || next === undefined) return;
    event.preventDefault();
    all[next]?.focus();
  });
  list.addEventListener('focusin', ({ target }) => {
    if (rows.has(/** @type {HTMLElement} */ (target))) for (const one of rows.keys()) set(one, { tabindex: one === target ? 0 : -1 });
  });
  new ResizeObserver(keep).observe(element);
  page.findings.subscribe(show);
  page.state.subscribe((seen, before) => (seen.s !== before.s || seen.only !== before.only ? show() : mark()));
  show();
}

/** What is not loaded, and where it is. @param {import('../core/data/findings.js').NotLoaded} left */
function leftWords({ at, more, rules, unknown }) {
  const where = `of ${rules.join(', ')} those from ${sessionTime(at, 0)} on, and some before, are loaded with the window that they are in`;
  return `${count(more, 'more finding')}: ${unknown === more ? 'too many to be told apart' : where}${unknown && unknown !== more ? `, but for ${unknown.toLocaleString('en')} that are too many to be told apart` : ''}. `;
}

/** @param {Finding} finding */
const keyOf = ({ rule, lane, playlist, first }) => [rule, lane, playlist, first.session_time, first.exchange].join();

/** The gravest first, then by time. @param {Finding} a @param {Finding} b */
const order = (a, b) => RANKS[rankOf(a)] - RANKS[rankOf(b)] || a.first.session_time - b.first.session_time;

/** Outages are before what the standard only advises: a viewer sees them. @param {Finding} finding */
const rankOf = (finding) => (finding.severity === 'info' ? kindOf(finding) : (finding.severity ?? 'info'));

/** @param {import('../types.js').Page} page @param {Finding} finding */
const go = (page, finding) => import('./go.js').then(({ goToFinding }) => goToFinding(page, finding), () => page.say('The way to it could not be loaded'));

/** @param {Finding} finding @param {import('../types.js').Page} page */
function buttonOf(finding, page) {
  const kind = kindOf(finding);
  return h('button', { type: 'button', class: 'finding', onclick: () => go(page, finding) },
    h('span', { class: `sign sign-${kind}`, 'aria-hidden': 'true' }, SIGNS[kind]),
    h('span', { class: 'finding-what' },
      h('span', null, h('strong', null, `${finding.rule} ${finding.name ?? ''}`), ` ${finding.severity ?? 'info'}`, finding.count > 1 && ` · ${finding.count} times`, finding.section && h('span', { class: 'quiet' }, ` ${finding.section}`)),
      h('span', null, finding.detail.text),
      h('span', { class: 'quiet' }, h('time', null, sessionTime(finding.first.session_time)), ` · ${whereOf(finding, page)}`)));
}

/** The rendition, else the stream. @param {Finding} finding @param {import('../types.js').Page} page */
function whereOf(finding, page) {
  const lane = page.session.lane(finding.lane ?? null);
  if (lane) return lane.label ?? lane.name;
  const lanes = (finding.lanes ?? []).map((id) => page.session.lane(id)).map((one) => one?.label ?? one?.name ?? '');
  return finding.playlist ?? (lanes.filter(Boolean).join(', ') || finding.stream);
}
