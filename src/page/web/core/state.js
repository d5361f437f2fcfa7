// What is seen, and the fragment of the URL that says it (docs/ref/page.md, "Links"). Nothing that is seen is elsewhere.

/**
 * @typedef {object} Seen
 * @property {number | null} t     Where the window begins, in session seconds. Null: it follows the edge, or shows all.
 * @property {number | null} w     Its width in seconds.
 * @property {number | null} at    The pointer that was set, in session seconds.
 * @property {string | null} s     Name of the only stream.
 * @property {string | null} r     Id of the lane that is chosen.
 * @property {number | null} rev   The revision that is shown: an exchange.
 * @property {number | null} with  The revision that it is compared with.
 * @property {number | null} x     The exchange that is open.
 * @property {string | null} f     The filter of the waterfall.
 * @property {string | null} feed   What feeds the player: `native`. Null: hls.js, where the server has it.
 * @property {string | null} faults Of the clock of the player: `recorded`, `none`. Null: as served.
 * @property {string | null} stream Name of the stream that is played. Null: that of the lane that is chosen.
 * @property {string | null} only  Which findings are shown: `must`, `should`, `info`, `gap`, `fault`, with commas.
 */

/** @type {Record<keyof Seen, 'seconds' | 'id' | 'text'>} */
const KEYS = { t: 'seconds', w: 'seconds', at: 'seconds', s: 'text', r: 'text', rev: 'id', with: 'id', x: 'id', f: 'text', only: 'text', feed: 'text', faults: 'text', stream: 'text' };

/** Nothing is chosen: all of the session, or its edge while it is recorded. @type {Readonly<Seen>} */
const NOTHING = Object.freeze({ t: null, w: null, at: null, s: null, r: null, rev: null, with: null, x: null, f: null, only: null, feed: null, faults: null, stream: null });

/**
 * @param {string} text @param {'seconds' | 'id' | 'text'} type
 * @returns {string | number | null} Null: it is none, and is left out.
 */
function read(text, type) {
  if (text === '') return null;
  if (type === 'text') return text;
  const number = Number(text);
  if (!Number.isFinite(number) || number < 0) return null;
  return type === 'id' && !Number.isSafeInteger(number) ? null : number;
}

/** Of a text with escapes that are none: the text. @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * What a fragment says; what it does not know, and what is nonsense, is left out.
 * @param {string} fragment With or without its `#`.
 * @returns {Seen}
 */
export function parse(fragment) {
  /** @type {Record<string, unknown>} */
  const seen = { ...NOTHING };
  for (const pair of fragment.replace(/^#/, '').split('&')) {
    const end = pair.indexOf('=');
    const key = pair.slice(0, Math.max(end, 0));
    if (Object.hasOwn(KEYS, key)) seen[key] = read(decode(pair.slice(end + 1)), KEYS[/** @type {keyof Seen} */ (key)]);
  }
  return /** @type {any} */ (seen);
}

/**
 * Milliseconds are what people read and type; where a window is narrow less is seen as well.
 * @param {number} seconds @param {number | null} width Of the window.
 */
export function rounded(seconds, width) {
  const scale = width !== null && width < 5 ? 1e6 : 1e3;
  return Math.round(seconds * scale) / scale;
}

/** Readable in a chat: only what would end the value, or the link, is escaped. @param {string} text */
const encode = (text) => encodeURIComponent(text).replace(/%(3E|3C|3D|3A|2F|2C|40)/g, decodeURIComponent);

/**
 * The fragment, without its `#`; empty where nothing is chosen.
 * @param {Seen} seen
 */
export function print(seen) {
  const pairs = [];
  for (const key of /** @type {(keyof Seen)[]} */ (Object.keys(KEYS))) {
    const value = seen[key];
    if (value === null) continue;
    const text = KEYS[key] === 'seconds' ? String(rounded(Number(value), seen.w)) : String(value);
    pairs.push(`${key}=${encode(text)}`);
  }
  return pairs.join('&');
}

/**
 * @typedef {object} State
 * @property {() => Readonly<Seen>} get
 * @property {(changes: Partial<Seen>, how?: { replace?: boolean }) => void} set
 *   Changes what is seen. Without `replace` it is a step that the browser's "back" takes back.
 * @property {(told: (seen: Readonly<Seen>, before: Readonly<Seen>) => void) => () => void} subscribe
 * @property {(guard: (changes: Partial<Seen>) => Partial<Seen>) => void} guard  What changes pass before they are made.
 * @property {() => string} link  The whole URL of what is seen.
 */

/** @returns {State} */
export function createState() {
  let seen = Object.freeze(parse(location.hash));
  /** @type {Set<(seen: Readonly<Seen>, before: Readonly<Seen>) => void>} */
  const all = new Set();
  /** @type {((changes: Partial<Seen>) => Partial<Seen>)[]} */
  const guards = [];

  /** @param {Seen} next */
  const become = (next) => {
    const before = seen;
    seen = Object.freeze(next);
    for (const told of [...all]) told(seen, before);
  };
  const url = () => {
    const fragment = print(seen);
    return fragment ? `#${fragment}` : location.pathname + location.search;
  };

  addEventListener('popstate', () => {
    const next = parse(location.hash);
    if (print(next) !== print(seen)) become(next);
  });

  return {
    get: () => seen,
    set(changes, { replace = false } = {}) {
      for (const guard of guards) changes = guard(changes);
      const next = { ...seen, ...changes };
      if (print(next) === print(seen)) return;
      const before = seen;
      seen = Object.freeze(next);
      if (replace) history.replaceState(null, '', url());
      else history.pushState(null, '', url());
      for (const told of [...all]) told(seen, before);
    },
    subscribe(told) {
      all.add(told);
      return () => all.delete(told);
    },
    guard: (guard) => void guards.push(guard),
    link: () => new URL(url(), location.href).href,
  };
}
