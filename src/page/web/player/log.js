// What the player met, on its clock: the lane and the list are made of it.

/** @typedef {import('../core/types.js').PlayerEvent} PlayerEvent */

/** More of them are forgotten, the oldest first. */
const MOST = 500;

/** The picture stands still. A viewer sees that from so many seconds on. */
export const WAITING = 'waiting';
const SEEN = 0.2;
const OVER = 'the recording is over';

/**
 * @typedef {object} Log
 * @property {(at: number, kind: string, text?: string, bad?: boolean) => void} moment
 * @property {(at: number, kind: string, text?: string) => void} begin  Something that lasts; what lasted before is over.
 * @property {(at: number) => number | null} end  How long it lasted; null: nothing did.
 * @property {(at: number) => void} goesOn  What lasts, lasts until now.
 * @property {() => string | null} lasts  What lasts now.
 */

/**
 * @param {import('../core/data/observable.js').Observable<PlayerEvent[]>} playing
 * @param {() => number} until  The end of the recording: behind it nothing more can come, and no wait is anybody's.
 * @returns {Log}
 */
export function createLog(playing, until) {
  /** @type {PlayerEvent | null} */
  let open = null;
  /** @param {PlayerEvent} event */
  const add = (event) => playing.set([...playing.get(), event].slice(-MOST));
  /** @param {number} at */
  const stretch = (at) => {
    if (!open) return;
    const before = open;
    const to = Math.max(Math.min(at, until()), open.at);
    open = { ...open, to, bad: open.kind === WAITING && to - open.at >= SEEN };
    playing.set(playing.get().map((event) => (event === before ? /** @type {PlayerEvent} */ (open) : event)));
  };
  /** @param {number} at */
  const end = (at) => {
    if (!open) return null;
    stretch(at);
    const lasted = (open.to ?? open.at) - open.at;
    open = null;
    return lasted;
  };
  return {
    moment: (at, kind, text = '', bad = false) => add({ at, to: null, kind, text, bad }),
    begin(at, kind, text = '') {
      end(at);
      if (kind === WAITING && at >= until()) {
        const isTold = playing.get().at(-1)?.kind === OVER;
        if (!isTold) add({ at: until(), to: null, kind: OVER, text: 'nothing more comes', bad: false });
        return;
      }
      open = { at, to: at, kind, text, bad: false };
      add(open);
    },
    end,
    goesOn: stretch,
    lasts: () => open?.kind ?? null,
  };
}
