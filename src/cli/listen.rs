//! The socket that players connect to, and the URLs that they find it at.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::replayer::Description;

const MINUTE_US: i64 = 60_000_000;
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
    /// The path of its first stream.
    path: String,
    /// There is a list of all that was recorded.
    has_dvr: bool,
    /// Something is there from one minute on.
    has_minute: bool,
}

impl Shown {
    /// Before anything is known.
    pub(super) fn all() -> Self {
        Self {
            path: "/stream.m3u8".to_owned(),
            has_dvr: true,
            has_minute: true,
        }
    }

    pub(super) fn from_description(description: &Description, has_dvr: bool) -> Self {
        let first = description.streams.first();
        let plain = first.filter(|stream| stream.dump.is_some());
        let is_long = description.recording || description.length_us > MINUTE_US;
        Self {
            path: plain.map_or_else(|| Self::all().path, |stream| stream.path.clone()),
            has_dvr,
            has_minute: is_long && description.kept_from_us <= MINUTE_US,
        }
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
    let path = &shown.path;
    let port = listener.local_addr()?.port();
    let (host, elsewhere) = match address {
        Some(address) if !address.is_unspecified() => (address, None),
        Some(_) | None => (Ipv4Addr::LOCALHOST.into(), own_address()),
    };
    let url = |address: IpAddr| format!("http://{}", SocketAddr::new(address, port));
    let host = url(host);
    let mut lines = vec![format!("Play     {host}{path}")];
    if let Some(address) = elsewhere {
        lines.push(format!("         {}{path}", url(address)));
    }
    if shown.has_minute {
        lines.push(format!(
            "         {host}{path}?offset=60  (from one minute on, on a timeline of its own)"
        ));
    }
    if shown.has_dvr {
        lines.push(format!(
            "         {host}/dvr.m3u8  (all that was recorded, to export or to rewind in)"
        ));
    }
    lines.push(format!("         {host}/  (everything there is)"));
    Ok(lines)
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
