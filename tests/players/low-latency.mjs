// A low-latency channel: fragments of ffmpeg as parts, and an origin that holds requests until what they ask for is there
// (RFC 8216bis 6.2.5.2).

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const PART_S = 0.5;
const PARTS = 4;
/** Segments of the window, and those of them that have parts. */
const WINDOW = 10;
const WITH_PARTS = 3;
/** There at first. */
const FIRST = 3 * PARTS;

/** A fragmented file of so long, cut into its initialization section and its fragments. */
function fragments(folder, seconds) {
  const file = path.join(folder, 'low-latency.mp4');
  execFileSync('ffmpeg', [
    '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=24', '-f', 'lavfi', '-i', 'sine=sample_rate=48000',
    '-t', `${seconds}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p',
    '-g', '12', '-keyint_min', '12', '-sc_threshold', '0', '-c:a', 'aac', '-f', 'mp4',
    '-movflags', 'empty_moov+default_base_moof+frag_keyframe', file,
  ]);
  const bytes = readFileSync(file);
  const boxes = [];
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    boxes.push({ type: bytes.toString('latin1', at + 4, at + 8), bytes: bytes.subarray(at, at + size) });
    at += size;
  }
  const moof = boxes.findIndex(({ type }) => type === 'moof');
  const init = Buffer.concat(boxes.slice(0, moof).map((box) => box.bytes));
  const parts = [];
  for (const { type, bytes: box } of boxes.slice(moof)) {
    if (type === 'moof') parts.push([]);
    if (type === 'moof' || type === 'mdat') parts.at(-1).push(box);
  }
  return { init, parts: parts.map((part) => Buffer.concat(part)) };
}

export class LowLatencyOrigin {
  constructor(folder, seconds) {
    Object.assign(this, fragments(folder, seconds));
    this.log = [];
  }

  async listen() {
    this.server = http.createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    this.begun = Date.now();
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  /** How many parts are there. */
  get published() {
    const passed = Math.floor((Date.now() - this.begun) / 1000 / PART_S);
    return Math.min(this.parts.length, FIRST + passed);
  }

  get isOver() {
    return this.published === this.parts.length;
  }

  /** The playlist when so many parts are there. Deltas are not made of it: who asks for one gets all. */
  text(count) {
    const whole = Math.floor(count / PARTS);
    const first = Math.max(0, whole - WINDOW);
    const lines = [
      '#EXTM3U', '#EXT-X-VERSION:9', `#EXT-X-TARGETDURATION:${PARTS * PART_S}`,
      `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${6 * PARTS * PART_S},PART-HOLD-BACK=${3 * PART_S}`, `#EXT-X-PART-INF:PART-TARGET=${PART_S}`,
      `#EXT-X-MEDIA-SEQUENCE:${first}`, '#EXT-X-MAP:URI="init.mp4"',
    ];
    for (let segment = first; segment <= whole; segment++) {
      if (segment + WITH_PARTS > whole) {
        for (let n = segment * PARTS; n < Math.min((segment + 1) * PARTS, count); n++) {
          lines.push(`#EXT-X-PART:DURATION=${PART_S},INDEPENDENT=YES,URI="part${n}.mp4"`);
        }
      }
      if (segment < whole) lines.push(`#EXTINF:${PARTS * PART_S},`, `segment${segment}.mp4`);
    }
    lines.push(count === this.parts.length ? '#EXT-X-ENDLIST' : `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part${count}.mp4"`);
    return `${lines.join('\n')}\n`;
  }

  #answer(request, response) {
    const url = new URL(request.url, this.url);
    const name = path.posix.basename(url.pathname);
    const number = Number(/\d+/.exec(name)?.[0]);
    const send = (status, type, body) => {
      this.log.push({ path: request.url, status });
      const headers = { 'Content-Type': type, 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-cache' };
      response.writeHead(status, headers).end(body);
    };
    const media = (count, body) => this.#when(count, 10_000, (there) => send(
      there ? 200 : 404, there ? 'video/mp4' : 'text/plain', there ? body() : 'not yet',
    ));
    if (name === 'live.m3u8') {
      const msn = url.searchParams.get('_HLS_msn');
      const part = url.searchParams.get('_HLS_part');
      const wanted = msn === null ? 0 : Number(msn) * PARTS + (part === null ? PARTS : Math.min(Number(part), PARTS) + 1);
      this.#when(Math.min(wanted, this.parts.length), 3 * PARTS * PART_S * 1000, (there) => {
        send(there ? 200 : 503, 'application/vnd.apple.mpegurl', there ? this.text(this.published) : '');
      });
    } else if (name === 'init.mp4') send(200, 'video/mp4', this.init);
    else if (name.startsWith('part')) media(number + 1, () => this.parts[number]);
    else media((number + 1) * PARTS, () => Buffer.concat(this.parts.slice(number * PARTS, (number + 1) * PARTS)));
  }

  /** Calls back when so many parts are there, or it has taken too long. */
  #when(count, longest, then) {
    const due = this.begun + (count - FIRST) * PART_S * 1000;
    const wait = Math.max(0, due - Date.now());
    if (count > this.parts.length) return then(false);
    if (wait === 0) return then(true);
    return setTimeout(() => then(wait <= longest), Math.min(wait + 1, longest));
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => { this.server.close(resolve); });
  }
}
