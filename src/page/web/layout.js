// Where each panel is. Wide: time on the left, details on the right; narrow: one below the other.

import { h } from './core/ui/dom.js';
import { styles } from './core/ui/style.js';

/** @typedef {import('./types.js').Page} Page */
/** @typedef {(element: HTMLElement, page: Page) => void} Panel */

/**
 * Panels by their files: a file is a module that exports a function of its name. One that fails to load says so in its place
 * and leaves the others alone.
 * @type {Record<string, () => Promise<Panel>>}
 */
const PANELS = {
  head: async () => (await import('./head/head.js')).head,
  overview: async () => (await import('./overview/overview.js')).overview,
  lanes: async () => (await import('./lanes/lanes.js')).lanes,
  waterfall: async () => (await import('./waterfall/waterfall.js')).waterfall,
  player: async () => (await import('./player/player.js')).player,
  findings: async () => (await import('./findings/findings.js')).findings,
};

/**
 * A module with its style sheets.
 * @template Module
 * @param {Promise<Module>} module @param {string} path
 */
const later = async (module, path) => (await Promise.all([module, styles('css/details.css', path)]))[0];

/**
 * Those that are loaded when there is something to show in them: nobody waits for them before.
 * @type {Record<string, { load: () => Promise<Panel>, isWanted: (seen: Readonly<import('./core/data/state.js').Seen>) => boolean }>}
 */
const LATER = {
  exchange: { load: async () => (await later(import('./exchange/exchange.js'), 'exchange/exchange.css')).exchange, isWanted: ({ x }) => x !== null },
  revision: { load: async () => (await later(import('./revision/revision.js'), 'revision/revision.css')).revision, isWanted: ({ rev, r }) => rev !== null || r !== null },
};

/** They are loaded at once, while the session is asked for. @type {Record<string, Promise<Panel | Error>>} */
const LOADED = Object.fromEntries(Object.entries(PANELS).map(([name, load]) => [name, load().catch((error) => error)]));

/** @param {string} name @param {string} label @param {string} [tag] */
const place = (name, label, tag = 'section') => h(/** @type {'section'} */ (tag), { class: `panel ${name}`, id: name, 'aria-label': label });

/**
 * @param {HTMLElement} root @param {Page} page
 */
export async function layout(root, page) {
  /** @type {Record<string, HTMLElement>} */
  const places = {
    head: place('head', 'Session', 'header'),
    overview: place('overview', 'Overview of the session'),
    lanes: place('lanes', 'Lanes'),
    waterfall: place('waterfall', 'Requests'),
    player: place('player', 'Player'),
    findings: place('findings', 'Findings'),
    exchange: place('exchange', 'Request'),
    revision: place('revision', 'Playlist'),
  };
  const { head, overview, lanes, waterfall, player, findings, exchange, revision } = places;
  measureBar();
  const aside = h('div', { class: 'details' }, player, findings, h('div', { class: 'opened' }, exchange, revision));
  root.replaceChildren(head, h('main', null, h('div', { class: 'times' }, overview, lanes, waterfall), aside));
  page.keys.note('Playlist', 'Revision before and after', ['[', ']']);
  page.keys.note('Playlist', 'Find in its text, where that has the focus', ['/']);
  for (const name of Object.keys(LATER)) mountLater(name, places[name], page);
  await Promise.all(Object.entries(LOADED).map(([name, loaded]) => mount(places[name], page, loaded)));
}

/** @param {string} name @param {HTMLElement} element @param {Page} page */
function mountLater(name, element, page) {
  const { load, isWanted } = LATER[name];
  let isThere = false;
  const look = () => {
    if (isThere || !isWanted(page.state.get())) return;
    isThere = true;
    void mount(element, page, load().catch((error) => error));
  };
  page.state.subscribe(look);
  look();
}

/** How wide a scrollbar is: panels that scroll end their axis that much earlier, so that it ends where all others do. */
function measureBar() {
  const probe = h('div', { class: 'unseen', style: { width: '50px', overflow: 'hidden auto', 'scrollbar-width': 'thin', 'scrollbar-gutter': 'stable' } });
  document.body.append(probe);
  document.documentElement.style.setProperty('--bar', `${50 - probe.clientWidth}px`);
  probe.remove();
}

/** @param {HTMLElement} element @param {Page} page @param {Promise<Panel | Error>} loaded */
async function mount(element, page, loaded) {
  try {
    const panel = await loaded;
    if (panel instanceof Error) throw panel;
    panel(element, page);
  } catch (error) {
    console.error(error);
    element.replaceChildren(h('p', { role: 'alert' }, `This part of the page failed: ${error instanceof Error ? error.message : error}`));
  }
}
