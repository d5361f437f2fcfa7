// The binaries under test, and reading what they leave.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Child, until } from './processes.mjs';

const run = promisify(execFile);

export const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const BINARIES = process.env.PLAYERS_BIN
  ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(REPOSITORY, 'target'), 'release');

export const binary = (name) => path.join(BINARIES, name);

/** CPU seconds of a process so far. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100; // USER_HZ is 100 on every Linux
}

export class Recorder {
  /** `urls`: one, or many, with names or without. */
  constructor(sessions, name, urls, log) {
    this.folder = path.join(sessions, name);
    this.child = new Child(binary('isrecorder'), ['-o', sessions, '-s', name, ...[urls].flat()], log);
  }

  async stop() {
    this.child.check();
    this.cpuSeconds = cpuSeconds(this.child.pid);
    this.stopping = Date.now();
    const code = await this.child.end('SIGINT');
    return { code, stdout: this.child.stdout, output: this.child.output };
  }
}

export class Replayer {
  constructor(session, log, options = []) {
    this.child = new Child(binary('isreplayer'), ['-p', '0', '--bind', '127.0.0.1', ...options, session], log);
  }

  async listening() {
    const port = await until('isreplayer prints its URL', () => {
      this.child.check();
      return /Play\s+https?:\/\/\S+?:(\d+)\//.exec(this.child.stdout)?.[1];
    });
    const scheme = this.child.stdout.includes('https://') ? 'https' : 'http';
    this.url = `${scheme}://127.0.0.1:${port}`;
    return this;
  }

  /** The prefix of a clock that shows `seconds` now, without asking for one. */
  clock(seconds) {
    return `${this.url}/@${Math.round(Date.now() - seconds * 1000)}`;
  }

  stop() {
    return this.child.end('SIGTERM');
  }
}

/** Rows of a stopped session, as objects. */
export async function query(session, sql) {
  const { stdout } = await run('sqlite3', ['-readonly', '-json', path.join(session, 'session.db'), sql], {
    maxBuffer: 256 << 20,
  });
  return stdout.trim() === '' ? [] : JSON.parse(stdout);
}

/** What isreport finds in a session that is at least as bad as `severity`. */
export async function findings(session, severity) {
  const { stdout } = await run(binary('isreport'), ['--severity', severity, '--format', 'json', session], { maxBuffer: 1 << 28 });
  return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter(({ rule }) => rule);
}
