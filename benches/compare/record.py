"""Live channels of one encoder, recorded by isrecorder and by others in turns.

Each channel is the same playlist under another path of an nginx, whose access log says who asked for what
and when. CPU time is that of the recorders between the end of warming up and the end of the window.
"""
import argparse
import threading
import time

from common import (BIN, HOME, Process, cpu_seconds, family, free_port, media, median, memory_mib, nginx, percentile,
                    scratch, table, until)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--channels', type=int, default=50)
parser.add_argument('--seconds', type=float, default=30)
parser.add_argument('--warm', type=float, default=15)
parser.add_argument('--segment', type=float, default=2, help='seconds of a segment')
parser.add_argument('--rounds', type=int, default=3)
parser.add_argument('--only', default='isrecorder,ffmpeg,streamlink')
arguments = parser.parse_args()


class Live:
    """The origin: when it published what."""

    def __init__(self, folder):
        self.folder = folder / 'live'
        self.folder.mkdir()
        self.log = folder / 'nginx/access.log'
        self.port = free_port()
        self.published = []
        self.encoder = Process(
            ['ffmpeg', '-v', 'error', '-re', '-stream_loop', '-1', '-i', media(), '-c', 'copy', '-f', 'hls',
             '-hls_time', arguments.segment, '-hls_list_size', 6, '-hls_delete_threshold', 6,
             '-hls_flags', 'delete_segments+temp_file', '-hls_segment_filename', self.folder / '%d.ts',
             self.folder / 'live.m3u8'], folder / 'encoder.log')
        self.server = nginx(folder / 'nginx', self.port,
                            f'location ~ ^/c[0-9]+/(.*)$ {{ alias {self.folder}/$1; access_log {self.log} times; }}')
        until('the channel is on the air', lambda: (self.folder / '3.ts').exists() or self.encoder.check())
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        playlist, last = self.folder / 'live.m3u8', None
        while self.encoder.child.poll() is None:
            changed = playlist.stat().st_mtime
            if changed != last:
                self.published.append(changed)
                last = changed
            time.sleep(0.01)

    def url(self, channel):
        return f'http://127.0.0.1:{self.port}/c{channel}/live.m3u8'

    def asked(self, begin, end):
        """By channel: when its playlist was asked for."""
        polls = {}
        for line in self.log.read_text().splitlines():
            at, took, _, path = line.split(' ', 3)
            at = float(at) - float(took)
            if begin <= at < end and path.endswith('.m3u8'):
                polls.setdefault(path, []).append(at)
        return polls

    def stop(self):
        self.encoder.stop()
        self.server.stop()


def commands(who, live, folder):
    channels = range(arguments.channels)
    if who == 'isrecorder':
        return [[BIN / who, '-q', '-o', folder, '-s', 'session1'] + [f'c{n}={live.url(n)}' for n in channels]]
    if who == 'ffmpeg':
        for n in channels:
            (folder / f'{n}').mkdir()
        return [['ffmpeg', '-v', 'error', '-nostdin', '-i', live.url(n), '-c', 'copy', '-f', 'hls',
                 '-hls_time', arguments.segment, '-hls_list_size', 0, folder / f'{n}/live.m3u8'] for n in channels]
    return [[HOME / 'python/bin/streamlink', '--no-config', '-l', 'error', '-f', '-o', folder / f'{n}.ts',
             f'hls://{live.url(n)}', 'best'] for n in channels]


def measure(who, live, folder):
    log = HOME / f'{who}.log'
    processes = [Process(command, log) for command in commands(who, live, folder)]
    try:
        time.sleep(arguments.warm)
        for one in processes:
            one.check()
        pids = [pid for one in processes for pid in family(one.child.pid)]
        begin, before = time.time(), cpu_seconds(pids)
        time.sleep(arguments.seconds)
        end, cpu = time.time(), cpu_seconds(pids) - before
        memory = memory_mib(pids)
    finally:
        for one in processes:
            one.child.terminate()
        for one in processes:
            one.stop()
    revisions = [(at, then) for at, then in zip(live.published, live.published[1:]) if begin <= at and then <= end]
    polls = live.asked(begin, end)
    missed, delays = 0, []
    for n in range(arguments.channels):
        times = polls.get(f'/c{n}/live.m3u8', [])
        for at, then in revisions:
            first = min((one for one in times if at <= one < then), default=None)
            missed += first is None
            delays += [] if first is None else [(first - at) * 1000]
    all_revisions = len(revisions) * arguments.channels
    return {
        'cpu': cpu / (arguments.channels * (end - begin) / 60),
        'memory': memory,
        'missed': 100 * missed / all_revisions,
        'p50': percentile(delays, 0.5),
        'p99': percentile(delays, 0.99),
        'requests': sum(map(len, polls.values())) / (arguments.channels * (end - begin) / arguments.segment),
    }


def main():
    results = {who: [] for who in arguments.only.split(',')}
    with scratch() as folder:
        live = Live(folder)
        try:
            for _ in range(arguments.rounds):
                for who in results:
                    with scratch() as out:
                        results[who].append(measure(who, live, out))
        finally:
            live.stop()
    of = lambda who, what: median([one[what] for one in results[who]])
    reference = of('ffmpeg', 'cpu') if 'ffmpeg' in results else float('nan')
    rows = [[who, of(who, 'cpu'), of(who, 'cpu') / reference, of(who, 'memory'), of(who, 'missed'), of(who, 'p50'),
             of(who, 'p99'), of(who, 'requests')] for who in results]
    table(f'{arguments.channels} live channels, segments of {arguments.segment:g} s at 5 Mbit/s',
          ['', 'CPU s per channel-minute', 'of ffmpeg', 'memory MiB (PSS)', 'revisions missed %', 'noticed after ms, p50',
           'p99', 'requests per revision'], rows)


main()
