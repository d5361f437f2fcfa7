// One thing that is played: a clock, and what feeds the video. Another moment is another clock.

import { isAbort } from '../core/data/data.js';
import { sessionTime } from '../core/data/times.js';
import { clockAt } from './clock.js';
import { hlsJs, isNative, loadHls, native, notPlayed } from './engines.js';
import { createLog } from './log.js';
import { watch } from './watch.js';
import { finder } from './where.js';

/**
 * @param {HTMLVideoElement} video
 * @param {import('../types.js').Page} page
 * @param {(failure: string | null) => void} changed  It began, ended, or failed.
 */
export function playback(video, page, changed) {
  const log = createLog(page.playing, () => (page.session.get().recording ? Infinity : page.session.get().length_seconds));
  const find = finder(page);
  /** @type {import('./clock.js').Clock | null} */
  let clock = null;
  /** @type {import('./engines.js').Engine | null} */
  let engine = null;
  let stream = '';
  let current = new AbortController();
  const now = () => clock?.now() ?? null;
  const watching = watch(video, now, log, page.say);

  /** @type {import('./engines.js').Hears} */
  const hears = {
    moment(kind, text, bad) {
      const at = now();
      if (at !== null) log.moment(at, kind, text, bad);
    },
    failed(sentence) {
      const at = now();
      if (at !== null) log.end(at);
      page.say(`The player failed: ${sentence}`);
      changed(`It does not go on: ${sentence}`);
    },
  };
  const drop = () => {
    const at = now();
    if (at !== null) log.end(at);
    engine?.destroy();
    engine = null;
    clock = null;
  };
  return {
    now,
    log,
    isOn: () => engine !== null,
    uncertain: () => clock?.uncertain ?? 0,
    engine: () => engine,
    picture() {
      const at = now();
      return at === null ? null : (engine?.picture(at, stream) ?? null);
    },
    /** @param {number} at @param {import('./wanted.js').Wanted} wanted */
    async start(at, wanted) {
      current.abort();
      const mine = new AbortController();
      current = mine;
      try {
        // A raw stream is no playlist: what the browser makes of it.
        const raw = page.session.get().streams.find((one) => one.raw && one.name === wanted.stream) ?? null;
        const failure = raw && notPlayed(video, raw.path);
        if (failure) throw new Error(failure);
        if (!raw && wanted.feed === 'native' && !isNative(video)) throw new Error('This browser plays no HLS by itself. Start isreplayer with --hls-js (npm i hls.js).');
        const Hls = !raw && wanted.feed === 'hls.js' ? await loadHls() : null;
        const next = await clockAt(at, wanted.stream, wanted.faults, mine.signal);
        if (mine.signal.aborted) return;
        drop();
        ({ stream } = wanted);
        clock = next;
        watching.anew();
        engine = Hls ? hlsJs(Hls, video, hears, find) : native(video, hears, raw ? 'the browser' : undefined);
        log.begin(next.now(), 'starting', `on a clock of ${sessionTime(at)}, ${engine.name}, faults ${wanted.faults}`);
        engine.load(next.url);
        changed(null);
        await video.play().catch(() => {});
      } catch (error) {
        if (isAbort(error) || mine.signal.aborted) return;
        changed(error instanceof Error ? error.message : String(error));
      }
    },
    stop() {
      current.abort();
      drop();
      changed(null);
    },
  };
}
