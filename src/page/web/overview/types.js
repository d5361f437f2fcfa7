// What the overview is made of, as types. There is no code here.

/**
 * @typedef {object} Shown
 * @property {import('../core/types.js').Overview | null} data
 * @property {string | null} stream  The only one that is counted.
 * @property {import('../core/types.js').Session} session
 * @property {import('../core/types.js').Finding[]} findings
 * @property {number | null} loadedTo  Findings behind this moment are not loaded.
 * @property {import('../core/picture/axis.js').Span} window
 * @property {number | null} pointer
 * @property {number | null} at
 * @property {import('../core/types.js').PlayHead} playhead
 */

export {};
