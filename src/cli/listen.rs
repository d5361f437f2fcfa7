//! The socket that players connect to, and the URLs that they find it at.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::replayer::Description;
use crate::replayer::request::timeline::format_time;

const SECOND_US: i64 = 1_000_000;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Listens on an address, or on all there are, IPv6 and IPv4; it does not block.
///
/// # Errors
/// What the system says.
pub(super) fn listen(address: Option<IpAddr>, port: u16) -> io::Result<TcpListener> {
    if let Some(address) = address {
        return listen_on(SocketAddr::new(address, port));
    }
    match listen_on(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)) {
        Err(error)
            if error.kind() != io::ErrorKind::AddrInUse
                && error.kind() != io::ErrorKind::PermissionDenied =>
        {
            // A machine without IPv6.
            listen_on(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
        }
        listener => listener,
    }
}

/// Why a port cannot be listened on, and what to do; `option` names another port.
pub(super) fn refusal(
    error: &io::Error,
    address: Option<IpAddr>,
    port: u16,
    option: &str,
) -> String {
    match (error.kind(), address) {
        (io::ErrorKind::AddrInUse, _) => {
            format!("port {port} is in use; choose another one with {option}")
        }
        (io::ErrorKind::PermissionDenied, _) => {
            format!("port {port} is not for this user; choose one above 1023 with {option}")
        }
        (_, Some(address)) => format!("cannot listen on {address} port {port}: {error}"),
        (_, None) => format!("cannot listen on port {port}: {error}"),
    }
}

/// What there is to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// The paths of its streams.
    paths: Vec<String>,
    /// The paths of the lists of all that was recorded of them.
    lists: Vec<String>,
    /// The session time from which on everything is kept, in seconds.
    start: i64,
    /// A later session time at which something is there, in seconds.
    offset: Option<i64>,
    /// When anything good was answered first, in microseconds of session time, where that was late.
    begins_us: Option<i64>,
    /// Where the server's clock comes to an end by itself.
    end_us: Option<i64>,
    /// Faults that are laid over count from when each player began.
    counts_from_players: bool,
    scheme: &'static str,
}

const HTTP: &str = "http";
/// What is answered first later than that is told of, in microseconds.
const LATE_US: i64 = SECOND_US / 2;
/// Streams that are named.
const MOST_NAMED: usize = 8;

impl Shown {
    /// Of a session that is just being recorded, of which nothing need be there yet but the names of its streams.
    pub(super) fn while_it_is_made(description: &Description) -> Self {
        let shown = Self::from_description(description, true);
        let lists = shown.paths.iter().filter_map(|path| {
            let folder = path.strip_suffix("stream.m3u8")?;
            Some(format!("{folder}dvr.m3u8"))
        });
        Self {
            lists: lists.collect(),
            // From where on there will be something.
            offset: shown.offset.or(Some(shown.start)),
            ..shown
        }
    }

    /// `is_shared`: the server's clock is one that its user has set.
    pub(super) fn from_description(description: &Description, is_shared: bool) -> Self {
        let is_over = !description.recording && !is_shared;
        let streams = description.streams.as_slice();
        let lists = streams.iter().filter_map(|stream| stream.dvr.clone());
        let (paths, lists) = match streams {
            [only] if only.dump.is_none() => {
                let list = only.dvr.as_ref().map(|_| "/dvr.m3u8".to_owned());
                (vec!["/stream.m3u8".to_owned()], list.into_iter().collect())
            }
            streams => (
                streams.iter().map(|stream| stream.path.clone()).collect(),
                lists.collect(),
            ),
        };
        Self {
            paths,
            lists,
            start: description.start(),
            offset: description.later(),
            begins_us: description
                .begins_us
                .filter(|us| us.saturating_sub(description.start() * SECOND_US) > LATE_US),
            end_us: is_over.then_some(description.length_us),
            counts_from_players: false,
            scheme: HTTP,
        }
    }

    /// Whether a fault that is laid over counts from when a player began.
    pub(super) fn with_rules(self, counts_from_players: bool) -> Self {
        Self {
            counts_from_players,
            ..self
        }
    }

    /// Whether players come over TLS.
    pub(super) fn over_tls(self, is_tls: bool) -> Self {
        let scheme = if is_tls { "https" } else { HTTP };
        Self { scheme, ..self }
    }
}

/// What players open, as lines; `address`: what was asked for.
///
/// # Errors
/// What the system says.
pub(super) fn play_lines(
    listener: &TcpListener,
    address: Option<IpAddr>,
    shown: &Shown,
) -> io::Result<Vec<String>> {
    let port = listener.local_addr()?.port();
    let (host, elsewhere) = match address {
        Some(address) if !address.is_unspecified() => (address, None),
        Some(_) | None => (Ipv4Addr::LOCALHOST.into(), own_address()),
    };
    let url = |address: IpAddr| format!("{}://{}", shown.scheme, SocketAddr::new(address, port));
    let (host, elsewhere) = (url(host), elsewhere.map(url));
    let mut lines = urls(&host, elsewhere.as_deref(), shown);
    let note = "  (all that was recorded, to export or to rewind in)";
    let notes = std::iter::once(note).chain(std::iter::repeat(""));
    let lists = shown.lists.iter().take(MOST_NAMED).zip(notes);
    lines.extend(lists.map(|(list, note)| format!("{host}{list}{note}")));
    lines.push(format!("{host}/  (the page: everything there is)"));
    let headings = std::iter::once("Play    ").chain(std::iter::repeat("        "));
    let headed = headings.zip(lines);
    Ok(headed
        .map(|(heading, line)| format!("{heading} {line}"))
        .collect())
}

/// The URLs of the streams, that of the first in each way in which it can be played. The server's clock goes on to
/// the end, whoever plays; a session that is over has most to show on a clock that begins with its player.
fn urls(host: &str, elsewhere: Option<&str>, shown: &Shown) -> Vec<String> {
    let (first, others) = match shown.paths.split_first() {
        Some((first, others)) => (first.as_str(), others),
        None => ("/stream.m3u8", &[][..]),
    };
    // From where a player begins that comes on its own.
    let start = match shown.end_us {
        Some(_) => format!("?offset={}", shown.start),
        None => String::new(),
    };
    let mut lines = Vec::new();
    let on_its_own = match (shown.end_us, shown.begins_us) {
        (None, _) => String::new(),
        (Some(_), None) => "  (from the start, whenever a player comes)".to_owned(),
        (Some(_), Some(begins_us)) => format!(
            "  (from the start, whenever a player comes; as recorded, no playlist is there before {})",
            format_time(begins_us)
        ),
    };
    lines.push(format!("{host}{first}{start}{on_its_own}"));
    lines.extend(elsewhere.map(|elsewhere| format!("{elsewhere}{first}{start}")));
    let named = others.iter().take(MOST_NAMED);
    lines.extend(named.map(|path| format!("{host}{path}{start}")));
    if let Some(seconds) = shown.offset {
        let from = format_time(seconds.saturating_mul(SECOND_US));
        lines.push(format!(
            "{host}{first}?offset={seconds}  (from {from} on, on a timeline of its own)"
        ));
    }
    if let Some(end_us) = shown.end_us {
        let end = format_time(end_us);
        // Then each player is led to a URL that says when it began, on the same clock.
        let rules = match shown.counts_from_players {
            true => "; rules with + count from when each began",
            false => "",
        };
        lines.push(format!(
            "{host}{first}  (one clock for all players: it runs now, and ends at {end}{rules})"
        ));
    }
    lines
}

/// Who can reach the port and what they get, as a sentence; `None`: only this machine can.
///
/// # Errors
/// What the system says.
pub(super) fn reach(listener: &TcpListener) -> io::Result<Option<String>> {
    let address = listener.local_addr()?;
    if address.ip().to_canonical().is_loopback() {
        return Ok(None);
    }
    let (whose, port) = match address.ip().is_unspecified() {
        true => ("this machine", address.port()),
        false => (&*address.ip().to_string(), address.port()),
    };
    Ok(Some(format!(
        "every machine that reaches port {port} of {whose} gets the recording, with its keys and the tokens in its \
         URLs; --bind 127.0.0.1 is for this machine alone"
    )))
}

/// The address at which other machines find this one, if there is a network.
fn own_address() -> Option<IpAddr> {
    // Connecting a datagram socket sends nothing; it asks the routing table.
    const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ANYWHERE).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    // Or a port would stay taken for a minute after a stop.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replayer::StreamDescription;

    fn described(
        recording: bool,
        kept_from_us: i64,
        length_us: i64,
        streams: &[&str],
    ) -> Description {
        let stream = |name: &&str| StreamDescription {
            name: (*name).to_owned(),
            url: format!("http://h/{name}.m3u8"),
            path: format!("/{name}/stream.m3u8"),
            dvr: None,
            dump: None,
            playlists: Vec::new(),
            left_out: Vec::new(),
        };
        Description {
            session: "s".to_owned(),
            recorded_us: 0,
            length_us,
            recording,
            kept_from_us,
            clip_of: None,
            begins_us: None,
            holes: Vec::new(),
            streams: streams.iter().map(stream).collect(),
        }
    }

    fn urls_of(description: &Description) -> Vec<String> {
        urls(
            "http://a",
            None,
            &Shown::from_description(description, false),
        )
    }

    #[test]
    fn what_is_over_begins_with_its_player_and_what_is_recorded_goes_with_all() {
        let over = urls_of(&described(false, 0, 90 * SECOND_US, &["hall"]));
        assert!(over[0].starts_with("http://a/stream.m3u8?offset=0  (from the start"));
        assert!(over[1].starts_with("http://a/stream.m3u8?offset=60  (from 0:01:00.000 on"));
        assert!(over[2].starts_with("http://a/stream.m3u8  (one clock for all players"));
        assert!(over[2].ends_with("ends at 0:01:30.000)"), "{over:?}");
        let late = Description {
            begins_us: Some(2_104_000),
            ..described(false, 0, 90 * SECOND_US, &["hall"])
        };
        let told = "?offset=0  (from the start, whenever a player comes; as recorded, no playlist is there before 0:00:02.104)";
        assert!(urls_of(&late)[0].ends_with(told));
        let live = urls_of(&described(true, 0, 90 * SECOND_US, &["hall"]));
        assert_eq!(live[0], "http://a/stream.m3u8");
        assert_eq!(live.len(), 2);
    }

    #[test]
    fn no_offset_is_offered_at_which_nothing_is_kept() {
        let offsets = |kept_us, length_us| {
            let all = urls_of(&described(false, kept_us, length_us, &["hall"]));
            let offsets = all.iter().filter_map(|line| line.split_once("?offset="));
            let numbers = offsets.map(|(_, rest)| rest.split(' ').next().unwrap().to_owned());
            numbers.collect::<Vec<_>>()
        };
        assert_eq!(offsets(0, 12 * SECOND_US), ["0", "6"]);
        assert_eq!(offsets(0, SECOND_US), ["0"]);
        assert_eq!(
            offsets(300 * SECOND_US + 1, 400 * SECOND_US),
            ["301", "361"]
        );
    }

    #[test]
    fn each_list_of_all_that_was_recorded_is_named_and_what_rules_count_from() {
        let mut two = described(false, 0, 90 * SECOND_US, &["hall", "radio"]);
        for stream in &mut two.streams {
            stream.dvr = Some(format!("/{}/dvr.m3u8", stream.name));
        }
        let shown = Shown::from_description(&two, false).with_rules(true);
        assert_eq!(shown.lists, ["/hall/dvr.m3u8", "/radio/dvr.m3u8"]);
        let lines = urls("http://a", None, &shown);
        let last = lines.last().unwrap();
        assert!(
            last.ends_with("; rules with + count from when each began)"),
            "{lines:?}"
        );
        two.streams.truncate(1);
        let shown = Shown::from_description(&two, false);
        assert_eq!(shown.lists, ["/dvr.m3u8"]);
        let made = Shown::while_it_is_made(&described(true, 0, 10, &["a", "b"]));
        assert_eq!(made.lists, ["/a/dvr.m3u8", "/b/dvr.m3u8"]);
    }

    #[test]
    fn a_recording_that_has_just_begun_offers_its_streams_and_its_start() {
        let of = |description: &Description| {
            let shown = Shown::while_it_is_made(description);
            urls("http://a", None, &shown)
        };
        let one = of(&described(true, 0, 10, &["hall"]));
        assert_eq!(one[0], "http://a/stream.m3u8");
        assert!(one[1].starts_with("http://a/stream.m3u8?offset=0  ("));
        let two = of(&described(true, 0, 10, &["a", "b"]));
        assert_eq!(
            two[..2],
            ["http://a/a/stream.m3u8", "http://a/b/stream.m3u8"]
        );
        assert!(two[2].starts_with("http://a/a/stream.m3u8?offset=0  ("));
        // One that goes on has more to offer.
        let resumed = of(&described(true, 0, 600 * SECOND_US, &["hall"]));
        assert!(resumed[1].starts_with("http://a/stream.m3u8?offset=60  ("));
    }

    #[test]
    fn each_stream_is_named_where_there_are_several() {
        let all = urls_of(&described(true, 0, 0, &["a", "b", "c"]));
        assert_eq!(
            all,
            [
                "http://a/a/stream.m3u8",
                "http://a/b/stream.m3u8",
                "http://a/c/stream.m3u8"
            ]
        );
    }

    #[test]
    fn a_port_is_taken_once() {
        let first = listen(None, 0).unwrap();
        let port = first.local_addr().unwrap().port();
        let error = listen(None, port).unwrap_err();
        assert_eq!(
            refusal(&error, None, port, "-p"),
            format!("port {port} is in use; choose another one with -p")
        );
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    }

    #[test]
    fn who_can_reach_it_is_said_unless_nobody_else_can() {
        let said = |address: Option<&str>| {
            let address = address.map(|address| address.parse().unwrap());
            reach(&listen(address, 0).unwrap()).unwrap()
        };
        let all = said(None).unwrap();
        assert!(
            all.contains(" of this machine gets the recording, with its keys"),
            "{all}"
        );
        assert!(said(Some("0.0.0.0")).is_some());
        assert_eq!(said(Some("127.0.0.1")), None);
        assert_eq!(said(Some("127.0.0.9")), None);
    }
}
