// What the page costs the server, on this machine: CPU of a recorder whose session is looked at, and how much later 1,000 players are
// answered beside it. With and without the page by turns: node page-load.mjs [SESSION]. It asserts nothing; PLAYERS_BIN is the folder of
// the binaries, of which a release build counts. SESSION is what the players play, from its middle on; default: what was recorded first.

import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { Channel, KINDS } from './channels.mjs';
import { Origin } from './origin.mjs';
import { Child, until } from './processes.mjs';
import { Replayer, binary, cpuSeconds } from './programs.mjs';
import { LOGS, WORK, originFolder } from './recording.mjs';

const PLAYERS = 1000;
/** Each player asks so often for the playlist, and for its last segment, in milliseconds. */
const EACH_MS = 2000;
/** A round, in seconds; so many of each kind. */
const ROUND = 15;
const ROUNDS = 4;

const percentile = (values, of) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * of) / 100))];
const median = (values) => percentile(values, 50);

/** A program that runs when nothing else wants a core: a browser is on another machine than the server that it asks. */
function behindAllOthers(program) {
  const script = path.join(WORK, 'behind-all-others');
  writeFileSync(script, `#!/bin/sh\nexec nice -n 19 ${program} "$@"\n`, { mode: 0o755 });
  return script;
}

/** Rounds without the page and with it by turns. @returns {Promise<[any[], any[]]>} */
async function byTurns(browser, url, round) {
  const results = [[], []];
  for (let turn = 0; turn < 2 * ROUNDS; turn += 1) {
    const page = turn % 2 ? await browser.newPage({ viewport: { width: 1280, height: 800 } }) : null;
    await page?.goto(url);
    await page?.waitForSelector('.lane', { state: 'attached', timeout: 120_000 });
    // The first picture, and what is judged, is not what an open page costs.
    await delay(3000);
    results[turn % 2].push(await round(page));
    await page?.close();
  }
  return results;
}

/** CPU of an isrecorder, alone and with the page at its edge. @returns {Promise<string>} The folder of its session. */
async function recorded(browser) {
  const origin = await new Origin(originFolder).listen();
  const channel = new Channel(origin, 'multivariant', KINDS.multivariant, LOGS);
  channel.start();
  await channel.ready();
  const sessions = path.join(WORK, 'sessions');
  const recorder = new Child(binary('isrecorder'), ['-o', sessions, '-s', 'load', '--serve', '0', '--bind', '127.0.0.1', channel.url], path.join(LOGS, 'page-load'));
  try {
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    await delay(5000);
    const [alone, beside] = await byTurns(browser, `http://127.0.0.1:${port}/`, async () => {
      const before = cpuSeconds(recorder.pid);
      await delay(ROUND * 1000);
      return ((cpuSeconds(recorder.pid) - before) / ROUND) * 100;
    });
    console.log(`isrecorder of a channel of three playlists: ${median(alone).toFixed(1)} % of a core alone, ${median(beside).toFixed(1)} % with the page open (${alone.map((one) => one.toFixed(1))} and ${beside.map((one) => one.toFixed(1))})`);
  } finally {
    await recorder.end('SIGINT');
    await channel.stop();
    await origin.close();
  }
  return path.join(sessions, 'load');
}

const agent = new http.Agent({ keepAlive: true, maxSockets: PLAYERS });
/** A GET on a connection that is kept: its text, and how long it took, in milliseconds. */
const get = (url) => new Promise((resolve, reject) => {
  const asked = performance.now();
  http.get(url, { agent }, (response) => {
    const pieces = [];
    response.on('data', (piece) => pieces.push(piece));
    response.on('end', () => resolve({ text: Buffer.concat(pieces).toString('latin1'), took: performance.now() - asked, status: response.statusCode }));
    response.on('error', reject);
  }).on('error', reject);
});
const uris = (text) => text.split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));

/** 1,000 players, alone and beside a page in which somebody zooms. */
async function players(browser, session) {
  const replayer = await new Replayer(session, path.join(LOGS, 'page-load-replayer')).listening();
  try {
    const { length_seconds } = await (await fetch(`${replayer.url}/-/v1/session`)).json();
    /** Each round plays the same span, with a clock of its own. */
    const begin = async () => {
      const clock = await (await fetch(`${replayer.url}/-/v1/clock?at=${(length_seconds / 4).toFixed(1)}`)).json();
      const main = `${replayer.url}/${clock.url}`;
      const { text } = await get(main);
      return text.includes('#EXTINF') ? main : new URL(uris(text)[0], main).href;
    };
    let playlist = await begin();
    let took = [];
    const bad = {};
    const player = async () => {
      try {
        const list = await get(playlist);
        const segment = await get(new URL(uris(list.text).at(-1) ?? '', playlist).href);
        for (const one of [list, segment]) {
          took.push(one.took);
          if (one.status !== 200) bad[one.status] = (bad[one.status] ?? 0) + 1;
        }
      } catch (error) {
        bad[error.code] = (bad[error.code] ?? 0) + 1;
      }
    };
    const timers = Array.from({ length: PLAYERS }, (_, index) => setTimeout(() => timers.push(setInterval(player, EACH_MS)), (index / PLAYERS) * EACH_MS));
    await delay(2 * EACH_MS);
    const [alone, beside] = await byTurns(browser, `${replayer.url}/`, async (page) => {
      playlist = await begin();
      took = [];
      const end = performance.now() + ROUND * 1000;
      for (let step = 0; performance.now() < end; step += 1) {
        await page?.keyboard.press(Math.floor(step / 8) % 2 ? '-' : '+');
        await delay(500);
      }
      return { p50: percentile(took, 50), p99: percentile(took, 99), count: took.length };
    });
    for (const timer of timers) clearInterval(timer);
    const ms = (all, of) => `${median(all.map((one) => one[of])).toFixed(1)} ms (${all.map((one) => one[of].toFixed(1))})`;
    console.log(`${PLAYERS} players, ${Math.round(alone[0].count / ROUND)} answers a second, others than 200: ${JSON.stringify(bad)}: p50 ${ms(alone, 'p50')} alone, ${ms(beside, 'p50')} beside the page`);
    console.log(`p99 ${ms(alone, 'p99')} alone, ${ms(beside, 'p99')} beside the page`);
  } finally {
    agent.destroy();
    await replayer.stop();
  }
}

const browser = await chromium.launch({ executablePath: behindAllOthers('/usr/bin/chromium'), headless: true, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const session = await recorded(browser);
  await players(browser, process.argv[2] ?? session);
} finally {
  await browser.close();
}
process.exit();
