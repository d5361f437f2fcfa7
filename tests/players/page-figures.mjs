// How fast the page is, in Chromium on this machine: node page-figures.mjs SESSION. It asserts nothing.
// PLAYERS_BIN is the folder of the binaries; a release build is what counts. Where other programs have the cores, the times are theirs as
// well: then the CPU time of browser and server, which is told beside them, is what counts.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { Replayer, cpuSeconds } from './programs.mjs';
import { LOGS } from './recording.mjs';

const STEPS = 60;
const FIRST = 40;
const VIEWPORT = { width: 1280, height: 800 };

/** The value below which so many of a hundred are. */
const percentile = (values, of) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * of) / 100))];
const ms = (value) => `${value.toFixed(0)} ms`;

/** All processes that this one began, and those began: who is whose child. */
function descendants() {
  const children = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(pid)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const of = (pid) => (children.get(pid) ?? []).flatMap((child) => [child, ...of(child)]);
  return of(process.pid);
}

/** CPU seconds of the server, and of all of the browser, so far. */
function cpu(server) {
  const browser = descendants().filter((pid) => pid !== server).map((pid) => {
    try {
      return cpuSeconds(pid);
    } catch {
      return 0;
    }
  });
  return [cpuSeconds(server), browser.reduce((sum, one) => sum + one, 0)];
}

/** What so many steps took, of each. */
function cpuWords([server, browser], since, steps) {
  return `CPU time of each: server ${ms(((server - since[0]) / steps) * 1000)}, browser ${ms(((browser - since[1]) / steps) * 1000)}`;
}

/** In the page: how many answers of lanes have come. */
const ANSWERS = "performance.getEntriesByType('resource').filter(({ name, responseEnd }) => name.includes('/-/v1/lanes') && responseEnd > 0).length";

/** In the page: until the newest answers of lanes and of the overview have come, and two frames are drawn behind them. */
const DRAWN = `async (known) => {
  const answers = () => performance.getEntriesByType('resource').filter(({ name, responseEnd }) => name.includes('/-/v1/lanes') && responseEnd > 0);
  while (answers().length <= known) await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  return { known: answers().length, now: performance.now() };
}`;

async function firstPictures(browser, url) {
  const times = [];
  let bytes = 0;
  for (let turn = 0; turn < FIRST; turn += 1) {
    const context = await browser.newContext({ viewport: VIEWPORT });
    const page = await context.newPage();
    await page.goto(url, { waitUntil: 'commit' });
    const { now } = await page.evaluate(`(${DRAWN})(0)`);
    times.push(now);
    bytes = await page.evaluate(() => performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
      .filter(({ name }) => !name.includes('/-/v1/')).reduce((sum, { transferSize }) => sum + transferSize, 0));
    await context.close();
  }
  console.log(`first picture (${FIRST} windows without a cache): ${ms(percentile(times, 50))}, 95 of 100 ${ms(percentile(times, 95))}; the first of all, of a server that just began, ${ms(times[0])}; files ${(bytes / 1000).toFixed(1)} KB with header fields`);
}

async function zooms(browser, url, server) {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(url, { waitUntil: 'commit' });
  let { known } = await page.evaluate(`(${DRAWN})(0)`);
  await page.evaluate(() => performance.setResourceTimingBufferSize(100_000));
  // The first picture and what comes with it is over.
  await page.waitForTimeout(3000);
  known = await page.evaluate(ANSWERS);
  const times = [];
  const since = cpu(server);
  for (let step = 0; step < STEPS; step += 1) {
    // Ten steps in, ten steps out.
    const from = await page.evaluate(() => performance.now());
    await page.keyboard.press(Math.floor(step / 10) % 2 === 0 ? '+' : '-');
    const drawn = await Promise.race([page.evaluate(`(${DRAWN})(${known})`), new Promise((done) => { setTimeout(done, 5000); })]);
    if (!drawn) continue;
    known = drawn.known;
    times.push(drawn.now - from);
    await page.waitForTimeout(300);
    known = await page.evaluate(ANSWERS);
  }
  console.log(`zoom step (${times.length} of ${STEPS} asked anew): ${ms(percentile(times, 50))}, 95 of 100 ${ms(percentile(times, 95))}; ${cpuWords(cpu(server), since, STEPS)}`);
  return page;
}

const session = process.argv[2];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
const replayer = await new Replayer(session, path.join(LOGS, 'page-figures')).listening();
try {
  const url = `${replayer.url}/`;
  await firstPictures(browser, url);
  const page = await zooms(browser, url, replayer.child.pid);
  // It is left open.
  const { pid } = replayer.child;
  await page.waitForTimeout(3000);
  const before = cpuSeconds(pid);
  await page.waitForTimeout(20_000);
  console.log(`server while the page is open: ${((cpuSeconds(pid) - before) / 20 * 100).toFixed(1)} % of a core`);
} finally {
  await browser.close();
  await replayer.stop();
}
