// The request that is open: what was asked, when, what came, who listed it, and its body.

import { copyText } from '../core/ui/copy.js';
import { loader } from '../core/data/data.js';
import { cut, fill, h } from '../core/ui/dom.js';
import { arrival } from './arrival.js';
import { bring, closes, isAsked, opener } from './bring.js';
import { body } from './body.js';
import { curlOf } from './curl.js';
import { factList, requestFacts, timeFacts } from './facts.js';

/** @typedef {import('./types.js').OpenExchange} OpenExchange */

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function exchange(element, page) {
  const { state } = page;
  const requests = loader();
  const content = h('div', { class: 'exchange-content' });
  const title = h('h2', { id: 'exchange-title', tabindex: -1 });
  const close = h('button', { type: 'button', class: 'plain close', 'aria-label': 'Close the request', title: 'Close', onclick: () => {
    state.set({ x: null });
    back();
  } }, '✕');
  let back = opener();
  element.setAttribute('aria-labelledby', 'exchange-title');
  element.append(h('div', { class: 'panel-head' }, title, close), content);

  /** @param {boolean} isBrought */
  const load = async (isBrought) => {
    const { x } = state.get();
    element.hidden = x === null;
    if (x === null) {
      requests.stop();
      fill(content);
      return;
    }
    fill(title, `Request ${x}`);
    try {
      const came = await requests.load(`-/v1/exchanges/${x}`);
      if (came) show(came);
      if (came && isBrought) bring(element);
    } catch (error) {
      fill(content, h('p', { class: 'trouble', role: 'alert' }, error instanceof Error ? error.message : String(error)));
    }
  };
  /** @param {OpenExchange} one */
  const show = (one) => {
    if (one.damaged) {
      fill(content, h('p', { class: 'trouble' }, `Nothing can be told of it: ${one.damaged}.`));
      return;
    }
    fill(title, h('span', null, `Request ${one.id} `), h('span', { class: 'quiet' }, cut(one.name.split('/').pop() ?? '')));
    fill(content, actions(one, page), factList(requestFacts(one, page)), h('h3', null, 'Times'), factList(timeFacts(one, page.session.zeroMs())), arrival(one),
      h('h3', null, 'Body'), body(one),
      h('h3', null, 'Response header fields'), headers(one.headers));
  };
  state.subscribe((seen, before) => {
    if (before.x === null && seen.x !== null) back = opener();
    if (seen.x !== before.x) void load(true);
  });
  closes(element, close);
  void load(isAsked());
}

/** @param {OpenExchange} one @param {import('../types.js').Page} page */
function actions(one, page) {
  const { state, axis } = page;
  const curl = curlOf(one);
  const lane = page.session.lane(one.lane);
  const isText = (one.kind === 'media' || one.kind === 'main') && lane !== null && lane.kind !== 'raw' && !one.fault && (one.body !== null || one.confirms !== null);
  return h('div', { class: 'actions' },
    curl !== null && h('button', { type: 'button', onclick: () => copied(page, curl, 'The command') }, 'Copy as curl'),
    one.body && h('button', { type: 'button', onclick: () => copied(page, new URL(one.body?.replay ?? '', document.baseURI).href, 'The URL') }, 'Copy replay URL'),
    isText && h('button', { type: 'button', onclick: () => state.set({ rev: one.confirms ?? one.id, r: one.lane, at: one.at, with: null }) }, 'Open revision'),
    h('button', { type: 'button', onclick: () => {
      state.set({ at: one.at });
      axis.reveal(one.at, one.at + (one.wait ?? one.failed ?? 0) + (one.receive ?? 0));
    } }, 'Show in time'));
}

/** @param {import('../types.js').Page} page @param {string} text @param {string} what */
async function copied({ say }, text, what) {
  say((await copyText(text)) ? `${what} is copied` : `${what} could not be copied`);
}

/** @param {[string, string][]} fields */
function headers(fields) {
  if (fields.length === 0) return h('p', { class: 'quiet' }, 'None.');
  return h('table', { class: 'headers' }, h('thead', { class: 'unseen' }, h('tr', null, h('th', { scope: 'col' }, 'Name'), h('th', { scope: 'col' }, 'Value'))),
    h('tbody', null, fields.map(([name, value]) => h('tr', null, h('th', { scope: 'row' }, h('bdi', null, name)), h('td', { class: 'mono' }, h('bdi', null, value))))));
}
