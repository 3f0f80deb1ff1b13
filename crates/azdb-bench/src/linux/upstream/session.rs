//! A session of the upstream: login, COPY both ways, prepared selects.

use std::io;

use super::super::messages::{Message, Messages, Stream, put};
use super::{BLOCK, SEND, Shared};

/// Types are sent in text, of one column: `abalance`, an int4 in a table that has no id.
const COLUMN: &[u8] = b"abalance\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";

/// What PostgreSQL reports after a login; poolers pass it on.
const PARAMETERS: [(&str, &str); 7] = [
    ("server_version", "15.0"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("TimeZone", "Etc/UTC"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
];

pub(super) struct Session<'a, S> {
    messages: Messages<S>,
    shared: &'a Shared,
    /// Answers that wait for Sync, as PostgreSQL's do.
    answers: Vec<u8>,
}

impl<'a, S: Stream> Session<'a, S> {
    pub(super) fn new(messages: Messages<S>, shared: &'a Shared) -> Self {
        Self {
            messages,
            shared,
            answers: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        if !self.log_in().await? {
            return self.messages.shutdown().await;
        }
        loop {
            let Message { tag, body } = self.messages.next().await?;
            match tag {
                b'Q' => self.query(&body).await?,
                b'P' => put(&mut self.answers, b'1', &[]),
                b'B' => put(&mut self.answers, b'2', &[]),
                b'D' if body.starts_with(b"S") => {
                    put(&mut self.answers, b't', &[&[0, 1, 0, 0, 0, 0x17]]);
                    self.describe();
                }
                b'D' => self.describe(),
                b'E' => self.row(),
                b'C' => put(&mut self.answers, b'3', &[]),
                b'H' => self.flush().await?,
                b'S' => self.ready().await?,
                b'X' => return self.messages.shutdown().await,
                _ => {
                    return self
                        .refuse(&format!("no answer to a message `{}`", tag.escape_ascii()))
                        .await;
                }
            }
        }
    }

    /// Whether it went well; else the app has been told.
    async fn log_in(&mut self) -> io::Result<bool> {
        self.messages.first().await?;
        put(&mut self.answers, b'R', &[&[0, 0, 0, 3]]);
        self.flush().await?;
        let Message { body, .. } = self.messages.next().await?;
        let password = body
            .strip_suffix(b"\0")
            .and_then(|text| std::str::from_utf8(text).ok());
        if !password.is_some_and(|password| self.shared.may_enter(password)) {
            self.refuse("neither the password nor a token").await?;
            return Ok(false);
        }
        put(&mut self.answers, b'R', &[&[0; 4]]);
        for (name, value) in PARAMETERS {
            put(
                &mut self.answers,
                b'S',
                &[name.as_bytes(), b"\0", value.as_bytes(), b"\0"],
            );
        }
        put(&mut self.answers, b'K', &[&[0, 0, 0, 1, 0, 0, 0, 2]]);
        self.ready().await?;
        Ok(true)
    }

    async fn query(&mut self, body: &[u8]) -> io::Result<()> {
        let sql = String::from_utf8_lossy(body);
        match sql
            .trim_end_matches('\0')
            .split_whitespace()
            .collect::<Vec<_>>()[..]
        {
            ["COPY", blocks, "TO", "STDOUT"] => {
                let blocks = blocks.trim_matches(['(', ')']).parse();
                self.copy_out(blocks.map_err(io::Error::other)?).await
            }
            ["COPY", _, "FROM", "STDIN"] => self.copy_in().await,
            ["SELECT", ..] => {
                self.describe();
                self.row();
                self.ready().await
            }
            [command, ..] => {
                put(&mut self.answers, b'C', &[command.as_bytes(), b"\0"]);
                self.ready().await
            }
            [] => {
                put(&mut self.answers, b'I', &[]);
                self.ready().await
            }
        }
    }

    async fn copy_out(&mut self, blocks: u64) -> io::Result<()> {
        put(&mut self.answers, b'H', &[&[0, 0, 1, 0, 0]]);
        self.flush().await?;
        for _ in 0..blocks {
            for rows in self.shared.block.chunks(SEND) {
                self.messages.send(rows).await?;
            }
        }
        put(&mut self.answers, b'c', &[]);
        self.copied(blocks * BLOCK as u64).await
    }

    async fn copy_in(&mut self) -> io::Result<()> {
        put(&mut self.answers, b'G', &[&[0, 0, 1, 0, 0]]);
        self.flush().await?;
        let copied = self.messages.skim(b'c').await?;
        self.copied(copied).await
    }

    /// Unlike PostgreSQL's, the number counts bytes, headers included, so that the app can check them.
    async fn copied(&mut self, bytes: u64) -> io::Result<()> {
        put(
            &mut self.answers,
            b'C',
            &[format!("COPY {bytes}\0").as_bytes()],
        );
        self.ready().await
    }

    fn describe(&mut self) {
        put(&mut self.answers, b'T', &[&[0, 1], COLUMN]);
    }

    /// One row, and that it was all.
    fn row(&mut self) {
        put(&mut self.answers, b'D', &[&[0, 1, 0, 0, 0, 1], b"0"]);
        put(&mut self.answers, b'C', &[b"SELECT 1\0"]);
    }

    async fn ready(&mut self) -> io::Result<()> {
        put(&mut self.answers, b'Z', &[b"I"]);
        self.flush().await
    }

    async fn refuse(&mut self, why: &str) -> io::Result<()> {
        put(
            &mut self.answers,
            b'E',
            &[b"SFATAL\0C08P01\0M", why.as_bytes(), b"\0\0"],
        );
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.messages.send(&self.answers).await?;
        self.answers.clear();
        Ok(())
    }
}
