//! A page of a proxy's endpoints, as whoever asks reads it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The first line.
    pub status: String,
    /// The headers.
    pub head: String,
    /// What follows.
    pub body: String,
}

impl Page {
    /// Asks at an address.
    #[must_use]
    #[track_caller]
    pub fn at(address: SocketAddr, method: &str, path: &str, headers: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"
        );
        Self::answer(stream, &request)
    }

    /// Asks at a socket file.
    #[must_use]
    #[track_caller]
    pub fn at_file(file: &Path, method: &str, path: &str) -> Self {
        let stream = UnixStream::connect(file).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Self::answer(stream, &request)
    }

    /// The number in its first line.
    #[must_use]
    #[track_caller]
    pub fn code(&self) -> u16 {
        let code = self.status.split(' ').nth(1).unwrap();
        code.parse().unwrap()
    }

    #[track_caller]
    fn answer(mut stream: impl Read + Write, request: &str) -> Self {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let (status, head) = head.split_once("\r\n").unwrap_or((head, ""));
        Self {
            status: status.to_owned(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}
