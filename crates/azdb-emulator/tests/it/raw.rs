//! A session on the bare messages, for what drivers hide.

use azdb_emulator::{DEFAULT_ROLE, Emulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::{tls, token};

/// A message: its type and body.
pub(crate) type Message = (char, Vec<u8>);

pub(crate) struct Raw {
    stream: TlsStream<TcpStream>,
}

impl Raw {
    /// Logs in; returns what came behind AuthenticationOk too.
    pub(crate) async fn log_in(azure: &Emulator) -> (Self, Vec<Message>) {
        let mut raw = Self {
            stream: tls(azure).await,
        };
        let body = [
            &[0, 3, 0, 0][..],
            b"user\0",
            DEFAULT_ROLE.as_bytes(),
            b"\0\0",
        ]
        .concat();
        raw.write_untyped(&body).await;
        assert_eq!(raw.read().await, ('R', vec![0, 0, 0, 3]));
        let password = [token(azure).as_bytes(), b"\0"].concat();
        raw.write('p', &password).await;
        assert_eq!(raw.read().await, ('R', vec![0, 0, 0, 0]));
        let told = raw.until_ready().await;
        (raw, told)
    }

    pub(crate) async fn write_untyped(&mut self, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap();
        let message = [&length.to_be_bytes(), body].concat();
        self.stream.write_all(&message).await.unwrap();
    }

    pub(crate) async fn write(&mut self, kind: char, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap();
        let kind = u8::try_from(kind).unwrap();
        let message = [&[kind], &length.to_be_bytes()[..], body].concat();
        self.stream.write_all(&message).await.unwrap();
    }

    pub(crate) async fn read(&mut self) -> Message {
        let kind = self.stream.read_u8().await.unwrap();
        let length = self.stream.read_u32().await.unwrap() as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).await.unwrap();
        (char::from(kind), body)
    }

    /// Everything up to and with ReadyForQuery.
    pub(crate) async fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.read().await;
            let is_ready = message.0 == 'Z';
            messages.push(message);
            if is_ready {
                return messages;
            }
        }
    }

    /// A simple query's answer, shortened: tags, SQLSTATEs, and the transaction's state.
    pub(crate) async fn query(&mut self, sql: &str) -> Vec<String> {
        self.write('Q', &[sql.as_bytes(), b"\0"].concat()).await;
        let messages = self.until_ready().await;
        messages.into_iter().filter_map(shortened).collect()
    }
}

/// Shortens what matters of an answer; rows and descriptions are left out.
pub(crate) fn shortened((kind, body): Message) -> Option<String> {
    let text = String::from_utf8_lossy(&body).into_owned();
    match kind {
        'C' => Some(text.trim_end_matches('\0').to_owned()),
        'E' | 'N' => {
            let code = text.split('\0').find_map(|field| field.strip_prefix('C'));
            Some(format!("{kind} {}", code.unwrap_or_default()))
        }
        'S' => Some(format!(
            "S {}",
            text.trim_end_matches('\0').replace('\0', "=")
        )),
        'Z' => Some(text),
        'I' | 's' | '1' | '2' | '3' | 'n' => Some(kind.to_string()),
        _ => None,
    }
}
