//! A client that asks for one thing.

use std::io::{Read, Write};
use std::net::TcpStream;

/// A request that is sent; nothing of its answer is read.
pub fn ask(address: &str, path: &str) -> TcpStream {
    ask_with(address, path, "")
}

/// The same with header fields, each with its line ending.
pub fn ask_with(address: &str, path: &str, fields: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: h\r\n{fields}Connection: close\r\n\r\n"
    )
    .unwrap();
    connection
}

/// The path that a reference leads to from another one. All that a replayer serves are relative.
pub fn led(from: &str, reference: &str) -> String {
    let base = url::Url::parse(&format!("http://replay.test{from}")).unwrap();
    let url = base.join(reference).unwrap();
    let path = url.as_str().strip_prefix("http://replay.test");
    assert!(!reference.starts_with('/'), "{reference}");
    path.unwrap().to_owned()
}

/// The path that an answer redirects to.
pub fn led_by_location(from: &str, answer: &str) -> String {
    let mut lines = answer.lines();
    let location = lines.find_map(|line| line.strip_prefix("location: "));
    led(from, location.unwrap())
}

/// The whole answer, as text.
pub fn get(address: &str, path: &str) -> String {
    let mut answer = String::new();
    ask(address, path).read_to_string(&mut answer).unwrap();
    answer
}
