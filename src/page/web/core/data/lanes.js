// What is asked for the lanes of a window.

/** So much more than the window is asked for on each side: it is there when somebody drags. */
const MARGIN = 0.25;
/** The server answers no finer. */
const MOST = 4000;

/**
 * Parameters of `-/v1/lanes`.
 * @param {import('../picture/axis.js').Span} window @param {import('../types.js').Session} session @param {number} pixels  How wide the window is on the screen.
 */
export function lanesParams({ from, to }, session, pixels) {
  const margin = (to - from) * MARGIN;
  const end = Math.min(to + margin, Math.max(session.length_seconds, to));
  return { from: Math.max(from - margin, 0).toFixed(6), to: end.toFixed(6), width: Math.min(Math.round(pixels * (1 + 2 * MARGIN)), MOST) };
}
