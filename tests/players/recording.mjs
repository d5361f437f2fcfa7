// All kinds of channels on the air at the same time, each recorded by an isrecorder of its own.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Channel, KINDS } from './channels.mjs';
import { Origin } from './origin.mjs';
import { until } from './processes.mjs';
import { Recorder } from './programs.mjs';

const SECONDS = Number(process.env.PLAYERS_SECONDS ?? 36);

/** Where everything goes: the folder that `run` made for all tests, or one of this process. */
export const WORK = process.env.PLAYERS_WORK ?? mkdtempSync(path.join(tmpdir(), 'isrecorder-players-'));
export const LOGS = path.join(WORK, 'logs');
mkdirSync(LOGS, { recursive: true });
if (!process.env.PLAYERS_WORK) process.on('exit', () => rmSync(WORK, { recursive: true, force: true }));

/**
 * The recordings of this run of the tests, made by whichever file comes first; others that run beside it wait:
 * [{ kind, session, port, stopping, publications, log, ... }].
 */
export async function recordings() {
  const file = path.join(WORK, 'recordings.json');
  const failed = path.join(WORK, 'recordings.failed');
  if (!existsSync(file) && comesFirst()) {
    try {
      writeFileSync(`${file}.new`, JSON.stringify(await record()));
    } catch (error) {
      writeFileSync(failed, `${error.stack}`);
      throw error;
    }
    renameSync(`${file}.new`, file);
  }
  await until('the recordings are made', () => existsSync(file) || existsSync(failed), SECONDS + 120);
  if (!existsSync(file)) throw new Error(`another file could not make the recordings: ${readFileSync(failed, 'utf8')}`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

function comesFirst() {
  try {
    mkdirSync(path.join(WORK, 'recordings.begun'));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

export const originFolder = path.join(WORK, 'origin');

async function record() {
  const sessions = path.join(WORK, 'sessions');
  mkdirSync(originFolder, { recursive: true });
  const origin = await new Origin(originFolder).listen();
  const channels = Object.entries(KINDS).map(([name, kind]) => new Channel(origin, name, kind, LOGS));
  const recorders = new Map();
  try {
    for (const channel of channels) channel.start();
    const made = await Promise.all(channels.map(async (channel) => {
      await channel.ready();
      const recorder = new Recorder(sessions, channel.name, channel.url, path.join(LOGS, `isrecorder-${channel.name}`));
      recorders.set(channel.name, recorder);
      await delay(SECONDS * 1000);
      await channel.quiet();
      const ended = await recorder.stop();
      return {
        kind: channel.name,
        session: recorder.folder,
        port: origin.port,
        entry: `/${channel.name}/${channel.kind.entry}`,
        stopping: recorder.stopping,
        cpuSeconds: recorder.cpuSeconds,
        ended,
        publications: channel.publications(),
        log: origin.log.filter((one) => one.path.startsWith(`/${channel.name}/`)),
      };
    }));
    if (origin.failures.length) throw new AggregateError(origin.failures, 'the origin could not answer');
    return made;
  } finally {
    for (const { child } of recorders.values()) child.process.kill('SIGKILL'); // where it still runs, a test has failed
    await Promise.all(channels.map((channel) => channel.stop()));
    await origin.close();
  }
}
