// What the waterfall is made of, as types. There is no code here.

/** @typedef {import('../exchange/types.js').Exchange} Exchange */

/**
 * @typedef {object} Rows
 * @property {() => Exchange[]} all
 * @property {() => boolean} hasMore  There are more in the window.
 * @property {() => boolean} isFull   There are more, and they are not loaded: zoom in.
 * @property {() => boolean} isLoading
 * @property {() => number | null} total  In the window; null: not known.
 * @property {() => number} least  So many there are in the window at least, as far as that is known.
 * @property {() => string | null} error
 * @property {() => void} more
 * @property {() => number | null} begins  Seconds; null: there is none before the first row.
 * @property {(at: number) => void} begin  What there is from here on, in place of what is there.
 * @property {() => void} before  Rows before the first one.
 * @property {() => void} whole  From the beginning of the window on.
 */

export {};
