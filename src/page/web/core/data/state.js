// What is seen, and the fragment of the URL that says it (docs/ref/page.md, "Links"). Nothing that is seen is elsewhere.

/** @typedef {import('./seen.js').Seen} Seen */
/** @typedef {import('./seen.js').State} State */

/** @type {Record<keyof Seen, 'seconds' | 'id' | 'text'>} */
const KEYS = { t: 'seconds', w: 'seconds', at: 'seconds', s: 'text', r: 'text', rev: 'id', with: 'id', q: 'text', x: 'id', f: 'text', only: 'text', feed: 'text', faults: 'text', stream: 'text' };

/** Nothing is chosen: all of the session, or its edge while it is recorded. @type {Readonly<Seen>} */
const NOTHING = Object.freeze({ t: null, w: null, at: null, s: null, r: null, rev: null, with: null, q: null, x: null, f: null, only: null, feed: null, faults: null, stream: null });

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
 * Whether these keys say the same. Who waits for an answer compares what it was asked for: the window may move meanwhile.
 * @template {keyof Seen} Key
 * @param {Readonly<Pick<Seen, Key>>} one @param {Readonly<Pick<Seen, Key>>} other @param {Key[]} keys
 */
export const isSame = (one, other, keys) => keys.every((key) => one[key] === other[key]);

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
