// The rows of a comparison: what is unchanged is folded, but for a few lines around what changed. Pure.

/** @typedef {import('../exchange/types.js').Change} Change */

/** Unchanged lines that are shown before and behind a change. */
const CONTEXT = 3;

/**
 * Rows that follow each other: `count` of them, lines `line` and on of the new text (of the old one, where they were removed).
 * A fold is one row in place of `hides` lines.
 * @typedef {{ kind: 'same' | 'removed' | 'added' | 'fold', line: number, other: number, count: number, hides: number }} Run
 */

/** A text that is compared with nothing. @param {number} count @returns {Run[]} */
export const whole = (count) => (count ? [{ kind: 'same', line: 0, other: 0, count, hides: 0 }] : []);

/**
 * @param {Change[]} changes
 * @param {ReadonlySet<number>} opened  Folds that were opened, by their first line in the new text.
 * @returns {Run[]}
 */
export function runsOf(changes, opened) {
  /** @type {Run[]} */
  const runs = [];
  changes.forEach((change, index) => {
    const { kind, old, new: now } = change;
    if (kind === 'removed') runs.push({ kind, line: old[0], other: now[0], count: old[1], hides: 0 });
    else if (kind === 'added') runs.push({ kind, line: now[0], other: old[0], count: now[1], hides: 0 });
    else runs.push(...folded(now[0], old[0], now[1], index === 0, index === changes.length - 1, opened));
  });
  return runs.filter(({ count }) => count > 0);
}

/**
 * @param {number} line @param {number} other @param {number} count @param {boolean} isFirst @param {boolean} isLast @param {ReadonlySet<number>} opened
 * @returns {Run[]}
 */
function folded(line, other, count, isFirst, isLast, opened) {
  const before = isFirst ? 0 : CONTEXT;
  const behind = isLast ? 0 : CONTEXT;
  const hides = count - before - behind;
  // A fold of a line or two would hide nothing.
  if (hides < 3 || opened.has(line + before)) return [{ kind: 'same', line, other, count, hides: 0 }];
  return [
    { kind: 'same', line, other, count: before, hides: 0 },
    { kind: 'fold', line: line + before, other: other + before, count: 1, hides },
    { kind: 'same', line: line + count - behind, other: other + count - behind, count: behind, hides: 0 },
  ];
}

/** Rows of all runs. @param {Run[]} runs */
export const rowsOf = (runs) => runs.reduce((sum, { count }) => sum + count, 0);

/**
 * A row: its run, and its line.
 * @param {Run[]} runs @param {number} row
 * @returns {{ run: Run, line: number } | null}
 */
export function rowAt(runs, row) {
  let first = 0;
  for (const run of runs) {
    if (row < first + run.count) return { run, line: run.line + row - first };
    first += run.count;
  }
  return null;
}

/** The row of a line of the new text; of one in a fold, the fold. @param {Run[]} runs @param {number} line */
export function rowOfLine(runs, line) {
  let first = 0;
  for (const run of runs) {
    const lines = run.kind === 'fold' ? run.hides : run.count;
    if (run.kind !== 'removed' && line >= run.line && line < run.line + lines) return first + (run.kind === 'fold' ? 0 : line - run.line);
    first += run.count;
  }
  return -1;
}

/** The row of a line that was removed; -1: it is not shown. @param {Run[]} runs @param {number} line Of the old text. */
export function rowOfRemoved(runs, line) {
  let first = 0;
  for (const run of runs) {
    if (run.kind === 'removed' && line >= run.line && line < run.line + run.count) return first + line - run.line;
    first += run.count;
  }
  return -1;
}

/** Lines in the order of rows, what is folded as well. @param {Run[]} runs @param {string[]} now @param {string[]} old Empty: nothing is compared. @returns {import('./find.js').Line[]} */
export const linesOf = (runs, now, old) => runs.flatMap(({ kind, line: first, count, hides }) => {
  const isOld = kind === 'removed';
  return (isOld ? old : now).slice(first, first + (kind === 'fold' ? hides : count)).map((text, index) => ({ isOld, line: first + index, text }));
});

/** The first row that is a change; -1: there is none. @param {Run[]} runs */
export function firstChange(runs) {
  const index = runs.findIndex(({ kind }) => kind === 'added' || kind === 'removed');
  return index < 0 ? -1 : rowsOf(runs.slice(0, index));
}

/** How many lines were added and removed. @param {Change[]} changes */
export const tally = (changes) => ({
  added: changes.reduce((sum, { kind, new: [, count] }) => sum + (kind === 'added' ? count : 0), 0),
  removed: changes.reduce((sum, { kind, old: [, count] }) => sum + (kind === 'removed' ? count : 0), 0),
});
