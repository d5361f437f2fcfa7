// Live channels, each made by an ffmpeg of its own that writes into a folder of the origin.

import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Child, until } from './processes.mjs';

const VIDEO = 'testsrc2=size=160x90:rate=15';
// Noise, since no two of its frames are alike; perceptual noise substitution is
// off, since it makes what a decoder returns depend on where it began.
const AUDIO = 'anoisesrc=color=pink:amplitude=0.3:seed=7:sample_rate=44100';
const CODECS = `-c:v libx264 -preset ultrafast -pix_fmt yuv420p -threads 1 -b:v 80k
  -c:a aac -aac_pns 0 -b:a 32k -ac 1`;
const AUDIO_AND_VIDEO = { 'live.m3u8': ['v:0', 'a:0'] };

/**
 * The kinds of origins. `playlists`: each media playlist, with the streams that
 * ffmpeg finds in it when it opens the entry. `seconds`: of a segment.
 * `unplayable`: why no player can be asked to play it.
 */
export const KINDS = {
  ts: { options: '-hls_list_size 6 -hls_flags temp_file -hls_segment_filename seg%d.ts' },
  multivariant: {
    inputs: ['-filter_complex', '[0:v]split[high][full];[full]scale=96:54[low]'],
    maps: '-map [high] -map [low] -map 1:a',
    options: `-hls_list_size 6 -hls_flags temp_file+independent_segments -master_pl_name main.m3u8
      -hls_segment_filename %v/seg%d.ts`,
    variants: 'v:0,agroup:sound,name:high v:1,agroup:sound,name:low a:0,agroup:sound,name:audio,default:yes,language:en',
    output: '%v/live.m3u8',
    entry: 'main.m3u8',
    playlists: { 'high/live.m3u8': ['v:0'], 'low/live.m3u8': ['v:1'], 'audio/live.m3u8': ['a:0'] },
    levels: 2,
  },
  fmp4: {
    options: `-hls_list_size 6 -hls_flags temp_file -hls_segment_type fmp4
      -hls_fmp4_init_filename init.mp4 -hls_segment_filename seg%d.m4s`,
  },
  aes: {
    options: `-hls_list_size 6 -hls_flags temp_file+periodic_rekey -hls_key_info_file key.info
      -hls_segment_filename seg%d.ts`,
    rekey: 5,
  },
  // temp_file would list `all.ts.tmp`; and the media sequence is right only where nothing leaves the playlist.
  single: { options: '-hls_list_size 0 -hls_flags single_file -hls_segment_filename all.ts' },
  // What ffmpeg makes of a sliding window over a single file: the sequence number never moves.
  stuck: {
    options: '-hls_list_size 5 -hls_flags single_file -hls_segment_filename all.ts',
    unplayable: 'its segments change and their sequence numbers do not',
  },
  // Long names, so that the playlist outgrows what a session keeps as one piece of text.
  event: {
    options: `-hls_playlist_type event -hls_flags temp_file+program_date_time
      -hls_segment_filename an-event-that-goes-on-all-evening-and-has-names-as-long-as-an-encoder-makes-them-%05d.ts`,
    seconds: 1,
  },
};
for (const kind of Object.values(KINDS)) {
  kind.entry ??= 'live.m3u8';
  kind.playlists ??= AUDIO_AND_VIDEO;
  kind.seconds ??= 2;
  kind.levels ??= 1;
}

const words = (text) => text.trim().split(/\s+/);

/** ffmpeg's arguments for a channel of `kind`, to be run in its folder. */
export function encoderArguments(kind) {
  const group = 15 * kind.seconds;
  return [
    ...words('-hide_banner -loglevel warning -nostdin -re -f lavfi -i'), VIDEO,
    ...words('-re -f lavfi -i'), AUDIO,
    ...(kind.inputs ?? []),
    ...words(kind.maps ?? '-map 0:v -map 1:a'),
    ...words(CODECS),
    ...words(`-g ${group} -keyint_min ${group} -sc_threshold 0`),
    ...words(`-f hls -hls_time ${kind.seconds} ${kind.options}`),
    ...(kind.variants ? ['-var_stream_map', kind.variants] : []),
    kind.output ?? kind.entry,
  ];
}

export class Channel {
  #keys = 0;
  #rotation;

  constructor(origin, name, kind, logFolder) {
    Object.assign(this, { origin, name, kind });
    this.url = `${origin.url}/${name}/${kind.entry}`;
    this.folder = path.join(origin.root, name);
    this.log = path.join(logFolder, `ffmpeg-${name}`);
  }

  start() {
    const folders = ['.', ...Object.keys(this.kind.playlists).map(path.dirname)];
    for (const folder of new Set(folders)) this.origin.watch(path.posix.join(this.name, folder));
    if (this.kind.rekey) {
      this.#rotate();
      this.#rotation = setInterval(() => this.#rotate(), this.kind.rekey * 1000);
    }
    this.ffmpeg = new Child('ffmpeg', encoderArguments(this.kind), this.log, { cwd: this.folder });
  }

  /** A new key under a new name. The encoder reads `key.info` before each segment. */
  #rotate() {
    const name = `k${this.#keys++}.key`;
    writeFileSync(path.join(this.folder, name), randomBytes(16));
    writeFileSync(path.join(this.folder, 'key.info.new'), `${name}\n${name}\n`);
    renameSync(path.join(this.folder, 'key.info.new'), path.join(this.folder, 'key.info'));
  }

  /** Publications of every playlist, by URL path; the multivariant playlist among them. */
  publications() {
    const names = new Set([this.kind.entry, ...Object.keys(this.kind.playlists)]);
    return Object.fromEntries(
      [...names].map((name) => [`/${this.name}/${name}`, this.origin.publications(`/${this.name}/${name}`)]),
    );
  }

  /** There is something to play, in every playlist. */
  ready(revisions = 3) {
    return until(`${this.name} is on the air (${this.log})`, () => {
      this.ffmpeg.check();
      const playlists = Object.entries(this.publications());
      return playlists.every(([urlPath, all]) => all.length >= (urlPath.endsWith('/main.m3u8') ? 1 : revisions));
    });
  }

  /** A moment at which the last publication is well over and the next one well ahead. */
  quiet() {
    const length = this.kind.seconds * 1000;
    return until(`${this.name} is between two publications`, () => {
      const last = Math.max(...Object.values(this.publications()).flatMap((all) => all.at(-1).at));
      const age = Date.now() - last;
      return age > 0.5 * length && age < 0.75 * length;
    });
  }

  /** Dies as it is: what is published stays. */
  async stop() {
    clearInterval(this.#rotation);
    await this.ffmpeg?.end('SIGKILL');
  }
}
