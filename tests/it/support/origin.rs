//! An origin that does as it is scripted, misbehaviour included: hence raw sockets.
//!
//! It is reached under two host names, `127.0.0.1` and `localhost`. It remembers all that
//! it was asked. One that nobody ever asked fails its test.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::Duration;

use super::reply::{End, Reply, Then};

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: String,
    /// Path and query; all of the URL where a proxy is asked.
    pub target: String,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    /// How many times this target was asked for before.
    pub nth: usize,
    /// How many requests its connection had carried before.
    pub carried: usize,
}

impl Ask {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(n, _)| n == name)?;
        Some(value)
    }
}

type Script = dyn Fn(&Ask) -> Reply + Send + Sync;

/// The origin.
pub struct Origin {
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    script: Box<Script>,
    tls: Option<Arc<rustls::ServerConfig>>,
    state: Mutex<State>,
    /// Something was asked, or all is over.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    over: bool,
    asks: Vec<Ask>,
    counts: HashMap<String, usize>,
    connections: Vec<Weak<TcpStream>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in one test's script is that test's failure, and told there.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Origin {
    /// Answers each request with what `script` says.
    pub fn new(script: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Ipv4Addr::LOCALHOST, Box::new(script), None)
    }

    /// As [`Self::new`], at every address that this machine has.
    #[allow(dead_code)]
    pub fn at_all_addresses(script: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Ipv4Addr::UNSPECIFIED, Box::new(script), None)
    }

    /// As [`Self::new`], over TLS.
    pub fn over_tls(
        config: rustls::ServerConfig,
        script: impl Fn(&Ask) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(
            Ipv4Addr::LOCALHOST,
            Box::new(script),
            Some(Arc::new(config)),
        )
    }

    fn start(at: Ipv4Addr, script: Box<Script>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind((at, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script,
            tls,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || serve(&serving, &listener));
        Self { shared, address }
    }

    /// A URL of it, by its address.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The same by its name: another host to whoever compares names.
    pub fn by_name(&self, path: &str) -> String {
        self.url(path).replace("127.0.0.1", "localhost")
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests so far, in order.
    pub fn asks(&self) -> Vec<Ask> {
        self.shared.state().asks.clone()
    }

    /// Requests for a target so far.
    pub fn asks_for(&self, target: &str) -> Vec<Ask> {
        let asks = self.asks();
        asks.into_iter().filter(|a| a.target == target).collect()
    }

    /// How many times a target was asked for.
    pub fn count(&self, target: &str) -> usize {
        self.shared.state().counts.get(target).copied().unwrap_or(0)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.over = true;
        for connection in state.connections.drain(..).filter_map(|c| c.upgrade()) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        let never_asked = state.asks.is_empty();
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        assert!(
            !never_asked || std::thread::panicking(),
            "the origin was never asked for anything"
        );
    }
}

fn serve(shared: &Arc<Shared>, listener: &TcpListener) {
    for stream in listener.incoming() {
        let Ok(stream) = stream.map(Arc::new) else {
            continue;
        };
        let mut state = shared.state();
        if state.over {
            return;
        }
        state.connections.retain(|c| c.strong_count() > 0);
        state.connections.push(Arc::downgrade(&stream));
        drop(state);
        let shared = Arc::clone(shared);
        // A client that goes away ends its connection; that is no failure of a test.
        std::thread::spawn(move || talk(&shared, stream));
    }
}

fn talk(shared: &Shared, stream: Arc<TcpStream>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match &shared.tls {
        None => converse(shared, &stream, Plain(Arc::clone(&stream))),
        Some(config) => {
            let connection =
                rustls::ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
            let secured = rustls::StreamOwned::new(connection, Plain(Arc::clone(&stream)));
            converse(shared, &stream, secured)
        }
    }
}

fn converse(shared: &Shared, socket: &TcpStream, stream: impl Read + Write) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut carried = 0;
    while let Some(head) = read_head(&mut stream)? {
        let ask = note(shared, head, carried);
        carried += 1;
        let reply = (shared.script)(&ask);
        if !write_reply(shared, socket, stream.get_mut(), &reply)? {
            return Ok(());
        }
    }
    Ok(())
}

fn note(shared: &Shared, (method, target, fields): Head, carried: usize) -> Ask {
    let mut state = shared.state();
    let count = state.counts.entry(target.clone()).or_default();
    *count += 1;
    let ask = Ask {
        nth: *count - 1,
        carried,
        method,
        target,
        fields,
    };
    state.asks.push(ask.clone());
    drop(state);
    shared.changed.notify_all();
    ask
}

type Head = (String, String, Vec<(String, String)>);

/// `None`: the client is done.
fn read_head(stream: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut fields = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            None => return Ok(Some((method, target, fields))),
            Some((name, value)) => {
                fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }
}

/// Whether the connection can go on.
fn write_reply(
    shared: &Shared,
    socket: &TcpStream,
    stream: &mut impl Write,
    reply: &Reply,
) -> io::Result<bool> {
    let whole = reply.body.len();
    let sent = match reply.end {
        End::Silent => {
            wait_until_over(shared);
            return Ok(false);
        }
        End::Closed => return Ok(false),
        End::Aborted => {
            reset_at_end(socket)?;
            return Ok(false);
        }
        End::Cut(n) | End::Reset(n) | End::Hang(n) => n.min(whole),
        End::Complete
        | End::Chunked(_)
        | End::Drip(_)
        | End::Live(..)
        | End::Raw
        | End::RawLive(..) => whole,
    };
    if !matches!(reply.end, End::Raw | End::RawLive(..)) {
        stream.write_all(head(reply).as_bytes())?;
    }
    match reply.end {
        End::Chunked(size) => {
            for chunk in reply.body.chunks(size) {
                write!(stream, "{:x}\r\n", chunk.len())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")?;
        }
        End::Drip(time) => {
            for part in reply.body.chunks(whole.div_ceil(10).max(1)) {
                std::thread::sleep(time / 10);
                stream.write_all(part)?;
                stream.flush()?;
            }
        }
        End::Live(size, pause, then) => {
            let how = (size, pause, then, true);
            return write_live(shared, socket, stream, &reply.body, how);
        }
        End::RawLive(size, pause, then) => {
            let how = (size, pause, then, false);
            return write_live(shared, socket, stream, &reply.body, how);
        }
        _ => stream.write_all(&reply.body[..sent])?,
    }
    stream.flush()?;
    match reply.end {
        End::Hang(_) => wait_until_over(shared),
        End::Reset(_) => reset_at_end(socket)?,
        _ => {}
    }
    Ok(matches!(
        reply.end,
        End::Complete | End::Chunked(_) | End::Drip(_)
    ))
}

fn write_live(
    shared: &Shared,
    socket: &TcpStream,
    stream: &mut impl Write,
    body: &[u8],
    (size, pause, then, chunked): (usize, Duration, Then, bool),
) -> io::Result<bool> {
    loop {
        for chunk in body.chunks(size) {
            if chunked {
                write!(stream, "{:x}\r\n", chunk.len())?;
            }
            stream.write_all(chunk)?;
            if chunked {
                stream.write_all(b"\r\n")?;
            }
            stream.flush()?;
            std::thread::sleep(pause);
        }
        match then {
            Then::Again => continue,
            Then::End if chunked => stream.write_all(b"0\r\n\r\n")?,
            Then::End | Then::Closed => {}
            Then::Reset => reset_at_end(socket)?,
            Then::Hang => wait_until_over(shared),
        }
        return Ok(chunked && then == Then::End);
    }
}

/// RFC 9293 3.10.4, ABORT.
fn reset_at_end(socket: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO))
}

fn head(reply: &Reply) -> String {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    for (name, value) in &reply.fields {
        head += &format!("{name}: {value}\r\n");
    }
    match reply.end {
        End::Chunked(_) | End::Live(..) => head += "Transfer-Encoding: chunked\r\n",
        _ if reply.status == 304 || reply.status == 204 => {}
        _ => head += &format!("Content-Length: {}\r\n", reply.body.len()),
    }
    head + "\r\n"
}

fn wait_until_over(shared: &Shared) {
    let mut state = shared.state();
    while !state.over {
        state = shared
            .changed
            .wait(state)
            .unwrap_or_else(|e| e.into_inner());
    }
}

/// A socket that its origin can still shut down.
struct Plain(Arc<TcpStream>);

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
