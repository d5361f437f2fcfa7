//! moto's server: objects in memory, on a port of its own.

use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that runs.
pub struct Server {
    child: Child,
    address: SocketAddr,
    url: String,
}

impl Server {
    pub fn start() -> Self {
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let Some(program) = env::var_os("MOTO") else {
            panic!("tests/stores/run says where moto_server is");
        };
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < PATIENCE, "moto_server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            child,
            address,
            url: format!("http://{address}"),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a bucket; the URL of an archive in it.
    pub fn bucket(&self, name: &str, prefix: &str) -> String {
        let mut connection = TcpStream::connect(self.address).unwrap();
        let place = "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";
        let length = place.len();
        let request = format!(
            "PUT /{name} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{place}",
            self.address
        );
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        format!("s3://{name}{prefix}")
    }
}

#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
