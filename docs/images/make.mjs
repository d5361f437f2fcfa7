// node docs/images/make.mjs: makes page.png, replay.png and report.png, the pictures of the README, out of the demo session, by the programs in
// target/release (`PLAYERS_BIN`: elsewhere). Chromium and hls.js are those of tests/players (`npm ci` there first).

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Browser } from '../../tests/players/browser.mjs';
import { binary, Replayer, REPOSITORY } from '../../tests/players/programs.mjs';
import { LOGS } from '../../tests/players/recording.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const SESSION = path.join(REPOSITORY, 'sessions/demo');
const OFFSET = 30;
/** Lines of each playlist that are shown. */
const SHOWN = 6;
/** So much of the report is shown, in pixels: the verdict, one finding, one picture. */
const REPORT = { x: 70, y: 0, width: 1140, height: 1008 };
const LEFT_OUT = 'article:not(#f0), #channel, main > h3, main > .wide { display: none }';

/** The freeze: played from some seconds before, until the player waits for what does not come. */
const PAGE = '#t=24&w=24&at=26&r=p2&rev=321';
const WAITED = 42;
/** Of the details the player and the difference are shown; of the requests those at the end of the freeze. */
const LEFT_OUT_OF_PAGE = '#findings, #revision .facts, #revision .actions';
const FIRST_ROW = 127;

/** The page as somebody sees it who plays the freeze with hls.js. */
async function pictureOfPage(browser) {
  const hlsJs = path.join(REPOSITORY, 'tests/players/node_modules/hls.js/dist/hls.min.js');
  const replayer = await new Replayer(SESSION, path.join(LOGS, 'picture-page'), ['--hls-js', hlsJs]).listening();
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
    const tab = await context.newPage();
    await tab.goto(`${replayer.url}/${PAGE}`);
    await tab.waitForFunction(() => document.querySelector('#revision')?.textContent.includes('#EXTM3U'));
    await tab.keyboard.press(' ');
    await tab.waitForFunction((until) => Number(/^0:00:([\d.]+)/.exec(document.querySelector('#player .facts dd')?.textContent)?.[1]) >= until, WAITED, { timeout: 120_000, polling: 100 });
    await tab.evaluate(async ([leftOut, row]) => {
      for (const one of document.querySelectorAll(leftOut)) one.style.display = 'none';
      document.querySelector('.details').scrollTop = 0;
      document.querySelector('.wf-scroll').scrollTop = row * document.querySelector('.wf-row').clientHeight;
      for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
    }, [LEFT_OUT_OF_PAGE, FIRST_ROW]);
    await tab.screenshot({ path: path.join(HERE, 'page.png') });
    await context.close();
  } finally {
    await replayer.stop();
  }
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const command = (text) => `<span class="command">$ ${text}</span>\n`;

/** What adjacent-find says, with the beginning of each playlist. */
function gap() {
  const said = execFileSync(binary('adjacent-find'), ['-t', '5', '-p', 'live/high/live.m3u8', SESSION]).toString();
  const shown = [];
  let listed = 0;
  for (const line of said.trimEnd().split('\n')) {
    listed = /^\d+ - /.test(line) ? 0 : listed + 1;
    const isOfPlaylist = line.startsWith('#EXT') || line.endsWith('.ts');
    if (!isOfPlaylist || listed <= SHOWN) shown.push(line);
    else if (listed === SHOWN + 1) shown.push('…');
  }
  return shown.join('\n');
}

const page = ({ replayer, address, frame, found }) => `<!doctype html><meta charset="utf-8"><style>
  body { margin: 16px; width: 1248px; background: #17191d; color: #d8dee9; font: 13px/17.5px 'DejaVu Sans Mono', monospace; }
  pre { margin: 0; overflow: hidden; font: inherit; }
  .panes { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
  .panes > * { background: #0e1013; border-radius: 8px; padding: 12px 14px; box-sizing: border-box; }
  .wide { grid-column: 1 / 3; }
  .command { color: #8fbcab; }
  img { width: 100%; border-radius: 4px; margin-top: 8px; display: block; }
</style><div class="panes"><pre style="height: 382px">${command('isreplayer demo')}${escaped(replayer)}</pre>
<div><span class="command">hls.js in a browser: ${escaped(address)}</span><img src="${frame}"></div>
<pre class="wide">${command('adjacent-find -t 5 -p live/high/live.m3u8 demo')}${escaped(found)}</pre></div>`;

const browser = await new Browser().open();
const replayer = await new Replayer(SESSION, path.join(LOGS, 'picture')).listening();
try {
  await pictureOfPage(browser.chromium);
  const address = `${replayer.url}/stream.m3u8?offset=${OFFSET}`;
  const player = await browser.play(address);
  await player.plays(2);
  const frame = await player.tab.evaluate(() => {
    const video = document.querySelector('video');
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    return canvas.toDataURL();
  });
  await player.close();
  // The log has two moments at its beginning; the session time is the one that matters.
  const log = replayer.child.log('err').split('\n').filter((line) => line.includes(' GET '));
  const lines = log.map((line) => line.replace(/^\S+Z\s+(\S+\s+)?INFO\s+/, ''));
  // Any port that is free; the picture shows the one that it has by itself.
  const usual = (text) => text.replaceAll(replayer.url, 'http://127.0.0.1:9090');
  const said = `${replayer.child.log('out').trimEnd()}\n${lines.slice(0, 9).join('\n')}`;
  const tab = await browser.chromium.newPage({ viewport: { width: 1280, height: 600 } });
  await tab.setContent(page({ replayer: usual(said), address: usual(address), frame, found: gap() }));
  await tab.screenshot({ path: path.join(HERE, 'replay.png'), fullPage: true });
  await tab.setContent(execFileSync(binary('isreport'), ['--format', 'html', 'demo'], { cwd: REPOSITORY }).toString());
  await tab.addStyleTag({ content: LEFT_OUT });
  await tab.screenshot({ path: path.join(HERE, 'report.png'), clip: REPORT, fullPage: true });
} finally {
  await replayer.stop();
  await browser.close();
}
