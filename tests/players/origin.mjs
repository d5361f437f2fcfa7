// An HTTP server over a folder that a live encoder writes into: the origin.
//
// A playlist is served as it was last published, never as it happens to lie on
// disk: so `publications` is exact about what the origin answered, and when.
// All other files are read when they are asked for.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, watch } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const TYPES = {
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.ts': 'video/mp2t',
  '.mp4': 'video/mp4',
  '.m4s': 'video/iso.segment',
  '.key': 'application/octet-stream',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
};

export class Origin {
  #playlists = new Map(); // URL path -> publications, oldest first: { at (ms), text, sha256, etag }
  #watchers = [];
  #server = createServer((request, response) => {
    this.#answer(request, response).catch((error) => {
      this.failures.push(error);
      response.destroy(error);
    });
  });
  log = []; // { at, method, path, range, status }
  failures = []; // answers that could not be made: a test's own mistake

  constructor(root) {
    this.root = root;
  }

  async listen(port = 0, host = '127.0.0.1') {
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(port, host, resolve);
    });
    this.port = this.#server.address().port;
    this.url = `http://${host}:${this.port}`;
    return this;
  }

  close() {
    for (const watcher of this.#watchers) watcher.close();
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  /** Goes away, with all connections; what is published meanwhile is there when it comes back. */
  pause() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  resume(port) {
    return this.listen(port);
  }

  /** From now on, publishes each playlist of `folder` at the moment it changes on disk. */
  watch(folder) {
    const directory = path.join(this.root, folder);
    mkdirSync(directory, { recursive: true });
    this.#watchers.push(
      watch(directory, (_, name) => {
        if (name?.endsWith('.m3u8')) this.#read(path.posix.join('/', folder, name));
      }),
    );
  }

  #read(urlPath) {
    let text;
    try {
      text = readFileSync(path.join(this.root, urlPath), 'utf8');
    } catch (error) {
      if (error.code === 'ENOENT') return;
      throw error;
    }
    // A file that is not replaced by a rename is empty for a moment.
    if (text.startsWith('#EXTM3U') && text.endsWith('\n')) this.publish(urlPath, text);
  }

  publish(urlPath, text) {
    const digest = sha256(text);
    const all = this.#playlists.get(urlPath) ?? [];
    if (all.at(-1)?.sha256 === digest) return;
    all.push({ at: Date.now(), text, sha256: digest, etag: `"${digest.slice(0, 16)}"` });
    this.#playlists.set(urlPath, all);
  }

  publications(urlPath) {
    return this.#playlists.get(urlPath) ?? [];
  }

  async #answer(request, response) {
    const urlPath = path.posix.normalize(decodeURIComponent(new URL(request.url, 'http://origin').pathname));
    const entry = { at: Date.now(), method: request.method, path: urlPath, range: request.headers.range, status: 0 };
    this.log.push(entry);
    const resource = await this.#resource(urlPath);
    const { status, headers, body } = this.refusal(urlPath)
      ?? (resource ? await reply(request, resource) : { status: 404, headers: {} });
    entry.status = status;
    const type = TYPES[path.extname(urlPath)] ?? 'application/octet-stream';
    response.writeHead(status, {
      ...(resource && { 'Content-Type': type, 'Cache-Control': 'max-age=1' }),
      'Access-Control-Allow-Origin': '*',
      'Content-Length': body?.length ?? 0,
      ...headers,
    });
    if (request.method === 'HEAD' || !body) response.end();
    else await this.send(response, body, urlPath);
  }

  /** The publication that is the answer now; like the next two, for origins that are not in order. */
  shown(urlPath) {
    return this.publications(urlPath).at(-1);
  }

  /** { status, headers, body } in place of the answer. */
  refusal() {
    return null;
  }

  async send(response, body) {
    response.end(body);
  }

  async #resource(urlPath) {
    const playlist = this.shown(urlPath);
    if (playlist) {
      const bytes = Buffer.from(playlist.text);
      return {
        size: bytes.length,
        etag: playlist.etag,
        modified: playlist.at,
        read: async (first, length) => bytes.subarray(first, first + length),
      };
    }
    if (urlPath.endsWith('.m3u8')) return null;
    const file = path.join(this.root, urlPath);
    const facts = await stat(file).catch(() => null);
    if (!facts?.isFile()) return null;
    return {
      size: facts.size,
      etag: `"${facts.size.toString(16)}-${Math.round(facts.mtimeMs * 1000).toString(16)}"`,
      modified: facts.mtimeMs,
      read: (first, length) => readPart(file, first, length),
    };
  }
}

async function readPart(file, first, length) {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, first);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** RFC 9110: If-None-Match goes before If-Modified-Since; then one range, or all of it. */
async function reply({ headers: asked }, { size, etag, modified, read }) {
  const seconds = Math.floor(modified / 1000);
  const headers = { ETag: etag, 'Last-Modified': new Date(seconds * 1000).toUTCString(), 'Accept-Ranges': 'bytes' };
  const unchanged = asked['if-none-match']
    ? asked['if-none-match'].split(/\s*,\s*/).includes(etag)
    : Date.parse(asked['if-modified-since']) >= seconds * 1000;
  if (unchanged) return { status: 304, headers };

  const range = /^bytes=(\d*)-(\d*)$/.exec(asked.range ?? '');
  if (!range || (range[1] === '' && range[2] === '')) return { status: 200, headers, body: await read(0, size) };
  const first = range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1]);
  const last = range[1] === '' || range[2] === '' ? size - 1 : Math.min(size - 1, Number(range[2]));
  if (first > last) return { status: 416, headers: { ...headers, 'Content-Range': `bytes */${size}` } };
  return {
    status: 206,
    headers: { ...headers, 'Content-Range': `bytes ${first}-${last}/${size}` },
    body: await read(first, last - first + 1),
  };
}
