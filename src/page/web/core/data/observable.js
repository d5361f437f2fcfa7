// A value that others are told of when it changes.

/**
 * @template T
 * @typedef {object} Observable
 * @property {() => T} get
 * @property {(value: T) => void} set  Tells nobody where the value is the same one.
 * @property {(told: (value: T) => void) => () => void} subscribe  Gives what ends it; it does not tell the present value.
 */

/**
 * @template T
 * @param {T} value
 * @returns {Observable<T>}
 */
export function observable(value) {
  /** @type {Set<(value: T) => void>} */
  const all = new Set();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const told of [...all]) told(value);
    },
    subscribe(told) {
      all.add(told);
      return () => all.delete(told);
    },
  };
}
