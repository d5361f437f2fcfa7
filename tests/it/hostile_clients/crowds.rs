//! Many clients at once that ask slowly or do not read, beside one that plays.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::support::replayed::{LIVE, Replayed, SEGMENTS, converse, get, playlist, segment};
use crate::support::{Dice, rounds, seed};

/// Memory that the replayer may need, in bytes.
const MOST_MEMORY: usize = 250 * 1024 * 1024;
/// What takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(60);

#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

/// From one of several addresses, each of which has ports of its own.
fn connect(to: SocketAddr, number: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from = Ipv4Addr::new(127, 0, 1, 1 + (number % 8) as u8);
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// What one of the crowd does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Silent,
    /// The beginning of a request, never its end.
    Slow,
    /// A request and another half.
    Half,
    NeverReads,
    Garbage,
}

fn begin(to: SocketAddr, number: usize, way: Way, dice: &mut Dice) -> TcpStream {
    let mut client = connect(to, number);
    let bytes = match way {
        Way::Silent => Vec::new(),
        Way::Slow => b"GET /stream.m3u8 HTTP/1.1\r\nHost: h\r\nA: "[..20 + number % 20].to_vec(),
        Way::Half => [&get("/favicon.ico")[..], b"GET /str"].concat(),
        Way::NeverReads => get(&format!("{LIVE}/large.ts")),
        Way::Garbage => (0..200)
            .map(|_| dice.roll() as u8)
            .chain(*b"\0\n")
            .collect(),
    };
    client.write_all(&bytes).unwrap();
    client.set_nonblocking(true).unwrap();
    client
}

/// Whether the server has closed it; what came is thrown away, but not of one that never reads.
fn is_closed(client: &mut TcpStream, way: Way) -> bool {
    if way == Way::NeverReads {
        return rustix::net::sockopt::socket_error(&*client).is_ok_and(|e| e.is_err());
    }
    let mut some = [0; 4096];
    loop {
        match client.read(&mut some) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// A good player: the playlist and its chunks, in order, again and again until it is told to stop;
/// how long each answer took.
fn play(address: SocketAddr, stop: &AtomicBool) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let listed = playlist().replace("seg", &format!("{}/seg", &LIVE[1..]));
    while !stop.load(Ordering::Relaxed) || took.len() < 2 * SEGMENTS {
        for number in 0..=SEGMENTS {
            let (path, wanted) = match number.checked_sub(1) {
                None => ("/stream.m3u8".to_owned(), listed.clone().into_bytes()),
                Some(number) => (format!("{LIVE}/seg{number}.ts"), segment(number)),
            };
            let asked = now();
            let answer = converse(&mut client, &get(&path), true);
            took.push(asked.elapsed());
            assert_eq!(answer.status, 200, "{path}: {}", answer.head);
            assert!(answer.body == wanted, "{path}");
        }
    }
    took.sort();
    took
}

fn p99(took: &[Duration]) -> Duration {
    took[took.len() * 99 / 100]
}

/// As many descriptors as the system gives.
fn raise() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(65_536).min(65_536);
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    wanted as usize
}

#[test]
fn slow_and_deaf_clients_by_chance_do_not_disturb_a_player() {
    let is_long = rounds(0, 1) == 1;
    let (slow, deaf, garbage) = (rounds(300, 10_000), rounds(20, 200), rounds(20, 500));
    let most = raise().min(slow + deaf + garbage + 200).to_string();
    // The long form has the time-outs that users have.
    let times = match is_long {
        true => ["10", "20"],
        false => ["2", "3"],
    };
    let [head, stall] = times;
    let mut replayed = Replayed::start(&[
        "--head-timeout",
        head,
        "--stall-timeout",
        stall,
        "--max-connections",
        &most,
        "--max-connections-per-address",
        &most,
        "-q",
    ]);
    let address = replayed.address;
    let alone = play(address, &AtomicBool::new(true));

    let stop = AtomicBool::new(false);
    let (beside, closed_after) = std::thread::scope(|scope| {
        let player = scope.spawn(|| play(address, &stop));
        let closed_after = crowd(address, [slow, deaf, garbage]);
        stop.store(true, Ordering::Relaxed);
        (player.join().unwrap(), closed_after)
    });
    replayed.check();
    let memory = replayed.most_memory();
    println!(
        "{slow} slow, {deaf} that never read, {garbage} with garbage: p99 {:?} alone, {:?} beside them \
         ({} answers); slow ones gone within {:?}, deaf ones within {:?}; {} MiB",
        p99(&alone),
        p99(&beside),
        beside.len(),
        closed_after[0],
        closed_after[1],
        memory >> 20
    );
    assert!(memory < MOST_MEMORY, "{memory}");
}

/// A crowd comes, and is closed; how long that took at most, of those that are slow and those that
/// are deaf.
fn crowd(address: SocketAddr, [slow, deaf, garbage]: [usize; 3]) -> [Duration; 2] {
    let mut dice = Dice::new(seed());
    let ways = std::iter::repeat_n(Way::NeverReads, deaf)
        .chain(std::iter::repeat_n(Way::Garbage, garbage))
        .chain((0..slow).map(|n| [Way::Slow, Way::Silent, Way::Half][n % 3]));
    let mut clients: Vec<_> = ways
        .enumerate()
        .map(|(n, way)| (begin(address, n, way, &mut dice), way, now()))
        .collect();
    let mut longest = [Duration::ZERO; 2];
    let deadline = now() + 2 * PATIENCE;
    while !clients.is_empty() {
        clients.retain_mut(|(client, way, began)| {
            let is_closed = is_closed(client, *way);
            if is_closed {
                let which = usize::from(*way == Way::NeverReads);
                longest[which] = longest[which].max(began.elapsed());
            }
            !is_closed
        });
        let left = clients.len();
        assert!(
            now() < deadline,
            "{left} are never closed: {:?}",
            clients[0].1
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    longest
}

#[test]
fn a_limit_of_connections_that_silent_ones_fill_is_none_for_a_player() {
    let mut replayed = Replayed::start(&[
        "--max-connections",
        "64",
        "--head-timeout",
        "300",
        "--idle-timeout",
        "300",
    ]);
    let silent: Vec<_> = (0..100).map(|n| connect(replayed.address, n)).collect();
    for _ in 0..5 {
        replayed.check();
    }
    play(replayed.address, &AtomicBool::new(true));
    drop(silent);
}

#[test]
fn a_replayer_without_descriptors_gives_up_idle_clients() {
    let line = "ulimit -n 64; exec \"$0\" \"$@\"";
    // More than it can open: accepting fails.
    let arguments = ["--max-connections", "64", "--head-timeout", "300", "-q"];
    let mut replayed = Replayed::start_under(&["bash", "-c", line], &arguments);
    let silent: Vec<_> = (0..100).map(|n| connect(replayed.address, n)).collect();
    for _ in 0..3 {
        replayed.check();
    }
    drop(silent);
}
