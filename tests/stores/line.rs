//! A line to a server that is cut: of each eight connections two end after so many bytes, one towards the server, one from it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub struct Line {
    url: String,
    cuts: Arc<AtomicUsize>,
}

impl Line {
    /// `bytes`: after so many a connection is cut.
    pub fn new(server: SocketAddr, bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                let (up, down) = match number % 8 {
                    0 => (bytes, usize::MAX),
                    1 => (usize::MAX, bytes),
                    _ => (usize::MAX, usize::MAX),
                };
                carry(&client, &server, up, &counted);
                carry(&server, &client, down, &counted);
            }
        });
        Self { url, cuts }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

/// Carries bytes one way, and cuts both ways behind so many.
fn carry(from: &TcpStream, to: &TcpStream, bytes: usize, cuts: &Arc<AtomicUsize>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let cuts = Arc::clone(cuts);
    thread::spawn(move || {
        let mut left = bytes;
        let mut some = [0; 16 * 1024];
        let carried: io::Result<()> = (|| {
            loop {
                let read = from.read(&mut some)?;
                to.write_all(&some[..read.min(left)])?;
                if read > left {
                    cuts.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                if read == 0 {
                    return Ok(());
                }
                left -= read;
            }
        })();
        drop(carried);
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}
