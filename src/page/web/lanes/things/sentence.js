// What a lane shows, in a sentence. Pure.

import { count } from '../../core/data/times.js';

/** @typedef {import('../types.js').Thing} Thing */
/** @typedef {{ events: import('../../core/types.js').LaneEvents | null, known: { from: number, to: number } }} Told */

/** @param {Thing[]} all @param {string} name @param {Told} [told] */
export function sentenceOf(all, name, told) {
  const many = (/** @type {(thing: Thing) => boolean} */ is) => all.filter(is).length;
  const parts = [
    count(told?.events?.cells?.count.reduce((sum, one) => sum + one, 0) ?? many(({ kind }) => kind === 'advance'), 'advance'),
    count(many(({ wait }) => wait !== undefined && !wait.own), 'gap'),
    count(many(({ box }) => box?.fate === 'failed' || box?.fate === 'recovered'), 'failed download'),
    count(many(({ box }) => box?.fate === 'late'), 'late download'),
    count(many(({ finding }) => finding !== undefined), 'finding'),
  ];
  const [good, own] = [many(({ box }) => box?.fate === 'recovered'), many(({ kind }) => kind === 'notice')];
  if (good) parts.push(`${good} of the failed good in the end`);
  if (own) parts.push(`${count(own, 'trouble')} of the recorder`);
  return `${name}: ${parts.join(', ')} in what is shown`;
}
