// What feeds the <video>: the browser's own HLS, or hls.js, where the server was told of it.

import { urlOf } from '../core/data/data.js';

/**
 * @typedef {object} Engine
 * @property {string} name
 * @property {(url: string) => void} load
 * @property {() => void} destroy
 * @property {(now: number, stream: string) => import('./where.js').Place | null} picture  Null: it is not known.
 * @property {() => string | null} level
 *
 * @typedef {object} Hears  What an engine tells; each at a moment that is now.
 * @property {(kind: string, text: string, bad: boolean) => void} moment
 * @property {(sentence: string) => void} failed  It does not go on.
 */

/** So long it is waited for an answer that tells why nothing plays, in milliseconds. */
const ANSWER_MS = 3000;

/** What is played natively. */
const HLS = 'application/vnd.apple.mpegurl';

/** @param {HTMLVideoElement} video */
export const isNative = (video) => video.canPlayType(HLS) !== '';

/** Of raw streams: types of what browsers may play. @type {Record<string, string>} */
const TYPES = { ts: 'video/mp2t', mp3: 'audio/mpeg', aac: 'audio/aac', ogg: 'audio/ogg', flv: 'video/x-flv', webm: 'video/webm', mkv: 'video/x-matroska', asf: 'video/x-ms-asf', mp4: 'video/mp4' };

/** Why a raw stream is not played; null: it may be. @param {HTMLVideoElement} video @param {string} path Of the stream. */
export function notPlayed(video, path) {
  const type = TYPES[path.split('.').pop() ?? ''] ?? '';
  return type && video.canPlayType(type) === '' ? `This browser does not play ${type}: play ${new URL(path, document.baseURI).href} in another player (mpv, ffplay).` : null;
}

/** Codes of `MediaError`; 4 is said of what never played, and of what played until something else came. @type {Record<number, string>} */
const CODES = { 1: 'it was aborted', 2: 'the network failed', 3: 'what came could not be decoded', 4: 'this browser cannot play what came' };
const BROKE_OFF = 'the browser\'s own player gave up on what came then, though it had played before; other players may go on: isreplayer --hls-js FILE plays it with hls.js';

/** What Chromium says, without its own prefix. @param {string} message */
const messageOf = (message) => message.replace(/\bPipelineStatus::/g, '').slice(0, 300);

/** @param {HTMLVideoElement} video @param {Hears} hears @param {string} [name] @returns {Engine} */
export function native(video, hears, name = 'the browser\'s own HLS') {
  const failed = async () => {
    if (!video.error) return;
    const { error } = video;
    const url = video.currentSrc;
    // The browser does not say what it was answered: the same is asked for again.
    const status = url.startsWith('blob:') ? null : await fetch(url, { cache: 'no-store', method: 'HEAD', signal: AbortSignal.timeout(ANSWER_MS) }).then((answer) => answer.status, () => null);
    if (video.error !== error) return;
    const what = error.code === 4 && hasPlayed ? BROKE_OFF : (CODES[error.code] ?? `error ${error.code}`);
    const sentence = `${status !== null && status >= 400 ? `the replay answers ${status}; ` : ''}${what}${error.message ? ` (${messageOf(error.message)})` : ''}`;
    hears.moment('error', sentence, true);
    hears.failed(sentence);
  };
  let height = 0;
  let hasPlayed = false;
  const played = () => {
    hasPlayed = true;
  };
  /** Session time less media time, as far as it is known. */
  let ahead = Infinity;
  const resized = () => {
    if (video.videoHeight !== height && video.videoHeight) hears.moment('level', `${video.videoWidth}x${video.videoHeight}`, false);
    height = video.videoHeight;
  };
  video.addEventListener('error', failed);
  video.addEventListener('resize', resized);
  video.addEventListener('playing', played);
  return {
    name,
    load(url) {
      ahead = Infinity;
      hasPlayed = false;
      video.src = url;
    },
    destroy() {
      video.removeEventListener('error', failed);
      video.removeEventListener('resize', resized);
      video.removeEventListener('playing', played);
      video.removeAttribute('src');
      video.load();
    },
    picture(now) {
      // Browsers that say what can be seeked say where the edge is; Chromium says it of nothing live, and loads up to the edge.
      const { seekable, buffered, currentTime } = video;
      const ranges = seekable.length > 0 && Number.isFinite(seekable.end(seekable.length - 1)) ? seekable : buffered;
      if (ranges.length === 0 || video.readyState < 2) return null;
      // At best the edge is there as soon as it is listed. While nothing new comes it stands still, and the clock does not.
      ahead = Math.min(ahead, now - ranges.end(ranges.length - 1));
      const what = ranges === seekable ? 'what can be seeked' : 'what is loaded';
      return { at: currentTime + ahead, how: `by the end of ${what}: accurate to about one target duration` };
    },
    level: () => (video.videoHeight ? `${video.videoWidth}x${video.videoHeight}` : null),
  };
}

/** @type {Promise<any> | null} */
let loading = null;

/** The constructor of hls.js, which the server has. @returns {Promise<any>} */
export function loadHls() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = urlOf('-/hls.js');
    script.onload = () => resolve(/** @type {any} */ (globalThis).Hls);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error('hls.js could not be loaded.'));
    };
    document.head.append(script);
  });
  return loading;
}

/** The last step of a URL, and no more of it than can be read. @param {string | undefined} url */
const fileOf = (url) => (url ? (url.split(/[?#]/)[0].split('/').pop() ?? '').slice(0, 80) : '');

/** What hls.js calls an error while it waits, and gets over. */
const STALLS = new Set(['bufferStalledError', 'bufferNudgeOnStall', 'bufferSeekOverHole']);

/** Of a message of hls.js: what people read; objects that it prints are left out. @param {unknown} message */
const shortOf = (message) => String(message).replace(/\s*\(?\{[^]*$/, '').slice(0, 160);

/** @param {any} level */
const levelName = (level) => [level?.height ? `${level.width}x${level.height}` : '', level?.bitrate ? `${Math.round(level.bitrate / 1000)} kbit/s` : ''].filter(Boolean).join(' ') || 'one level';

/**
 * @param {any} Hls Its constructor. @param {HTMLVideoElement} video @param {Hears} hears
 * @param {ReturnType<typeof import('./where.js').finder>} find
 * @returns {Engine}
 */
export function hlsJs(Hls, video, hears, find) {
  const hls = new Hls({ enableWorker: true, lowLatencyMode: true });
  /** @type {any} */
  let fragment = null;
  /** Session time less media time, as a segment told it last. @type {number | null} */
  let known = null;
  hls.on(Hls.Events.FRAG_CHANGED, (/** @type {unknown} */ _, /** @type {any} */ { frag }) => {
    fragment = frag;
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, (/** @type {unknown} */ _, /** @type {any} */ { level }) => hears.moment('level', levelName(hls.levels[level]), false));
  hls.on(Hls.Events.ERROR, (/** @type {unknown} */ _, /** @type {any} */ data) => {
    const file = fileOf(data.response?.url ?? data.url ?? data.frag?.url);
    // A good status says nothing of what is wrong: of a text that cannot be read it is the reason.
    const code = data.response?.code >= 400 ? ` ${data.response.code}` : '';
    const reason = code ? '' : (data.reason ?? data.error?.message ?? '');
    const sentence = `${data.details}${code}${file ? ` ${file}` : ''}${reason ? `: ${shortOf(reason)}` : ''}`;
    // The wait is what a viewer sees; this says only why hls.js thinks that it is one.
    if (!data.fatal && STALLS.has(data.details)) hears.moment('stall', sentence, false);
    else hears.moment(data.fatal ? 'fatal error' : 'error', sentence, true);
    if (data.fatal) hears.failed(sentence);
  });
  hls.on(Hls.Events.MEDIA_ATTACHED, () => void video.play().catch(() => {}));
  return {
    name: `hls.js ${Hls.version}`,
    load(url) {
      hls.loadSource(url);
      hls.attachMedia(video);
    },
    destroy: () => hls.destroy(),
    picture(now, stream) {
      const behind = hls.latency;
      // Also while it waits: where it waits is what one wants to know.
      if (fragment && video.readyState >= 1) {
        const level = hls.levels[fragment.level]?.details?.url ?? hls.levels[fragment.level]?.url?.[0] ?? hls.levels[fragment.level]?.url ?? '';
        const offset = Math.min(Math.max(video.currentTime - fragment.start, 0), fragment.duration);
        const place = find({ sn: fragment.sn, offset, level: String(level), dateMs: fragment.programDateTime ?? null }, now, stream);
        if (place) {
          known = place.at - video.currentTime;
          return place;
        }
      }
      if (known !== null && video.readyState >= 1) return { at: video.currentTime + known, how: 'by a segment that hls.js played before: accurate to about one target duration' };
      return behind > 0 ? { at: now - behind, how: 'clock less the latency of hls.js: accurate to about one target duration' } : null;
    },
    level: () => (hls.currentLevel >= 0 ? levelName(hls.levels[hls.currentLevel]) : null),
  };
}
