// hls.js in headless Chromium, on a page of another origin than what it plays.

import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Origin } from './origin.mjs';
import { LOGS, WORK } from './recording.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--ignore-certificate-errors', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
];

export class Browser {
  async open() {
    // Of this process: another file may be served at the same time.
    const folder = path.join(WORK, `page-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    copyFileSync(path.join(HERE, 'player.html'), path.join(folder, 'player.html'));
    copyFileSync(path.join(HERE, 'node_modules/hls.js/dist/hls.min.js'), path.join(folder, 'hls.min.js'));
    copyFileSync(path.join(HERE, 'shaka.html'), path.join(folder, 'shaka.html'));
    copyFileSync(path.join(HERE, 'node_modules/shaka-player/dist/shaka-player.compiled.js'), path.join(folder, 'shaka.js'));
    this.page = await new Origin(folder).listen();
    this.chromium = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
    return this;
  }

  /** A tab that plays `source`; `options`: those of `player.html`. */
  async play(source, options = {}, page = 'player.html') {
    const tab = await this.chromium.newPage({ viewport: { width: 360, height: 220 } });
    const query = new URLSearchParams({ src: source, ...options });
    await tab.goto(`${this.page.url}/${page}?${query}`);
    return new Player(tab);
  }

  async close() {
    await this.chromium?.close();
    await this.page?.close();
  }
}

class Player {
  constructor(tab) {
    this.tab = tab;
  }

  /** What `player.state()` of the page says. */
  state() {
    return this.tab.evaluate(() => window.player.state());
  }

  /** Waits until so much was played, but not for longer than `timeout`, nor after a fatal error. */
  async plays(seconds, timeout = 40_000) {
    const done = (wanted) => {
      const { fatal, played, frames } = window.player.state();
      return fatal !== null || (played >= wanted && frames > 0);
    };
    await this.tab.waitForFunction(done, seconds, { timeout, polling: 100 }).catch((error) => {
      if (error.name !== 'TimeoutError') throw error;
    });
    return this.state();
  }

  /** Waits until so long after it was given its source. */
  async lasts(ms) {
    const done = (end) => Date.now() - window.player.loaded >= end;
    await this.tab.waitForFunction(done, ms, { timeout: ms + 60_000, polling: 100 });
    return this.state();
  }

  screenshot(name) {
    return this.tab.screenshot({ path: path.join(LOGS, `${name}.png`) });
  }

  close() {
    return this.tab.close();
  }
}

/** An event of the page, for people. */
export const describeEvent = ({ type, details, code, url, message }) =>
  [type, details, code, url, message].filter((one) => one !== undefined).join(' ');
