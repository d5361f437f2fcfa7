// nginx with packaging/nginx-cache.conf.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Child, until } from './processes.mjs';
import { REPOSITORY } from './programs.mjs';

/** A port that is free now. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => { server.on('listening', listening); });
  const { port } = server.address();
  await new Promise((closed) => { server.close(closed); });
  return port;
}

/** The documented configuration in front of these replayers, on a port and in a folder of the test. */
export async function startNginx(place, replayers, log) {
  const port = await freePort();
  const servers = replayers.map((url) => `server ${new URL(url).host};`).join(' ');
  let text = readFileSync(path.join(REPOSITORY, 'packaging/nginx-cache.conf'), 'utf8');
  for (const [theirs, ours] of [
    ['server 127.0.0.1:9090;', servers],
    ['/var/cache/nginx/isreplayer', path.join(place, 'kept')],
    ['listen 8080 ', `listen 127.0.0.1:${port} `],
  ]) {
    assert.equal(text.split(theirs).length, 2, theirs);
    text = text.replace(theirs, ours);
  }
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${path.join(place, name)};`);
  // Workers of another user could not enter the folder of the tests.
  const user = process.getuid() === 0 ? 'user root;' : '';
  writeFileSync(path.join(place, 'nginx.conf'), `
    ${user} daemon off; pid ${path.join(place, 'pid')}; error_log stderr; worker_processes 2;
    worker_rlimit_nofile 65536;
    events { worker_connections 16384; }
    http { access_log off; keepalive_requests 1000000; ${folders.join(' ')} ${text} }`);
  const nginx = new Child('nginx', ['-p', place, '-c', path.join(place, 'nginx.conf')], log);
  const url = `http://127.0.0.1:${port}`;
  await until('nginx answers', async () => {
    nginx.check();
    return fetch(url).then(() => true, () => false);
  });
  return { nginx, url };
}
