// The binaries under test, and reading what they leave.

import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { exit, until } from './wait.mjs';

const run = promisify(execFile);

export const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const BINARIES = process.env.PLAYERS_BIN
  ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(REPOSITORY, 'target'), 'release');

export const binary = (name) => path.join(BINARIES, name);

/** A child whose output goes to LOG.out and LOG.err. */
function start(name, args, log) {
  const files = [openSync(`${log}.out`, 'w'), openSync(`${log}.err`, 'w')];
  const child = spawn(binary(name), args, { stdio: ['ignore', ...files] });
  files.forEach(closeSync);
  child.on('error', (error) => { child.failure = error; });
  return {
    child,
    log,
    stdout: () => readFileSync(`${log}.out`, 'utf8'),
    output: () => `${readFileSync(`${log}.out`, 'utf8')}${readFileSync(`${log}.err`, 'utf8')}`.slice(-4000),
    alive() {
      if (child.failure) throw child.failure;
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${this.output()}`);
      return true;
    },
  };
}

/** CPU seconds of a process so far. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100; // USER_HZ is 100 on every Linux
}

export class Recorder {
  constructor(sessions, name, url, log) {
    this.folder = path.join(sessions, name);
    this.process = start('isrecorder', ['-o', sessions, '-s', name, url], log);
  }

  async stop() {
    this.process.alive();
    this.cpuSeconds = cpuSeconds(this.process.child.pid);
    this.stopping = Date.now();
    this.process.child.kill('SIGINT');
    const { code } = await exit(this.process.child, `isrecorder (${this.process.log})`);
    return { code, stdout: this.process.stdout(), output: this.process.output() };
  }
}

export class Replayer {
  constructor(session, log, options = []) {
    this.process = start('isreplayer', ['-p', '0', '--bind', '127.0.0.1', ...options, session], log);
  }

  async listening() {
    const port = await until('isreplayer prints its URL', () =>
      this.process.alive() && /http:\/\/\S+?:(\d+)\/stream\.m3u8/.exec(this.process.stdout())?.[1]);
    this.url = `http://127.0.0.1:${port}`;
    return this;
  }

  /** The prefix of a clock that shows `seconds` now, without asking for one. */
  clock(seconds) {
    return `${this.url}/@${Math.round(Date.now() - seconds * 1000)}`;
  }

  async stop() {
    this.process.child.kill('SIGTERM');
    await exit(this.process.child, 'isreplayer');
  }
}

/** Rows of a stopped session, as objects. */
export async function query(session, sql) {
  const { stdout } = await run('sqlite3', ['-readonly', '-json', path.join(session, 'session.db'), sql], {
    maxBuffer: 256 << 20,
  });
  return stdout.trim() === '' ? [] : JSON.parse(stdout);
}
