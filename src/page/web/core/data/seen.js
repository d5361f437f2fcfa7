// What is seen, as types. There is no code here.

/**
 * @typedef {object} Seen
 * @property {number | null} t     Where the window begins, in session seconds. Null: it follows the edge, or shows all.
 * @property {number | null} w     Its width in seconds.
 * @property {number | null} at    The pointer that was set, in session seconds.
 * @property {string | null} s     Name of the only stream.
 * @property {string | null} r     Id of the lane that is chosen.
 * @property {number | null} rev   The revision that is shown: an exchange.
 * @property {number | null} with  The revision that it is compared with.
 * @property {string | null} q     What is looked for in its text.
 * @property {number | null} x     The exchange that is open.
 * @property {string | null} f     The filter of the waterfall.
 * @property {string | null} feed   What feeds the player: `native`. Null: hls.js, where the server has it.
 * @property {string | null} faults Of the clock of the player: `recorded`, `none`. Null: as served.
 * @property {string | null} stream Name of the stream that is played. Null: that of the lane that is chosen.
 * @property {string | null} only  Which findings are shown: `must`, `should`, `info`, `gap`, `fault`, with commas.
 */

/**
 * @typedef {object} State
 * @property {() => Readonly<Seen>} get
 * @property {(changes: Partial<Seen>, how?: { replace?: boolean }) => void} set
 *   Changes what is seen. Without `replace` it is a step that the browser's "back" takes back.
 * @property {(told: (seen: Readonly<Seen>, before: Readonly<Seen>) => void) => () => void} subscribe
 * @property {(guard: (changes: Partial<Seen>) => Partial<Seen>) => void} guard  What changes pass before they are made.
 * @property {() => string} link  The whole URL of what is seen.
 */

export {};
