// One recording, and what is to be expected of it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KINDS } from './channels.mjs';
import { sha256 } from './origin.mjs';
import { parse, resources, union } from './playlist.mjs';
import { query } from './programs.mjs';
import { originFolder } from './recording.mjs';

export class Evidence {
  constructor(recording) {
    Object.assign(this, recording, { playlists: KINDS[recording.kind].playlists });
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
      SELECT p.*, e.from_us / 1000.0 AS from_ms FROM exchange e JOIN (
        SELECT id, name, body FROM simple_playlist WHERE error IS NULL
        UNION ALL SELECT id, '${this.entry.slice(1)}', body FROM main_playlist WHERE error IS NULL) p USING (id) ORDER BY id`);
    /** Of each playlist its revisions, and from when on (ms of session time) each is the answer. */
    this.answers = Object.fromEntries(this.paths().map((urlPath) => [
      urlPath,
      rows.filter(({ name }) => name === urlPath.slice(1))
        .map(({ body, from_ms: from }) => ({ sha256: sha256(body), from: from - this.zero })),
    ]));
    this.revisions = Object.fromEntries(this.paths().map((urlPath) => [
      urlPath,
      this.answers[urlPath].map(({ sha256: digest }) => digest),
    ]));
    return this;
  }

  /** The revision that is the answer at a moment, in ms of session time. */
  answer(urlPath, ms) {
    return this.answers[urlPath].findLast(({ from }) => from <= ms);
  }

  /** Publications that the origin answered with: the ones that were there when it was asked. */
  due(urlPath) {
    const all = this.publications[urlPath];
    // The last one may have been cut off by the stop.
    const asked = this.log.filter((one) => one.path === urlPath && one.at < this.stopping).map(({ at }) => at).slice(0, -1);
    // In the millisecond of a change it may have been either.
    return all.filter(({ at }, i) => asked.some((moment) => moment > at && moment < (all[i + 1]?.at ?? Infinity)));
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
