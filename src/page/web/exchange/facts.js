// What is known of a request, as names and values.

import { h } from '../core/ui/dom.js';
import { length, sessionTime, size, utcTime } from '../core/data/times.js';
import { link } from './links.js';

/**
 * @typedef {import('./types.js').OpenExchange} OpenExchange
 * @typedef {[string, import('../core/ui/dom.js').Child | import('../core/ui/dom.js').Child[]]} Fact  Null: there is none.
 */

/** @param {Fact[]} facts */
export const factList = (facts) => h('dl', { class: 'facts' }, facts.filter(([, value]) => value !== null && value !== '').flatMap(([name, value]) => [h('dt', null, name), h('dd', null, value)]));

/** What came of it, in words. @param {OpenExchange} one */
export function fateOf({ status, outcome, fault, own }) {
  const answer = status === null ? 'no response' : `status ${status}`;
  const end = outcome === 'complete' ? '' : `, ${outcome}`;
  return `${fault ? '✕ ' : ''}${answer}${end}${own === null ? '' : ' (own)'}`;
}

/** @param {number} seconds @param {number} zeroMs */
export const bothClocks = (seconds, zeroMs) => [h('time', null, sessionTime(seconds)), ' ', h('time', { class: 'quiet' }, utcTime(zeroMs, seconds))];

/** @param {OpenExchange} one @param {import('../types.js').Page} page @returns {Fact[]} */
export function requestFacts(one, { state, session }) {
  const lane = session.lane(one.lane);
  return [
    ['Answer', h('span', { class: one.fault ? 'bad-words' : '' }, fateOf(one))],
    ['Error', one.error],
    ['Own', one.own === null ? null : `Only because a recorder asked: ${one.own}. No player would have met it.`],
    ['URL', h('bdi', { class: 'mono url' }, one.url)],
    ['Range', one.range && h('span', { class: 'mono' }, `bytes=${one.range[0]}-${one.range[0] + one.range[1] - 1}`)],
    ['Directives', one.directives && h('span', { class: 'mono' }, one.directives)],
    ['Kind', `${one.kind} of ${one.stream}`],
    [lane?.kind === 'raw' ? 'Lane' : 'Playlist', lane && one.kind !== 'main' ? link(state, { r: lane.id, at: one.at, rev: null, with: null }, lane.label ?? lane.name) : null],
    ['Listed by', one.listed_by && link(state, { rev: one.listed_by.exchange, r: one.listed_by.lane ?? state.get().r, with: null }, `the text of exchange ${one.listed_by.exchange}`)],
    ['Redirects', one.chain.length > 1 ? one.chain.flatMap((id, index) => [index ? ' → ' : '', id === one.id ? h('strong', null, `${id}`) : link(state, { x: id }, String(id), { 'aria-label': `Exchange ${id}` })]) : null],
    ['Confirms', one.confirms === null ? null : link(state, { x: one.confirms }, `the body of exchange ${one.confirms}`)],
    ['Note', one.note],
    ['Spoken', [one.http_version, one.remote_addr && `with ${one.remote_addr}`].filter(Boolean).join(' ')],
  ];
}

/** @param {OpenExchange} one @param {number} zeroMs @returns {Fact[]} */
export function timeFacts(one, zeroMs) {
  const { at, wait, receive, failed, lag, bytes, announced_bytes } = one;
  const first = wait === null ? null : at + wait;
  const isLess = bytes !== null && announced_bytes !== null && bytes < announced_bytes;
  return [
    ['Asked', bothClocks(at, zeroMs)],
    ['First byte', first === null ? 'none came' : [...bothClocks(first, zeroMs), ` after ${length(wait ?? 0)}`]],
    ['Last byte', first === null ? null : [...bothClocks(first + (receive ?? 0), zeroMs), (receive ?? 0) < 0.0005 ? ' with it' : ` ${length(receive ?? 0)} later`]],
    ['Failed', failed === null || wait !== null ? null : `after ${length(failed)}`],
    ['Bytes', bytes === null ? null : [bytes.toLocaleString('en'), announced_bytes === null ? '' : h('span', { class: isLess ? 'bad-words' : 'quiet' }, bytes === announced_bytes ? ', as announced' : ` of ${announced_bytes.toLocaleString('en')} announced${isLess ? ` (${size(announced_bytes - bytes)} missing)` : ''}`)]],
    ['Lag', lag === null ? null : `${length(lag)} behind the recorder's own grid of polls`],
  ];
}
