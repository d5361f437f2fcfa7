"""What both comparisons need: processes and what they cost, an nginx of our own, a channel of media."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = pathlib.Path(os.environ['COMPARE_HOME']).resolve()
BIN = ROOT / 'target/release'
TICKS = os.sysconf('SC_CLK_TCK')
MEDIA_SECONDS = 120


class Process:
    """A process that does not outlive this program."""

    def __init__(self, arguments, log):
        with open(log, 'ab') as to:
            self.child = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=to, stderr=to)
        self.log = log

    def check(self):
        if self.child.poll() is not None:
            raise SystemExit(f'{self.child.args[0]} ended with {self.child.returncode}, see {self.log}')

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(10)
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


def family(pid):
    """A process and all that came of it."""
    below = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return [pid] + [one for child in below for one in family(int(child))]


def cpu_seconds(pids):
    """CPU time of processes, of user and system."""
    total = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(pids):
    """Memory of processes; what they share is shared out among them (PSS)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
                if line.startswith('Pss:'):
                    total += int(line.split()[1])
    return total / 1024


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def until(what, is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f'waited in vain until {what}')
        time.sleep(0.02)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
        return True
    return False


def nginx(folder, port, server, gzip='off'):
    """An nginx of our own, with two workers, in that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / 'nginx.conf'
    # Else its workers would be somebody who may not enter the folder.
    user = 'user root;' if os.geteuid() == 0 else ''
    config.write_text(f'''
{user} daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
  log_format times '$msec $request_time $status $uri';
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  gzip {gzip}; gzip_types application/vnd.apple.mpegurl;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} backlog=4096; {server} }}
}}
''')
    process = Process([shutil.which('nginx') or '/usr/sbin/nginx', '-p', folder, '-c', config], folder / 'nginx.log')
    until('nginx listens', lambda: listens(port) or process.check())
    return process


def media():
    """Two minutes at 5 Mbit/s, a key picture each second."""
    file = HOME / 'media.ts'
    if not file.exists():
        part = HOME / 'part.ts'
        subprocess.run(
            ['ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25',
             '-f', 'lavfi', '-i', 'sine=f=440:r=48000', '-t', str(MEDIA_SECONDS),
             '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-keyint_min', '25', '-sc_threshold', '0',
             '-b:v', '4500k', '-minrate', '4500k', '-maxrate', '4500k', '-bufsize', '1M', '-x264-params', 'nal-hrd=cbr',
             '-c:a', 'aac', '-b:a', '128k', '-muxrate', '5000k', '-f', 'mpegts', part], check=True)
        part.rename(file)
    return file


@contextlib.contextmanager
def scratch():
    folder = pathlib.Path(tempfile.mkdtemp(dir=HOME))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else float('nan')


def median(values):
    return statistics.median(values) if values else float('nan')


def table(title, columns, rows):
    print(f'\n{title}\n')
    cells = [columns] + [[one if isinstance(one, str) else f'{one:.3g}' for one in row] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    line = lambda row: '| ' + ' | '.join(cell.ljust(width) for cell, width in zip(row, widths)) + ' |'
    print(line(cells[0]))
    print('| ' + ' | '.join('-' * width for width in widths) + ' |')
    for row in cells[1:]:
        print(line(row))
