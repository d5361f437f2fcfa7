"""isreplayer beside nginx that serves the same bytes as static files, in turns.

A session is recorded first: a live channel for its playlist and its chunks, and a playlist of 1 MB.
"""
import argparse
import re
import subprocess
import time
import urllib.parse
import urllib.request

from common import BIN, Process, cpu_seconds, family, free_port, listens, media, median, nginx, scratch, table, until

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--seconds', type=float, default=5)
parser.add_argument('--rounds', type=int, default=3)
arguments = parser.parse_args()

#: Segments whose names make a playlist of 1 MB.
LARGE = 4500


def origin(folder):
    """A live window that stands still, with chunks of 2 MB; a playlist of 1 MB, whose segments are tiny."""
    live = folder / 'origin'
    (live / 'large').mkdir(parents=True)
    with media().open('rb') as source:
        for n in range(6):
            (live / f'{n}.ts').write_bytes(source.read(2 * 1024 * 1024 // 188 * 188))
    head = '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n'
    # As long as the playlists of real channels are: with dates.
    lines = ''.join(f'#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{n:02}.000Z\n#EXTINF:2.96,\n{n}.ts\n' for n in range(6))
    lines += '# ' + 'x' * (1000 - len(head) - len(lines)) + '\n'
    (live / 'live.m3u8').write_text(head + lines + '#EXT-X-ENDLIST\n')
    name = lambda n: f'segment-{n:06}-' + f'{n * 7919 % 999983:06}' * 32 + '.ts'
    for n in range(LARGE):
        (live / 'large' / name(n)).write_bytes(b'\x47' + n.to_bytes(4, 'big') * 46 + b'\0\0\0')
    (live / 'large/all.m3u8').write_text(
        head + ''.join(f'#EXTINF:2.96,\n{name(n)}\n' for n in range(LARGE)) + '#EXT-X-ENDLIST\n')
    return live


def record(folder, live):
    port = free_port()
    server = nginx(folder / 'origin-nginx', port, f'location / {{ root {live}; }}')
    try:
        subprocess.run([BIN / 'isrecorder', '-q', '-o', folder, '-s', 'session1', '--duration', '2m',
                        f'live=http://127.0.0.1:{port}/live.m3u8',
                        f'large=http://127.0.0.1:{port}/large/all.m3u8'], check=True)
    finally:
        server.stop()


def get(url, **fields):
    with urllib.request.urlopen(urllib.request.Request(url, headers=fields)) as answer:
        return answer.geturl(), answer.read()


def wrk(url, connections, server, fields=()):
    pids = family(server.child.pid)
    before = cpu_seconds(pids)
    output = subprocess.run(
        ['wrk', '-t2', f'-c{connections}', f'-d{arguments.seconds:g}s', '--latency', '--timeout', '10s', *sum((['-H', f] for f in fields), []), url],
        check=True, capture_output=True, text=True).stdout
    if 'Non-2xx' in output or 'Socket errors' in output:
        raise SystemExit(f'{url}:\n{output}')
    count = int(re.search(r'(\d+) requests in', output).group(1))
    return {
        'rate': float(re.search(r'Requests/sec:\s*([\d.]+)', output).group(1)),
        'p99': milliseconds(re.search(r'99%\s*([\d.]+)(us|ms|s)', output)),
        'cpu': 1e6 * (cpu_seconds(pids) - before) / count,
    }


def milliseconds(match):
    return float(match.group(1)) * {'us': 0.001, 'ms': 1, 's': 1000}[match.group(2)]


def alternately(ours, theirs, connections, fields=()):
    results = {'isreplayer': [], 'nginx': []}
    for _ in range(arguments.rounds):
        for who, (server, url) in {'isreplayer': ours, 'nginx': theirs}.items():
            results[who].append(wrk(url, connections, server, fields))
    return {who: {what: median([one[what] for one in all_of]) for what in all_of[0]} for who, all_of in results.items()}


def main():
    with scratch() as folder:
        record(folder, origin(folder))
        port, static, squeezed = free_port(), free_port(), free_port()
        started = time.monotonic()
        replayer = Process([BIN / 'isreplayer', '-q', '-f', folder, '-p', port, '-o', 3600, 'session1'],
                           folder / 'log')
        until('isreplayer listens', lambda: listens(port) or replayer.check())
        first = time.monotonic() - started
        files = folder / 'files'
        files.mkdir()
        servers = [replayer]
        try:
            base = f'http://127.0.0.1:{port}'
            urls = {}
            for name in ('live', 'large'):
                urls[name], body = get(f'{base}/{name}/stream.m3u8')
                (files / f'{name}.m3u8').write_bytes(body)
            relative = [line for line in (files / 'live.m3u8').read_text().splitlines() if line and line[0] != '#'][0]
            urls['chunk'] = urllib.parse.urljoin(urls['live'], relative)
            (files / 'chunk.ts').write_bytes(get(urls['chunk'])[1])
            plain = nginx(folder / 'nginx', static, f'location / {{ root {files}; }}')
            servers.append(plain)
            gzip = nginx(folder / 'nginx-gzip', squeezed, f'location / {{ root {files}; }}', gzip='on')
            servers.append(gzip)
            rows = []
            for what, name, file, connections, peer, peer_port, fields in [
                ('media playlist of 1 KB, 64 connections', 'live', 'live.m3u8', 64, plain, static, ()),
                ('media playlist of 1 KB, 1,000 connections', 'live', 'live.m3u8', 1000, plain, static, ()),
                ('playlist of 1 MB with gzip, 64 connections', 'large', 'large.m3u8', 64, gzip, squeezed, ['Accept-Encoding: gzip']),
                ('chunk of 2 MB, 64 connections', 'chunk', 'chunk.ts', 64, plain, static, ()),
            ]:
                both = alternately((replayer, urls[name]), (peer, f'http://127.0.0.1:{peer_port}/{file}'), connections, fields)
                ours, theirs = both['isreplayer'], both['nginx']
                rows.append([what, ours['rate'], theirs['rate'], ours['rate'] / theirs['rate'], ours['cpu'], theirs['cpu'],
                             ours['p99'], theirs['p99']])
            table('isreplayer beside nginx', ['', 'requests/s', 'nginx', 'ratio', 'CPU us/request', 'nginx', 'p99 ms', 'nginx'], rows)
            print(f'\nisreplayer listened {first:.2f} s after it was started')
        finally:
            for one in servers:
                one.stop()


main()
