// Moments that somebody typed. Pure.

/**
 * A moment that somebody typed, in session seconds: `734.2`, `12:14.2`, `0:12:14`, or UTC with a `Z` (`14:38:30.8Z`, or with
 * its date). A time of day without a date is the first of the session at or after its beginning.
 * @param {string} text @param {number} zeroMs
 * @returns {number | null} Null: it is none of these.
 */
export function parseTime(text, zeroMs) {
  const trimmed = text.trim();
  if (/^\d{4}-\d\d-\d\d[T ][\d:.]+Z$/i.test(trimmed)) {
    const ms = Date.parse(trimmed.replace(' ', 'T').toUpperCase());
    return Number.isNaN(ms) ? null : (ms - zeroMs) / 1000;
  }
  const match = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)(z?)$/i.exec(trimmed);
  if (!match) return null;
  const seconds = Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3]);
  if (!match[4]) return seconds;
  const midnight = Math.floor(zeroMs / 864e5) * 86400;
  const at = midnight + seconds - zeroMs / 1000;
  // To the millisecond: what is shown is typed, and is shown cut.
  return at < -0.001 ? at + 86400 : Math.max(at, 0);
}
