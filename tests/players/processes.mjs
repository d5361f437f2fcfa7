// Child processes, and waiting for conditions.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The first truthy value of `condition`; an error that says `what` after `seconds`. */
export async function until(what, condition, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await delay(10);
  }
}

const alive = new Set();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A child whose output goes to LOG.out and LOG.err. It does not outlive this process. */
export class Child {
  #log;

  constructor(program, args, log, options = {}) {
    this.#log = log;
    this.name = `${program} (${log})`;
    const files = ['out', 'err'].map((end) => openSync(`${log}.${end}`, 'w'));
    this.process = spawn(program, args, { ...options, stdio: ['ignore', ...files] });
    files.forEach(closeSync);
    this.pid = this.process.pid;
    this.process.on('error', (error) => { this.failure = error; });
    this.process.on('exit', () => alive.delete(this.process));
    alive.add(this.process);
  }

  get stdout() {
    return readFileSync(`${this.#log}.out`, 'utf8');
  }

  /** All of what it said on `out` or `err`. */
  log(end) {
    return readFileSync(`${this.#log}.${end}`, 'utf8');
  }

  /** The end of what it said. */
  get output() {
    return `${this.stdout}${readFileSync(`${this.#log}.err`, 'utf8')}`.slice(-4000);
  }

  /** Throws where it is not running any more. */
  check() {
    if (this.failure) throw this.failure;
    const { exitCode, signalCode } = this.process;
    if ((exitCode ?? signalCode) !== null) throw new Error(`${this.name} ended with ${exitCode ?? signalCode}:\n${this.output}`);
  }

  /** Sends `signal`, and waits for the end: its exit code, null where a signal ended it. */
  async end(signal, seconds) {
    this.process.kill(signal);
    await until(`${this.name} ends`, () => (this.process.exitCode ?? this.process.signalCode) !== null || this.failure, seconds);
    return this.process.exitCode;
  }
}
