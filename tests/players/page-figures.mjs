// How fast the page is, in Chromium on this machine: node page-figures.mjs SESSION. It asserts nothing.
// PLAYERS_BIN is the folder of the binaries; a release build is what counts.

import path from 'node:path';
import { chromium } from 'playwright-core';
import { Replayer, cpuSeconds } from './programs.mjs';
import { LOGS } from './recording.mjs';

const STEPS = 60;
const FIRST = 7;
const VIEWPORT = { width: 1280, height: 800 };

/** The value below which so many of a hundred are. */
const percentile = (values, of) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * of) / 100))];
const ms = (value) => `${value.toFixed(0)} ms`;

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
  console.log(`first picture: ${ms(percentile(times, 50))}, 95 of 100 ${ms(percentile(times, 95))}; files ${(bytes / 1000).toFixed(1)} KB with header fields`);
}

async function zooms(browser, url) {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(url, { waitUntil: 'commit' });
  let { known } = await page.evaluate(`(${DRAWN})(0)`);
  await page.evaluate(() => performance.setResourceTimingBufferSize(100_000));
  const times = [];
  for (let step = 0; step < STEPS; step += 1) {
    // Ten steps in, ten steps out.
    const from = await page.evaluate(() => performance.now());
    await page.keyboard.press(Math.floor(step / 10) % 2 === 0 ? '+' : '-');
    const drawn = await Promise.race([page.evaluate(`(${DRAWN})(${known})`), new Promise((done) => { setTimeout(done, 5000); })]);
    if (!drawn) continue;
    known = drawn.known;
    times.push(drawn.now - from);
    await page.waitForTimeout(300);
    known = await page.evaluate(() => performance.getEntriesByType('resource').filter(({ name, responseEnd }) => name.includes('/-/v1/lanes') && responseEnd > 0).length);
  }
  console.log(`zoom step (${times.length} of ${STEPS} asked anew): ${ms(percentile(times, 50))}, 95 of 100 ${ms(percentile(times, 95))}`);
  return page;
}

const session = process.argv[2];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
const replayer = await new Replayer(session, path.join(LOGS, 'page-figures')).listening();
try {
  const url = `${replayer.url}/`;
  await firstPictures(browser, url);
  const page = await zooms(browser, url);
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
