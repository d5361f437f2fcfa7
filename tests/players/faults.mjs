// An origin at which things go wrong, on a timeline of its own: whoever asks, a recorder or
// a player, meets the same faults at the same time.

import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Origin } from './origin.mjs';
import { parse } from './playlist.mjs';

/**
 * What goes wrong. `segment`: how many segments after the one that was the newest when the
 * faults were called for. From its publication, plus `after`, the fault lasts for `seconds`.
 *
 * isrecorder asks again 0.5, 1.5 and 3.5 s after a chunk failed, and 0.25, 0.75, 1.75 and
 * 3.75 s after a poll of this channel failed. 2.9 s end well between the last two, so that
 * the recording has the fault's end soon after the origin has. It is long enough for
 * hls.js, which reads the playlist every second, and retries every second.
 */
const FAULTS = {
  /** The segment is listed, and 404. */
  missing: { segment: 2, seconds: 2.9 },
  /** Half of the segment comes, then the connection is closed. */
  short: { segment: 7, seconds: 2.9 },
  /** The playlist is a 503. */
  refused: { segment: 12, after: 0.4, seconds: 2.9 },
  /**
   * The playlist does not change. For less time than a player has in its buffer: these are
   * good answers, so that nothing heals them.
   */
  still: { segment: 18, seconds: 4.4 },
  /** Half of the segment comes, the rest so much later, to everyone. Longer than a player's buffer. */
  slow: { segment: 24, stall: 12 },
};

/** How many segments it all takes, until a player has recovered. */
const LENGTH = FAULTS.slow.segment + FAULTS.slow.stall + 4;

export class FaultyOrigin extends Origin {
  #first = NaN; // the media sequence number that FAULTS count from
  #listed = new Map(); // media sequence number -> when it was published (ms)

  publish(urlPath, text) {
    super.publish(urlPath, text);
    const { at } = this.publications(urlPath).at(-1);
    // More than one, where a revision came and went faster than it could be read.
    for (const { sequence } of parse(text).segments) {
      if (!this.#listed.has(sequence)) this.#listed.set(sequence, at);
    }
  }

  /** How many segments were ever listed. */
  get length() {
    return this.#listed.size;
  }

  /** Calls for the faults. */
  arm() {
    this.#first = Math.max(...this.#listed.keys());
  }

  /** Whether they are over. */
  isOver() {
    return this.#listed.has(this.#first + LENGTH);
  }

  /** The URL path of the segment of a fault, beside the channel's playlist. */
  segment(playlist, fault) {
    return path.posix.join(path.posix.dirname(playlist), `seg${this.#first + FAULTS[fault].segment}.ts`);
  }

  shown(urlPath) {
    if (!this.#is('still')) return super.shown(urlPath);
    const stopped = this.#begins('still');
    return this.publications(urlPath).findLast(({ at }) => at < stopped);
  }

  refusal(urlPath) {
    if (urlPath.endsWith('.m3u8')) return this.#is('refused') ? refusal(503, 'busy\n') : null;
    return this.#isOf('missing', urlPath) ? refusal(404, 'not there\n') : null;
  }

  async send(response, body, urlPath) {
    const half = body.length >> 1;
    if (this.#isOf('short', urlPath)) {
      response.write(body.subarray(0, half), () => response.socket?.destroySoon());
    } else if (this.segment(urlPath, 'slow') === urlPath) {
      response.write(body.subarray(0, half));
      await delay(FAULTS.slow.stall * 1000, undefined, { ref: false });
      response.end(body.subarray(half));
    } else {
      await super.send(response, body, urlPath);
    }
  }

  #begins(fault) {
    const { segment, after = 0 } = FAULTS[fault];
    return this.#listed.get(this.#first + segment) + after * 1000;
  }

  /** Whether it goes wrong now. Before it was called for, its beginning is no number. */
  #is(fault) {
    const seconds = (Date.now() - this.#begins(fault)) / 1000;
    return seconds >= 0 && seconds < FAULTS[fault].seconds;
  }

  #isOf(fault, urlPath) {
    return this.#is(fault) && this.segment(urlPath, fault) === urlPath;
  }
}

const refusal = (status, text) => ({ status, headers: { 'Content-Type': 'text/plain' }, body: Buffer.from(text) });
