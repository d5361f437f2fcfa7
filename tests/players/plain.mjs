// Origins of endless streams: ffmpeg that sends MPEG-TS itself, and icecast2 with ffmpeg as its source.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { Child, until } from './processes.mjs';

const words = (text) => text.trim().split(/\s+/);
const QUIET = words('-hide_banner -loglevel error -nostdin -re');

/** A port that is free now. */
export const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/** An encoder that is started again and again, and dies when it is told to. */
class Encoder {
  #runs = 0;

  constructor(log) {
    this.log = log;
  }

  start() {
    this.child = new Child('ffmpeg', this.arguments(this.#runs++), `${this.log}-${this.#runs}`);
  }

  /** Dies; its next life begins at once, with other content. */
  async restart() {
    await this.stop();
    this.start();
  }

  async stop() {
    await this.child?.end('SIGKILL');
  }
}

/** ffmpeg that waits for one client and sends it MPEG-TS. */
export class TransportStream extends Encoder {
  constructor(port, log) {
    super(log);
    this.port = port;
    this.url = `http://127.0.0.1:${port}/live`;
  }

  arguments(run) {
    return [
      ...QUIET, ...words(`-f lavfi -i testsrc2=size=160x90:rate=25,hue=h=${run * 30}`),
      ...words(`-f lavfi -i anoisesrc=color=pink:amplitude=0.3:seed=${run}:sample_rate=44100`),
      ...words('-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -threads 1 -b:v 300k -c:a aac -b:a 64k'),
      ...words(`-f mpegts -listen 1 ${this.url}`),
    ];
  }
}

/** ffmpeg that feeds a mount of icecast2 with MP3. */
export class RadioSource extends Encoder {
  constructor(icecast, log) {
    super(log);
    this.icecast = icecast;
    this.url = `http://127.0.0.1:${icecast.port}/radio.mp3`;
  }

  arguments(run) {
    return [
      ...QUIET, ...words(`-f lavfi -i anoisesrc=color=pink:amplitude=0.3:seed=${run}:sample_rate=44100`),
      ...words('-c:a libmp3lame -b:a 128k -content_type audio/mpeg -f mp3'),
      `icecast://source:secret@127.0.0.1:${this.icecast.port}/radio.mp3`,
    ];
  }
}

/** icecast2, whose source may come and go. */
export class Icecast {
  constructor(port, folder) {
    this.port = port;
    this.folder = folder;
  }

  async start() {
    const file = path.join(this.folder, 'icecast.xml');
    writeFileSync(file, `<icecast>
  <limits><clients>20</clients><sources>2</sources><burst-size>65535</burst-size></limits>
  <authentication><source-password>secret</source-password><admin-user>admin</admin-user>
    <admin-password>secret</admin-password></authentication>
  <hostname>127.0.0.1</hostname>
  <listen-socket><port>${this.port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><logdir>${this.folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>-</accesslog><errorlog>-</errorlog></logging>
  <security><chroot>0</chroot>${process.getuid() === 0 ? '<changeowner><user>icecast2</user><group>icecast</group></changeowner>' : ''}</security>
</icecast>\n`);
    this.child = new Child('icecast2', ['-c', file], path.join(this.folder, 'icecast'));
    await until('icecast2 listens', async () => {
      this.child.check();
      return fetch(`http://127.0.0.1:${this.port}/status-json.xsl`).then((r) => r.ok, () => false);
    });
  }

  /** What listeners are told to be playing. */
  async title(text) {
    const query = new URLSearchParams({ mount: '/radio.mp3', mode: 'updinfo', song: text });
    const answer = await fetch(`http://127.0.0.1:${this.port}/admin/metadata?${query}`, {
      headers: { authorization: `Basic ${btoa('source:secret')}` },
    });
    return answer.ok;
  }

  stop() {
    return this.child?.end('SIGKILL');
  }
}

/** A headless mpv, steered over its socket. */
export class Mpv {
  #id = 0;
  #waiting = new Map();

  constructor(url, log) {
    this.socket = `${log}.sock`;
    this.child = new Child('mpv', [
      ...words('--no-config --vo=null --ao=null --really-quiet'), `--input-ipc-server=${this.socket}`, url,
    ], log);
  }

  async connect() {
    const { connect } = await import('node:net');
    this.connection = await until('mpv opens its socket', () => {
      this.child.check();
      return new Promise((resolve) => {
        const connection = connect(this.socket, () => resolve(connection)).on('error', () => resolve(null));
      });
    });
    let text = '';
    this.connection.on('data', (data) => {
      const lines = (text + data).split('\n');
      text = lines.pop();
      for (const line of lines) {
        const message = JSON.parse(line);
        this.#waiting.get(message.request_id)?.(message);
      }
    });
    return this;
  }

  command(...command) {
    const id = ++this.#id;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.connection.write(`${JSON.stringify({ command, request_id: id })}\n`);
    });
  }

  async get(property) {
    return (await this.command('get_property', property)).data;
  }

  /** Until it is at so many seconds of what it plays. */
  reaches(seconds) {
    return until(`mpv plays at ${seconds} s`, async () => {
      this.child.check();
      return (await this.get('time-pos')) >= seconds;
    }, 60);
  }

  async stop() {
    this.connection?.destroy();
    await this.child.end('SIGTERM');
  }
}
