// Where the picture is in session time: a segment that is played was listed at a moment, and ends there.

import { fetchJson } from '../core/data/data.js';

/** @typedef {{ at: number, how: string }} Place */

/** So far back segments are asked for, in seconds, and no more often than this, in milliseconds. */
const BACK = 60;
const EACH_MS = 4000;

/** A URL of an origin as the replayer writes it: `http/localhost:8080/live.m3u8`. @param {string} url */
export function replayed(url) {
  try {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    return `${protocol.slice(0, -1)}/${hostname}:${port || (protocol === 'https:' ? '443' : '80')}${pathname}${search}`;
  } catch {
    return url;
  }
}

/**
 * The lane of a playlist that is played on a clock; null: it is not known.
 * @param {string} url @param {string} base Of the page. @param {import('../core/types.js').Lane[]} media Of its stream.
 */
export function laneOf(url, base, media) {
  const root = new URL('.', base).href;
  const rest = url.startsWith(root) ? url.slice(root.length).replace(/^@[^/]*\//, '') : url;
  return media.find((lane) => replayed(lane.url) === rest) ?? (media.length === 1 ? media[0] : null);
}

/**
 * Of segments with this number, the one that had been listed last by then.
 * @param {import('../core/types.js').Listed[] | null} segments @param {number} sequence @param {number} now
 */
export function listedOf(segments, sequence, now) {
  /** @type {{ from: number, duration: number } | null} */
  let best = null;
  for (const { sequence: one, from, duration } of segments ?? []) {
    if (one === sequence && from !== null && from <= now && (best === null || from > best.from)) best = { from, duration };
  }
  return best;
}

/** @param {import('../types.js').Page} page */
export function finder({ events, session }) {
  /** @type {import('../core/types.js').Lanes | null} */
  let mine = null;
  let askedAt = -Infinity;
  /** @param {number} now */
  const ask = async (now) => {
    if (performance.now() - askedAt < EACH_MS) return;
    askedAt = performance.now();
    mine = await fetchJson('-/v1/lanes', { from: Math.max(now - BACK, 0).toFixed(3), to: Math.max(now, 0.001).toFixed(3), width: 4000 }).catch(() => mine);
  };
  /**
   * @param {{ sn: number | string, offset: number, level: string, dateMs: number | null }} playing
   * @param {number} now @param {string} stream
   * @returns {Place | null}
   */
  return ({ sn, offset, level, dateMs }, now, stream) => {
    const media = session.get().lanes.filter((lane) => lane.stream === stream && lane.kind === 'media');
    const lane = laneOf(level, document.baseURI, media);
    if (typeof sn === 'number') {
      // Of a playlist with a URL that is another one each time: renditions list the same segment at about the same time.
      const ids = (lane ? [lane] : media).map(({ id }) => id);
      for (const known of [events.get(), mine]) {
        const segments = (known?.lanes ?? []).filter(({ id }) => ids.includes(id)).flatMap((one) => one.segments ?? []);
        const listed = listedOf(segments, sn, now);
        if (listed) return { at: listed.from - listed.duration + offset, how: lane ? `by segment ${sn}, which hls.js plays: accurate to one poll of the recorder` : `by segment ${sn} of some rendition: accurate to one target duration` };
      }
      void ask(now);
    }
    const at = dateMs === null ? NaN : (dateMs - session.zeroMs()) / 1000 + offset;
    // A date of another day says nothing about this session.
    if (at > now - 600 && at < now + 60) return { at, how: 'by EXT-X-PROGRAM-DATE-TIME: as accurate as the encoder\'s clock' };
    return null;
  };
}
