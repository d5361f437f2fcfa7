// The page at `/a/b/`, behind a proxy that takes that off, in Chromium: of a session that is over, and of one that is being recorded; hls.js plays both.

import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { Child, until } from './processes.mjs';
import { REPOSITORY, Replayer, binary } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const HLS_JS = path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules/hls.js/dist/hls.min.js');
const PREFIX = '/a/b';

/** A proxy of `target` that knows nothing but what begins with the prefix. */
async function behind(target) {
  const { hostname, port } = new URL(target);
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith(`${PREFIX}/`)) {
      response.writeHead(404).end();
      return;
    }
    const { method, headers } = request;
    const asked = http.request({ hostname, port, method, headers, path: request.url.slice(PREFIX.length) }, (came) => {
      response.writeHead(came.statusCode, came.headers);
      came.pipe(response);
    });
    asked.on('error', () => response.destroy());
    response.on('close', () => asked.destroy());
    request.pipe(asked);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, base: `http://127.0.0.1:${server.address().port}${PREFIX}/` };
}

describe('the page behind a prefix', { timeout: 180_000 }, () => {
  let browser;
  let replayer;
  let recorder;
  const proxies = [];
  const proxy = async (target) => {
    const one = await behind(target);
    proxies.push(one.server);
    return one.base;
  };
  before(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });
    replayer = await new Replayer(path.join(REPOSITORY, 'sessions/demo'), path.join(LOGS, 'page-behind'), ['--hls-js', HLS_JS]).listening();
  });
  after(async () => {
    await browser?.close();
    await recorder?.end('SIGINT');
    await replayer?.stop();
    for (const server of proxies) {
      server.closeAllConnections();
      server.close();
    }
  });
  const plays = (tab) => tab.page.waitForFunction(() => document.querySelector('video')?.currentTime > 1 && /hls\.js/.test(document.querySelector('#player .facts').textContent), null, { timeout: 60_000 });

  it('shows and plays a session', async () => {
    const base = await proxy(replayer.url);
    const tab = await PageTab.open(browser, base, { fragment: '#at=20&r=p2&x=5' });
    await tab.page.waitForFunction(() => document.querySelector('#exchange').textContent.includes('seg005.ts') && document.querySelector('#revision').textContent.includes('#EXTM3U'));
    const replay = await tab.page.$eval('#exchange a[href^="exchange/"]', (link) => link.href);
    assert.ok(replay.startsWith(base), replay);
    assert.equal((await (await fetch(replay)).arrayBuffer()).byteLength, 21072);
    await tab.press(' ');
    await plays(tab);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('plays what is being recorded at its edge, with hls.js', async () => {
    const url = `${replayer.clock(10)}/stream.m3u8`;
    recorder = new Child(binary('isrecorder'), ['-o', path.join(WORK, `page-behind-${process.pid}`), '-s', 'live', '--serve', '0', '--bind', '127.0.0.1', '--hls-js', HLS_JS, url], path.join(LOGS, 'page-behind-live'));
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    const live = `http://127.0.0.1:${port}`;
    await until('some segments are recorded', async () => (await (await fetch(`${live}/-/v1/session`)).json()).length_seconds > 6);
    const tab = await PageTab.open(browser, await proxy(live));
    await tab.page.waitForFunction(() => document.querySelector('.live').textContent.includes('following the edge'));
    await tab.page.waitForFunction(() => document.querySelector('#player button').textContent.includes('Play at the edge'));
    await tab.press(' ');
    await plays(tab);
    // It plays on, and the window follows as before.
    assert.match(await tab.page.textContent('.live'), /following the edge/);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
