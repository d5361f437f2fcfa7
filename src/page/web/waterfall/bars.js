// A request as bars on the axis, and in words. Pure.

import { length, sessionTime, size } from '../core/data/times.js';

/**
 * @typedef {import('../exchange/types.js').Exchange} Exchange
 *
 * `wait`: until the first byte; `held`: the same, where the origin was to let it wait. `receive`: from there. `missing`: no response came. `broken`: here the body broke off.
 * @typedef {{ kind: 'wait' | 'held' | 'receive' | 'missing' | 'broken', from: number, to: number }} Bar
 */

/** @param {Exchange} one @returns {Bar[]} */
export function barsOf({ at, wait, receive, failed, outcome, directives, damaged }) {
  if (damaged) return [];
  if (wait === null) return [{ kind: 'missing', from: at, to: at + (failed ?? 0) }];
  const first = at + wait;
  const end = first + (receive ?? 0);
  /** @type {Bar[]} */
  const bars = [{ kind: directives === null ? 'wait' : 'held', from: at, to: first }, { kind: 'receive', from: first, to: end }];
  if (isBroken({ outcome })) bars.push({ kind: 'broken', from: end, to: end });
  return bars;
}

/** Not all of it came, or it was no good. @param {{ outcome: string }} one */
export const isBroken = ({ outcome }) => outcome !== 'complete';

/** When its last byte came, or it failed. @param {Exchange} one */
export const endOf = ({ at, wait, receive, failed }) => at + (wait === null ? (failed ?? 0) : wait + (receive ?? 0));

/** @param {Exchange} one */
export const secondsOf = (one) => endOf(one) - one.at;

/** The last step of the path, and the one before it: what tells renditions apart. @param {string} name @returns {[string, string]} */
export function split(name) {
  const query = name.search(/[?#]/);
  const path = query < 0 ? name : name.slice(0, query);
  const steps = path.split('/');
  const file = steps.pop() ?? '';
  if (file === '') return [name, ''];
  const folder = steps.pop();
  return [file + (query < 0 ? '' : name.slice(query)), folder ? `${folder}/` : ''];
}

/** What a poll was to be held for, `part 12.3`; empty: it was not to be held. @param {Pick<Exchange, 'directives'>} one */
export function heldFor({ directives }) {
  if (directives === null) return '';
  const query = new URLSearchParams(directives);
  const [segment, part] = [query.get('_HLS_msn'), query.get('_HLS_part')];
  return segment === null ? directives : part === null ? `segment ${segment}` : `part ${segment}.${part}`;
}

/** What a recorder asks for and no player would. @type {Record<string, string>} */
const OWN = {
  'key again': 'the recorder asked for a key once more', probe: 'the recorder compared bytes', 'too often': 'the recorder polled more often than a player',
  'too late': 'no player would have asked so late', 'put off': 'the redirect was put off, as its target had asked for',
};

/** What is odd about it, in one or two words; empty: nothing. @param {Exchange} one */
export function oddities({ outcome, own, status, fault, damaged }) {
  if (damaged) return damaged;
  const words = [];
  if (outcome !== 'complete') words.push(outcome);
  else if (status !== null && status >= 400) words.push(`status ${status}`);
  else if (fault) words.push('no good end');
  if (own !== null) words.push(`not the origin's: ${OWN[own] ?? own}`);
  return words.join(', ');
}

/** All that the row tells, for the tip and for who does not see it. @param {Exchange} one @returns {string[]} */
export function linesOf(one) {
  const { id, at, kind, name, status, outcome, bytes, wait, receive, failed, own, error, damaged } = one;
  if (damaged) return [`Exchange ${id}`, `asked about ${sessionTime(at)}`, damaged];
  const lines = [name, `${kind}, exchange ${id}, asked ${sessionTime(at)}`];
  lines.push(status === null ? `no response: ${outcome}` : `${status}${outcome === 'complete' ? '' : `, ${outcome}`}, ${size(bytes)}`);
  if (wait !== null) lines.push(`wait ${length(wait)}, receive ${length(receive ?? 0)}`);
  else if (failed !== null) lines.push(`failed after ${length(failed)}`);
  if (one.directives !== null) lines.push(`the origin was to hold it for ${heldFor(one)}`);
  if (own !== null) lines.push(`only because a recorder asked: ${OWN[own] ?? own}`);
  if (error !== null) lines.push(error);
  return lines;
}
