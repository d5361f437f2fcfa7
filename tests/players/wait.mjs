// Waiting for conditions, and for child processes.

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

/** The exit of a child process: { code, signal }. */
export function exit(child, what, seconds) {
  return until(`${what} ends`, () => {
    const { exitCode: code, signalCode: signal } = child;
    return (code !== null || signal !== null) && { code, signal };
  }, seconds);
}
