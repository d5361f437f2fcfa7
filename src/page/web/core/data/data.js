// The only way to the server: JSON of `-/v1/…`, relative to the document, and its errors as sentences.

/** What went wrong, as a sentence for people. */
export class DataError extends Error {
  /** @param {string} sentence @param {number | null} status Null: there was no response. */
  constructor(sentence, status) {
    super(sentence);
    this.name = 'DataError';
    this.status = status;
  }
}

/** @typedef {Record<string, string | number | boolean | null | undefined>} Params Null and undefined are left out. */

/**
 * A URL of this server, relative to the document, so that it is right behind a prefix as well.
 * @param {string} path Relative, like `-/v1/session`.
 * @param {Params} [params]
 */
export function urlOf(path, params = {}) {
  const url = new URL(path, document.baseURI);
  for (const [key, value] of Object.entries(params)) {
    if (value !== null && value !== undefined) url.searchParams.set(key, String(value));
  }
  return url.href;
}

/** What the server says of an error: its sentence, whether it comes as text or as JSON. @param {Response} response */
async function sentenceOf(response) {
  const text = (await response.text().catch(() => '')).trim();
  try {
    const { error } = JSON.parse(text);
    if (typeof error === 'string') return error;
  } catch {
    // It is text.
  }
  return text.length > 0 && text.length < 500 ? text : `The server answered ${response.status}.`;
}

/**
 * JSON of this server. The browser's cache keeps entity tags: what has not changed is not sent again.
 * @param {string} path @param {Params} [params] @param {AbortSignal} [signal]
 * @returns {Promise<any>} It throws a `DataError`, or an `AbortError` where the signal says so.
 */
export async function fetchJson(path, params, signal) {
  let response;
  try {
    response = await fetch(urlOf(path, params), { headers: { accept: 'application/json' }, cache: 'no-cache', signal });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new DataError('The server does not answer.', null);
  }
  if (!response.ok) throw new DataError(await sentenceOf(response), response.status);
  try {
    return await response.json();
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new DataError('The answer of the server broke off.', response.status);
  }
}

/** @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === 'AbortError';

/**
 * The requests of one view: a newer one ends an older one that is still in flight, whose promise then gives null.
 * @returns {{ load: (path: string, params?: Params) => Promise<any | null>, stop: () => void }}
 */
export function loader() {
  /** @type {AbortController | null} */
  let current = null;
  return {
    async load(path, params) {
      current?.abort();
      const mine = new AbortController();
      current = mine;
      try {
        const json = await fetchJson(path, params, mine.signal);
        return current === mine ? json : null;
      } catch (error) {
        if (isAbort(error) || current !== mine) return null;
        throw error;
      }
    },
    stop: () => current?.abort(),
  };
}
