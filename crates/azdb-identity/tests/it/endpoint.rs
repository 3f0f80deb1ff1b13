//! What stands in for an identity endpoint.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ClientConfig, RootCertStore};

pub(crate) const TOKEN: &str = "a-token-for-this-test";

/// A TLS configuration that trusts nobody.
pub(crate) fn tls() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Arc::new(tls)
}

/// A server that answers every request with a token, and keeps the heads of the requests.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &noted);
            }
        });
        Self { url, heads }
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Notes the request before it answers, so that whoever has the answer finds the note.
fn answer(mut stream: TcpStream, noted: &Mutex<Vec<String>>) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let head = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty());
    let head: Vec<String> = head.collect();
    noted.lock().unwrap().push(head.join("\n"));
    let body = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok();
}
