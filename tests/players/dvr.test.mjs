// /dvr.m3u8 in real players: ffmpeg exports what was recorded, hls.js pauses and rewinds in
// what is being recorded.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { Channel, KINDS } from './channels.mjs';
import { Evidence } from './evidence.mjs';
import { findRun, frameHashes } from './frames.mjs';
import { Origin } from './origin.mjs';
import { until } from './processes.mjs';
import { Recorder, Replayer, REPOSITORY } from './programs.mjs';
import { LOGS, originFolder, recordings, WORK } from './recording.mjs';

const run = promisify(execFile);
const HERE = path.dirname(fileURLToPath(import.meta.url));
const DEMO = path.join(REPOSITORY, 'sessions/demo');

describe('ffmpeg exports', { timeout: 300_000 }, () => {
  let evidence;

  before(async () => {
    evidence = await Promise.all((await recordings()).map((recording) => new Evidence(recording).load()));
  }, { timeout: 180_000 });

  for (const kind of Object.keys(KINDS)) {
    const recorded = () => evidence.find((one) => one.kind === kind);
    it(`every frame of ${kind}`, () => (KINDS[kind].unplayable ? onePiece(recorded()) : everyFrame(recorded())));
  }

  it('the demo session, as the guide says', async () => {
    const replayer = await new Replayer(DEMO, path.join(LOGS, 'isreplayer-dvr-demo')).listening();
    try {
      const file = path.join(WORK, 'out.mp4');
      await run('ffmpeg', ['-loglevel', 'error', '-nostdin', '-y', '-i', `${replayer.url}/dvr.m3u8`, '-c', 'copy', file]);
      const { stdout } = await run('ffprobe', ['-loglevel', 'error', '-count_packets', '-select_streams', 'v:0',
        '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0', file]);
      const main = await (await fetch(`${replayer.url}/dvr.m3u8`)).text();
      const [high] = main.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const segments = (await (await fetch(new URL(high, `${replayer.url}/dvr.m3u8`))).text()).match(/^#EXTINF:2\.0+,$/gm);
      assert.ok(segments.length > 40);
      assert.equal(Number(stdout), segments.length * 2 * 20, 'frames at 20 a second');
    } finally {
      await replayer.stop();
    }
  });
});

/** All frames of all revisions, neither more nor less. */
async function everyFrame(one) {
  const replayer = await new Replayer(one.session, path.join(LOGS, `isreplayer-dvr-${one.kind}`)).listening();
  const origin = await new Origin(originFolder).listen();
  try {
    const originals = one.originals();
    const played = await frameHashes(`${replayer.url}/dvr.m3u8`, originals.flatMap(({ streams }) => streams));
    for (const { urlPath, text, streams } of originals) {
      origin.publish(urlPath, text);
      const local = streams.map((stream) => `${stream[0]}:0`);
      const expected = await frameHashes(origin.url + urlPath, local);
      for (const [i, stream] of streams.entries()) {
        const frames = played[stream];
        assert.equal(frames.length, expected[local[i]].length, `${stream} frames`);
        assert.equal(findRun(frames, expected[local[i]]), 0, stream);
      }
    }
  } finally {
    await origin.close();
    await replayer.stop();
  }
}

/** What no player can play live, since its numbers stand still: a piece of the origin's file, as long as the recording. */
async function onePiece(one) {
  const replayer = await new Replayer(one.session, path.join(LOGS, `isreplayer-dvr-${one.kind}`)).listening();
  const origin = await new Origin(originFolder).listen();
  try {
    const { 'v:0': played } = await frameHashes(`${replayer.url}/dvr.m3u8`, ['v:0']);
    const whole = `/${one.kind}/whole.m3u8`;
    origin.publish(whole, '#EXTM3U\n#EXT-X-TARGETDURATION:999\n#EXTINF:999,\nall.ts\n#EXT-X-ENDLIST\n');
    const { 'v:0': expected } = await frameHashes(origin.url + whole, ['v:0']);
    findRun(played, expected);
    const seconds = played.at(-1).pts - played[0].pts;
    assert.ok(seconds > 0.9 * (one.lengthMs / 1000), `${seconds} s of ${one.lengthMs} ms`);
  } finally {
    await origin.close();
    await replayer.stop();
  }
}

describe('hls.js, while it is being recorded', { timeout: 180_000 }, () => {
  it('pauses, seeks back 30 s and goes on', async () => {
    const live = await new OnTheAir('aes').start();
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--autoplay-policy=no-user-gesture-required'],
    });
    try {
      await rewinds(await browser.newPage({ viewport: { width: 360, height: 220 } }), live);
    } finally {
      await browser.close();
      await live.stop();
    }
  });
});

/** A channel that is recorded, and its recording that is replayed. */
class OnTheAir {
  constructor(kind) {
    const root = path.join(WORK, 'on-the-air');
    // Of a test before this one, where its folder is kept.
    for (const old of [root, path.join(WORK, 'sessions/on-the-air')]) rmSync(old, { recursive: true, force: true });
    this.page = path.join(WORK, 'on-the-air-page');
    mkdirSync(root, { recursive: true });
    mkdirSync(this.page, { recursive: true });
    copyFileSync(path.join(HERE, 'player.html'), path.join(this.page, 'player.html'));
    copyFileSync(path.join(HERE, 'node_modules/hls.js/dist/hls.min.js'), path.join(this.page, 'hls.min.js'));
    Object.assign(this, { kind, root });
  }

  async start() {
    this.origin = await new Origin(this.root).listen();
    this.pages = await new Origin(this.page).listen();
    this.channel = new Channel(this.origin, this.kind, KINDS[this.kind], LOGS);
    this.channel.start();
    await this.channel.ready();
    const log = path.join(LOGS, 'isrecorder-on-the-air');
    this.recorder = new Recorder(path.join(WORK, 'sessions'), 'on-the-air', this.channel.url, log);
    await until('something is recorded', () => {
      this.recorder.child.check();
      return this.channel.publications()[`/${this.kind}/live.m3u8`].length > 4;
    });
    const session = this.recorder.folder;
    this.replayer = await new Replayer(session, path.join(LOGS, 'isreplayer-on-the-air')).listening();
    return this;
  }

  async stop() {
    await this.replayer?.stop();
    await this.recorder?.stop();
    await this.channel.stop();
    await this.pages.close();
    await this.origin.close();
  }
}

async function rewinds(tab, { pages, replayer }) {
  const state = () => tab.evaluate(() => window.player.state());
  const told = async () => `${JSON.stringify(await state(), null, 1)}\n${replayer.child.output}`;
  const reaches = async (what, position) => {
    const there = (seconds) => window.player.state().fatal !== null || document.querySelector('video').currentTime >= seconds;
    await tab.waitForFunction(there, position, { timeout: 60_000, polling: 100 }).catch(async (error) => {
      throw new Error(`${what}: ${error.message}\n${await told()}`);
    });
    assert.equal((await state()).fatal, null, await told());
  };
  await tab.goto(`${pages.url}/player.html?src=${encodeURIComponent(`${replayer.url}/dvr.m3u8`)}`);
  await reaches('it plays for 36 s', 36);
  await tab.evaluate(() => document.querySelector('video').pause());
  await delay(10_000); // the pause itself
  const paused = (await state()).currentTime;
  await tab.evaluate(() => {
    const video = document.querySelector('video');
    video.currentTime -= 30;
    return video.play();
  });
  const back = (await state()).currentTime;
  assert.ok(back < paused - 25, `${back} s after ${paused} s`);
  await reaches('it goes on from there', paused - 30 + 5);
  // And to what was not recorded yet when it paused.
  await tab.evaluate((position) => { document.querySelector('video').currentTime = position; }, paused + 2);
  await reaches('it plays what came meanwhile', paused + 6);
}
