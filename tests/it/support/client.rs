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

/// The whole answer, as text.
pub fn get(address: &str, path: &str) -> String {
    let mut answer = String::new();
    ask(address, path).read_to_string(&mut answer).unwrap();
    answer
}
