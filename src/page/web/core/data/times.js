// Moments and lengths as text. Session time is seconds since session zero; UTC is that and the moment of session zero.

/** @param {number} number @param {number} digits */
const pad = (number, digits) => String(number).padStart(digits, '0');

/** How far session zero is behind a whole millisecond of UTC, in milliseconds. */
let behind = 0;

/** Tells it, of `recorded` of a session. @param {{ time: string }} recorded */
export function countFrom({ time }) {
  const micros = Number((/\.(\d+)/.exec(time)?.[1] ?? '').padEnd(6, '0').slice(3, 6));
  behind = micros / 1000;
}

/** Both clocks are cut to the millisecond where UTC is, as in the texts of all programs: so they, and lengths, add up. @param {number} seconds */
const shownMs = (seconds) => Math.floor(seconds * 1000 + behind + 5e-4);

/**
 * Session time as `h:mm:ss.fff`; fewer digits of the fraction where they are asked for.
 * @param {number} seconds @param {number} [digits] Of the fraction: 0 to 3.
 */
export function sessionTime(seconds, digits = 3) {
  const scale = 10 ** digits;
  const whole = Math.abs(digits === 3 ? shownMs(seconds) : Math.round(seconds * scale));
  const sign = seconds < 0 && whole > 0 ? '-' : '';
  return `${sign}${clock(whole, digits)}`;
}

/** A whole number of seconds, or of their fractions of so many digits, as a clock shows it. @param {number} whole @param {number} digits */
function clock(whole, digits) {
  const scale = 10 ** digits;
  const units = Math.floor(whole / scale);
  const fraction = digits ? `.${pad(whole % scale, digits)}` : '';
  return `${Math.floor(units / 3600)}:${pad(Math.floor(units / 60) % 60, 2)}:${pad(units % 60, 2)}${fraction}`;
}

/**
 * A moment in UTC as `hh:mm:ss.fffZ`, of a session whose session zero is `zeroMs` (Unix time).
 * @param {number} zeroMs @param {number} seconds @param {number} [digits]
 */
export function utcTime(zeroMs, seconds, digits = 3) {
  const scale = 10 ** digits;
  // A fraction of a millisecond must not make the time of day an earlier one.
  const units = Math.floor((Math.floor(zeroMs + 5e-4) + shownMs(seconds)) * scale / 1000 + 1e-4);
  const inDay = ((units % (86400 * scale)) + 86400 * scale) % (86400 * scale);
  return `${clock(inDay, digits).padStart(digits ? 9 + digits : 8, '0')}Z`;
}

/** The date in UTC, `2026-11-20`. @param {number} zeroMs @param {number} seconds */
export const utcDate = (zeroMs, seconds) => new Date(zeroMs + seconds * 1000).toISOString().slice(0, 10);

/**
 * Session zero in Unix milliseconds, of `recorded` of a session.
 * @param {{ session_time: number, time: string }} recorded
 */
export const zeroOf = (recorded) => Date.parse(recorded.time) - recorded.session_time * 1000;

/**
 * A length for people: `8.5 s`, `340 ms`, `12 min 5 s`, `3 h 20 min`.
 * @param {number} seconds
 * @returns {string}
 */
export function length(seconds) {
  if (seconds < 0) return `-${length(-seconds)}`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 119.5) return `${Number(seconds.toFixed(seconds < 3 ? 2 : 1))} s`;
  const whole = Math.round(seconds);
  const join = (/** @type {string} */ more, /** @type {number} */ rest, /** @type {string} */ unit) => (rest ? `${more} ${rest} ${unit}` : more);
  if (whole < 7200) return join(`${Math.floor(whole / 60)} min`, whole % 60, 's');
  const minutes = Math.round(seconds / 60);
  return join(`${Math.floor(minutes / 60)} h`, minutes % 60, 'min');
}

/** Bytes for people: `912 B`, `2.1 MB`. @param {number | null} bytes */
export function size(bytes) {
  if (bytes === null) return '–';
  for (const [unit, scale] of /** @type {[string, number][]} */ ([['GB', 1e9], ['MB', 1e6], ['kB', 1e3]])) {
    if (bytes >= scale) return `${(bytes / scale).toFixed(bytes / scale < 10 ? 1 : 0)} ${unit}`;
  }
  return `${bytes} B`;
}

/** Made once: `toLocaleString` makes one each time. */
const NUMBERS = new Intl.NumberFormat('en');

/** `1 gap`, `3 gaps`. @param {number} many @param {string} one @param {string} [more] */
export const count = (many, one, more = `${one}s`) => `${NUMBERS.format(many)} ${many === 1 ? one : more}`;
