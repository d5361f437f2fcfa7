// One recording, and what is to be expected of it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KINDS } from './channels.mjs';
import { sha256 } from './origin.mjs';
import { parse, resources, union } from './playlist.mjs';
import { query } from './programs.mjs';
import { originFolder } from './recording.mjs';

/** How much later than it is due a poll may be on a busy machine of two cores. */
const GRACE_MS = 100;

export class Evidence {
  constructor(recording) {
    Object.assign(this, recording, { playlists: KINDS[recording.kind].playlists });
    // Docs promise one poll an interval, max(0.25 s, a quarter of the target duration), on average, and that
    // polls are never more than two intervals apart (docs/design/polling.md).
    const [media] = this.mediaPaths();
    this.intervalMs = Math.max(250, parse(this.publications[media][0].text).targetDuration * 250);
    this.pollMs = 2 * this.intervalMs;
  }

  mediaPaths() {
    return Object.keys(this.playlists).map((name) => `/${this.kind}/${name}`);
  }

  paths() {
    return Object.keys(this.publications);
  }

  async load() {
    const [run] = await query(this.session, 'SELECT * FROM run');
    Object.assign(this, { zero: run.started_us / 1000, end: run.stopped_us / 1000, run });
    this.lengthMs = this.end - this.zero;
    const rows = await query(this.session, `
      SELECT id, name, body FROM simple_playlist WHERE error IS NULL
      UNION ALL SELECT id, '${this.entry.slice(1)}', body FROM main_playlist WHERE error IS NULL ORDER BY 1`);
    this.revisions = Object.fromEntries(this.paths().map((urlPath) => [
      urlPath,
      rows.filter(({ name }) => name === urlPath.slice(1)).map(({ body }) => sha256(body)),
    ]));
    return this;
  }

  /** Publications that were the origin's answer for longer than a poll takes to come round. */
  due(urlPath) {
    const all = this.publications[urlPath];
    return all.filter(({ at }, i) => {
      const until = Math.min(all[i + 1]?.at ?? Infinity, this.stopping);
      return until - Math.max(at, this.zero) > this.pollMs + GRACE_MS;
    });
  }

  /** Publications that the session holds. */
  recorded(urlPath) {
    const known = new Set(this.revisions[urlPath]);
    return this.publications[urlPath].filter((one) => known.has(one.sha256));
  }

  /** A publication, for people. */
  describe({ at, text }) {
    return `at session time ${((at - this.zero) / 1000).toFixed(3)} s:\n${text}`;
  }

  /** Everything but playlists that recorded playlists list: [{ urlPath, range, listedAt, bytes }]. */
  chunks() {
    const all = new Map();
    for (const playlist of this.mediaPaths()) {
      for (const { at, text } of this.recorded(playlist)) {
        for (const { uri, range } of resources(parse(text)).values()) {
          const urlPath = path.posix.join(path.posix.dirname(playlist), uri);
          const name = `${urlPath} ${range?.first}`;
          if (!all.has(name)) all.set(name, { urlPath, range, listedAt: at });
        }
      }
    }
    return [...all.values()];
  }

  /** The bytes that the origin has for a chunk. */
  original({ urlPath, range }) {
    const bytes = readFileSync(path.join(originFolder, urlPath));
    return range ? bytes.subarray(range.first, range.first + range.length) : bytes;
  }

  /** A path of the replayer's URL space for a path of the origin. */
  space(urlPath) {
    return `/http/127.0.0.1:${this.port}${urlPath}`;
  }

  /** For each media playlist, a VOD playlist of all that was recorded: [{ urlPath, text, streams }]. */
  originals() {
    return this.mediaPaths().map((urlPath, i) => ({
      urlPath: urlPath.replace('.m3u8', '-all.m3u8'),
      text: union(this.recorded(urlPath).map(({ text }) => text)),
      streams: Object.values(this.playlists)[i],
    }));
  }
}

/** Fetches a chunk (its range only, where it has one) and holds it against the origin's bytes. */
export async function expectBytes(evidence, prefix, chunk) {
  const { urlPath, range } = chunk;
  const response = await fetch(`${prefix}${evidence.space(urlPath)}`, {
    headers: range ? { Range: `bytes=${range.first}-${range.first + range.length - 1}` } : {},
  });
  const body = Buffer.from(await response.arrayBuffer());
  const what = `${urlPath} ${range ? JSON.stringify(range) : ''} at ${response.url}`;
  assert.equal(response.status, range ? 206 : 200, `${what}: ${body.subarray(0, 300)}`);
  assert.equal(sha256(body), sha256(evidence.original(chunk)), `${what}: other bytes (${body.length})`);
}

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
