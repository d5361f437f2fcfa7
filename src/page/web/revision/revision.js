// The text of the playlist at the pointer, or of the revision that was chosen, and what changed in it.

import { DataError, isAbort, loader } from '../core/data/data.js';
import { cut, fill, h, set, setText } from '../core/ui/dom.js';
import { isSame } from '../core/data/state.js';
import { sessionTime } from '../core/data/times.js';
import { bring, closes, isAsked, opener } from '../exchange/bring.js';
import { about, byLine, findingLines, findingsOf, marginOf } from './about.js';
import { compare } from './compare.js';
import { firstChange, linesOf, rowAt, rowOfLine, rowOfRemoved, rowsOf, runsOf, tally, whole } from './diff.js';
import { find } from './find.js';
import { contentOf, kindOf } from './line.js';
import { forget, source } from './source.js';
import { textView } from '../core/ui/text-view.js';
import { which } from './which.js';

/**
 * What is on the screen.
 * @typedef {object} Shown
 * @property {import('./which.js').Found} found
 * @property {import('./source.js').Source | null} old  What it is compared with.
 * @property {import('../exchange/types.js').Change[] | null} changes
 * @property {boolean} isCutShort  There was no more time to compare them.
 * @property {Set<number>} opened
 * @property {import('./diff.js').Run[]} runs
 * @property {Map<number, import('../core/types.js').Finding[]>} margins
 */

/** Whether another text, or another comparison, is asked for. @param {Readonly<import('../core/data/state.js').Seen>} one @param {Readonly<import('../core/data/state.js').Seen>} other */
const isOther = (one, other) => !isSame(one, other, one.rev === null ? ['rev', 'with', 'r', 'at'] : ['rev', 'with']);

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function revision(element, page) {
  const { state, axis, session, keys, say } = page;
  const requests = loader();
  /** @type {Shown | null} */
  let shown = null;

  const title = h('h2', { id: 'revision-title', tabindex: -1 });
  const back = h('button', { type: 'button', class: 'plain', 'aria-label': 'The revision before', title: 'The revision before ([)', onclick: () => go('before') }, '◀');
  const forth = h('button', { type: 'button', class: 'plain', 'aria-label': 'The revision after', title: 'The revision after (])', onclick: () => go('after') }, '▶');
  const close = h('button', { type: 'button', class: 'plain close', 'aria-label': 'Close the playlist', title: 'Close', onclick: () => {
    state.set({ rev: null, with: null, q: null, r: null });
    toOpener();
  } }, '✕');
  let toOpener = opener();
  const facts = h('div');
  const notes = h('p', { class: 'quiet' });
  const summary = h('p', { class: 'summary' });
  const listed = h('div');
  const trouble = h('p', { class: 'trouble', role: 'alert' });
  const versus = compare(page);
  const view = textView('Text of the playlist', (index) => lineAt(index));
  const words = find(element, page, {
    async lines() {
      const of = shown;
      if (!of) return null;
      const [now, old] = await Promise.all([of.found.text.all(), of.old && of.changes ? of.old.all() : []]);
      return of === shown ? linesOf(of.runs, now, old) : null;
    },
    reveal: ({ isOld, line }) => (isOld ? view.list.reveal(rowOfRemoved(shown?.runs ?? [], line), 'middle') : goToLine(line)),
    renew() {
      view.list.renew();
      requestAnimationFrame(aside);
    },
    leave: () => view.element.focus(),
  });
  const content = h('div', { class: 'revision-content' }, facts, notes, h('div', { class: 'actions' }, versus.element), listed, summary, words.element, view.element);
  set(element, { 'aria-labelledby': 'revision-title' });
  element.append(h('div', { class: 'panel-head' }, title, back, forth, close), trouble, content);

  /** Of a long line that part is seen which is gone to. */
  const aside = () => {
    const box = view.element.querySelector('mark.current')?.getBoundingClientRect();
    const pane = view.element.getBoundingClientRect();
    if (box && (box.left < pane.left + 90 || box.right > pane.right)) view.element.scrollLeft += box.left - pane.left - pane.width / 2;
  };

  /** @param {number} row @returns {import('../core/ui/text-view.js').ShownLine} */
  const lineAt = (row) => {
    const at = shown && rowAt(shown.runs, row);
    if (!shown || !at) return { number: '', sign: '', content: [] };
    const { run, line } = at;
    if (run.kind === 'fold') return { number: '', sign: '', kind: 'fold', content: [unfold(run)] };
    const text = (run.kind === 'removed' ? shown.old : shown.found.text)?.line(line) ?? null;
    return {
      number: String(line + 1),
      sign: run.kind === 'added' ? '+' : run.kind === 'removed' ? '-' : '',
      content: text ? contentOf(text, state, words.hits(run.kind === 'removed', line)) : ['…'],
      note: run.kind === 'removed' ? null : marginOf(shown.margins.get(line)),
      kind: `${run.kind} ${text ? kindOf(text.text) : ''}`,
    };
  };
  /** @param {import('./diff.js').Run} run */
  const unfold = (run) => h('button', { type: 'button', class: 'plain', onclick: () => {
    shown?.opened.add(run.line);
    arrange();
    view.element.focus();
  } }, `⋯ ${run.hides.toLocaleString('en')} unchanged lines`);

  const arrange = () => {
    if (!shown) return;
    const { found, changes, opened } = shown;
    shown.runs = changes ? runsOf(changes, opened) : whole(found.text.head.line_count);
    view.show(rowsOf(shown.runs), Math.max(found.text.widest(), shown.old?.widest() ?? 0));
  };

  /** Where it is folded, that is opened. @param {number} line Of the new text. */
  const goToLine = (line) => {
    if (!shown) return;
    const run = rowAt(shown.runs, rowOfLine(shown.runs, line))?.run;
    if (run?.kind === 'fold') {
      shown.opened.add(run.line);
      arrange();
    }
    view.list.reveal(rowOfLine(shown.runs, line), 'middle');
  };

  /** @param {boolean} isBrought */
  const load = async (isBrought) => {
    const seen = state.get();
    try {
      const found = await which(seen, axis.get().to, requests.load);
      if (found === null || isOther(state.get(), seen)) return;
      setText(trouble, '');
      element.hidden = found === 'none';
      if (found === 'none') {
        shown = null;
        return;
      }
      await become(found, seen, isBrought);
    } catch (error) {
      if (isAbort(error) || isOther(state.get(), seen)) return;
      element.hidden = false;
      content.hidden = true;
      setText(trouble, error instanceof DataError || error instanceof Error ? error.message : String(error));
    }
  };
  /** @param {import('./which.js').Found} found @param {Readonly<import('../core/data/state.js').Seen>} seen @param {boolean} isBrought */
  const become = async (found, seen, isBrought) => {
    const { head } = found.text;
    const wanted = seen.with ?? head.before;
    const isCompared = wanted !== null && wanted !== head.exchange;
    const [old, difference] = isCompared
      ? await Promise.all([source(wanted), requests.load(`-/v1/revisions/${head.exchange}/difference`, { with: wanted })])
      : [null, null];
    if (isOther(state.get(), seen) || (isCompared && difference === null)) return;
    const isFirst = shown === null;
    const wasSame = shown?.found.text.head.exchange === head.exchange && shown.old?.head.exchange === old?.head.exchange;
    shown = { found, old, changes: difference?.changes ?? null, isCutShort: difference?.cut_short ?? false, opened: wasSame && shown ? shown.opened : new Set(), runs: [], margins: new Map() };
    for (const one of [found.text, old]) one?.onMore(arrange);
    content.hidden = false;
    tell();
    judge();
    arrange();
    if (!wasSame && isBrought) bring(element);
    if (wasSame) return;
    view.list.reveal(Math.max(firstChange(shown.runs) - 3, 0), 'begin');
    words.again(isFirst);
  };
  const tell = () => {
    if (!shown) return;
    const { found, old, changes, isCutShort } = shown;
    const { head } = found.text;
    const lane = session.lane(head.lane);
    fill(title, h('span', null, 'Playlist '), h('span', { class: 'quiet' }, cut(lane?.label ?? lane?.name ?? head.lane)));
    fill(facts, about(found, page));
    const renewed = old && old.head.url !== head.url ? `The URL is another one than that of the text it is compared with: ${old.head.url}` : null;
    setText(notes, [found.note, renewed].filter(Boolean).join(' '));
    set(back, { disabled: head.before === null });
    set(forth, { disabled: head.after === null });
    versus.show(head);
    if (!changes || !old) {
      setText(summary, old === null && head.before === null ? 'The first text of this playlist.' : '');
      return;
    }
    const { added, removed } = tally(changes);
    const words = added + removed === 0 ? 'No line differs' : `${added} added, ${removed} removed`;
    setText(summary, `${words} since ${sessionTime(old.head.at)} (exchange ${old.head.exchange}).${isCutShort ? ' They differ too much to compare them in time: lines that are the same may be told as removed and added.' : ''}`);
    say(`Revision of ${sessionTime(head.at)}: ${words}`);
  };
  const judge = () => {
    if (!shown) return;
    const { head } = shown.found.text;
    const of = findingsOf(page.findings.get()?.findings ?? [], head);
    shown.margins = byLine(of, head.exchange);
    fill(listed, findingLines(of, goToLine, head.exchange));
  };

  /** @param {'before' | 'after'} way */
  const go = async (way) => {
    if (!shown) return;
    let { head } = shown.found.text;
    if (way === 'after' && head.after === null && session.get().recording) {
      // Meanwhile there may be one.
      forget(head.exchange);
      head = (await source(head.exchange)).head;
    }
    const next = head[way];
    if (next === null) {
      say(way === 'before' ? 'This is the first revision' : 'This is the last revision');
      return;
    }
    const { head: other } = (await source(next));
    state.set({ rev: next, at: other.at, r: other.lane, with: null });
    axis.reveal(other.at);
  };
  keys.add(
    { key: '[', label: 'Revision before and after', group: 'Playlist', run: () => void go('before') },
    { key: ']', label: 'Revision before and after', group: 'Playlist', run: () => void go('after') },
  );
  page.findings.subscribe(() => {
    judge();
    view.list.renew();
  });
  state.subscribe((seen, before) => {
    if (element.hidden) toOpener = opener();
    // With both opened at once the request is what is looked at.
    if (isOther(seen, before)) void load(seen.x === null || seen.x === before.x);
  });
  element.hidden = true;
  closes(element, close);
  void load(isAsked() && state.get().x === null);
}
