"""Low-latency channels, recorded by isrecorder and fetched by curl in turns.

The origin (a process of its own) holds requests as RFC 8216bis 6.2.5.2 says and publishes by the clock. A curl fetches of each
channel what the recorder fetches: over one connection each revision, its part, and each segment. CPU time is that of the
recorder, or of all curls, between the end of warming up and the end of the window.
"""
import argparse
import asyncio
import contextlib
import os
import pathlib
import sqlite3
import sys
import time
from urllib.parse import parse_qs, urlsplit

from common import BIN, HOME, Process, cpu_seconds, free_port, listens, median, memory_mib, scratch, table, until

PARTS = 4
WINDOW = 6
WITH_PARTS = 3

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--channels', type=int, default=50)
parser.add_argument('--seconds', type=float, default=30)
parser.add_argument('--warm', type=float, default=10)
parser.add_argument('--part', type=float, default=0.5, help='seconds of a part; four are a segment')
parser.add_argument('--kbits', type=int, default=1000, help='kbit/s of a channel')
parser.add_argument('--rounds', type=int, default=3)
parser.add_argument('--other', type=pathlib.Path, help='another isrecorder, measured as well')
parser.add_argument('--origin', help=argparse.SUPPRESS)
arguments = parser.parse_args()
part_bytes = int(arguments.kbits * 125 * arguments.part)


def playlist(count):
    """The text when so many parts are there."""
    whole = count // PARTS
    first = max(0, whole - WINDOW)
    target = max(1, round(PARTS * arguments.part))
    lines = ['#EXTM3U', '#EXT-X-VERSION:9', f'#EXT-X-TARGETDURATION:{target}',
             f'#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={3 * arguments.part}',
             f'#EXT-X-PART-INF:PART-TARGET={arguments.part}', f'#EXT-X-MEDIA-SEQUENCE:{first}', '#EXT-X-MAP:URI="init.mp4"']
    for segment in range(first, whole + 1):
        if segment + WITH_PARTS > whole:
            lines += [f'#EXT-X-PART:DURATION={arguments.part},INDEPENDENT=YES,URI="part{n}.mp4"'
                      for n in range(segment * PARTS, min((segment + 1) * PARTS, count))]
        if segment < whole:
            lines += [f'#EXTINF:{PARTS * arguments.part},', f'segment{segment}.mp4']
    lines += [f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part{count}.mp4"', '']
    return '\n'.join(lines).encode()


class Origin:
    """`/cN/` is a channel; all of them publish at the same moments, spread over a part by their numbers."""

    def __init__(self, began):
        self.began = began
        self.noise = os.urandom(part_bytes * PARTS + 65536)

    def published(self, channel):
        late = arguments.part * (channel % 50) / 50
        return WINDOW * PARTS + int((time.time() - self.began - late) / arguments.part)

    async def until(self, channel, count):
        due = self.began + arguments.part * ((channel % 50) / 50 + count - WINDOW * PARTS)
        if due > time.time():
            await asyncio.sleep(due - time.time() + 0.001)

    def media(self, channel, first, count):
        """Each part has other bytes; a segment is its parts."""
        parts = []
        for n in range(first, first + count):
            at = (n * 7919 + channel * 104729) % 65536
            parts.append(self.noise[at:at + part_bytes])
        return b''.join(parts)

    async def answer(self, target):
        url = urlsplit(target)
        _, channel, name = url.path.split('/')
        channel = int(channel[1:])
        number = int(''.join(filter(str.isdigit, name.split('.')[0])) or 0)
        if name == 'main.m3u8':
            return 'application/vnd.apple.mpegurl', b'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlive.m3u8\n'
        if name == 'live.m3u8':
            query = {key: int(values[0]) for key, values in parse_qs(url.query).items()}
            if '_HLS_msn' in query:
                await self.until(channel, query['_HLS_msn'] * PARTS + query.get('_HLS_part', PARTS - 1) + 1)
            return 'application/vnd.apple.mpegurl', playlist(self.published(channel))
        if name == 'init.mp4':
            return 'video/mp4', self.noise[:800]
        if name.startswith('part'):
            await self.until(channel, number + 1)
            return 'video/mp4', self.media(channel, number, 1)
        return 'video/mp4', self.media(channel, number * PARTS, PARTS)

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b'\r\n\r\n')
                kind, body = await self.answer(head.split(b' ', 2)[1].decode())
                writer.write(f'HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def origin(port, began):
    server = await asyncio.start_server(Origin(began).serve, '127.0.0.1', port)
    await server.serve_forever()


def commands(who, base, began, folder):
    channels = range(arguments.channels)
    if who != 'curl':
        return [[who, '-q', '-o', folder, '-s', 'session1'] + [f'c{n}={base}/c{n}/main.m3u8' for n in channels]]
    first = WINDOW * PARTS + int((time.time() - began) / arguments.part)
    last = first + int((arguments.warm + arguments.seconds + 60) / arguments.part)
    made = []
    for n in channels:
        (folder / f'{n}').mkdir()
        lines = []
        fetch = lambda name, to: lines.extend([f'url = "{base}/c{n}/{name}"', f'output = "{folder}/{n}/{to}"'])
        for part in range(first, last):
            fetch(f'live.m3u8?_HLS_msn={part // PARTS}&_HLS_part={part % PARTS}', f'live{part}.m3u8')
            fetch(f'part{part}.mp4', f'part{part}.mp4')
            if part % PARTS == PARTS - 1:
                fetch(f'segment{part // PARTS}.mp4', f'segment{part // PARTS}.mp4')
        (folder / f'{n}.conf').write_text('\n'.join(lines))
        made.append(['curl', '-s', '-f', '-K', folder / f'{n}.conf'])
    return made


def fetched(who, folder):
    """Parts that are there."""
    if who == 'curl':
        return len(list(folder.glob('*/part*.mp4')))
    with sqlite3.connect(f'file:{folder}/session1/session.db?mode=ro', uri=True) as session:
        return session.execute("SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id "
                               "WHERE r.kind = 'part' AND e.outcome = 'complete' AND e.status = 200").fetchone()[0]


def measure(who, base, began, folder):
    log = HOME / 'parts.log'
    processes = [Process(command, log) for command in commands(who, base, began, folder)]
    try:
        time.sleep(arguments.warm)
        for one in processes:
            one.check()
        pids = [one.child.pid for one in processes]
        begin, before, there = time.time(), cpu_seconds(pids), fetched(who, folder)
        time.sleep(arguments.seconds)
        took, cpu, there = time.time() - begin, cpu_seconds(pids) - before, fetched(who, folder) - there
        memory = memory_mib(pids)
        for one in processes:
            one.check()
    finally:
        for one in processes:
            one.child.terminate()
        for one in processes:
            one.stop()
    return {'cpu': cpu / (arguments.channels * took / 60), 'memory': memory,
            'parts': 100 * there * arguments.part / (arguments.channels * took)}


def main():
    if arguments.origin:
        port, began = arguments.origin.split(':')
        return asyncio.run(origin(int(port), float(began)))
    everybody = [str(BIN / 'isrecorder')] + ([str(arguments.other)] if arguments.other else []) + ['curl']
    results = {who: [] for who in everybody}
    port, began = free_port(), time.time()
    server = Process([sys.executable, __file__, *sys.argv[1:], '--origin', f'{port}:{began}'], HOME / 'parts-origin.log')
    with contextlib.ExitStack() as kept:
        kept.callback(server.stop)
        until('the origin listens', lambda: listens(port) or server.check())
        for _ in range(arguments.rounds):
            for who in results:
                # Removed when all is over: a file system without a journal looks through what was removed lately for each new file.
                folder = kept.enter_context(scratch())
                results[who].append(measure(who, f'http://127.0.0.1:{port}', began, folder))
                print(who, *(f'{key} {value:.3f}' for key, value in results[who][-1].items()), flush=True)
    of = lambda who, what: median([one[what] for one in results[who]])
    rows = [[who, of(who, 'cpu'), of(who, 'cpu') / of('curl', 'cpu'), of(who, 'memory'), of(who, 'parts')] for who in results]
    table(f'{arguments.channels} low-latency channels, parts of {arguments.part:g} s at {arguments.kbits} kbit/s',
          ['', 'CPU s per channel-minute', 'of curl', 'memory MiB (PSS)', '% of the parts'], rows)


main()
