// A request as a command for a POSIX shell. The URL is an origin's: it must not become anything else there. Pure.

/** A word of a POSIX shell, whatever is in the text. @param {string} text */
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * A URL in ASCII: what would be no letter in a terminal, or would be shown as something else, is percent-encoded.
 * @param {string} url
 */
export function plainUrl(url) {
  const bytes = new TextEncoder();
  return url.replace(/[^\x21-\x7e]/gu, (letter) => [...bytes.encode(letter)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''));
}

/**
 * What asks the origin again; null: the URL is none that curl should be given.
 * @param {{ url: string, range: [number, number] | null, headers: [string, string][] }} one
 * @returns {string | null}
 */
export function curlOf({ url, range, headers }) {
  if (!/^https?:\/\//i.test(url)) return null;
  // Brackets, braces and dots of the URL are what they are.
  const words = ['curl', '--globoff', '--path-as-is'];
  if (headers.some(([name]) => name.toLowerCase() === 'content-encoding')) words.push('--compressed');
  if (range) words.push('--range', `${range[0]}-${range[0] + range[1] - 1}`);
  return [...words, quoted(plainUrl(url))].join(' ');
}
