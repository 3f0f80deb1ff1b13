//! Apps of MySQL: programs that have been told where a database is, and one that says what the test says, packet by packet.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;
use crate::process::{Program, Ran, tools};

/// What an app has been told, in variables of our own: MySQL's drivers share none.
#[derive(Debug, Clone)]
pub struct MysqlApp {
    settings: Vec<(&'static str, String)>,
}

impl MysqlApp {
    /// An app with any user and any password.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            settings: vec![
                ("DB_HOST", address.ip().to_string()),
                ("DB_PORT", address.port().to_string()),
                ("DB_USER", "anyone".to_owned()),
                ("DB_PASSWORD", "any password".to_owned()),
            ],
        }
    }

    /// Tells it something else.
    #[must_use]
    pub fn told(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
        self
    }

    fn setting(&self, name: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A program with what the app has been told.
    #[must_use]
    pub fn program(&self, path: impl AsRef<std::ffi::OsStr>) -> Program {
        let told = self.settings.iter();
        told.fold(Program::new(path), |program, (name, value)| {
            program.env(name, value)
        })
    }

    /// A program of the mariadb family, quiet and without headings where it knows how.
    #[must_use]
    pub fn mariadb(&self, name: &str) -> Program {
        self.program(name)
            .arg("--no-defaults")
            .arg(format!("--host={}", self.setting("DB_HOST")))
            .arg(format!("--port={}", self.setting("DB_PORT")))
            .arg(format!("--user={}", self.setting("DB_USER")))
            .arg(format!("--password={}", self.setting("DB_PASSWORD")))
    }

    /// Runs SQL with the mariadb client.
    #[must_use]
    pub fn sql(&self, sql: &str) -> Ran {
        self.mariadb("mariadb").args(["-N", "-B", "-e", sql]).run()
    }

    /// Runs SQL with the mariadb client, and returns what it answers.
    #[must_use]
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        self.sql(sql).succeeded().to_owned()
    }

    /// One of the Python programs of `tests/apps`.
    #[must_use]
    pub fn python(&self, file: &str) -> Program {
        self.program(tools::installed("python/bin/python"))
            .arg(tools::app(&format!("python/{file}")))
    }

    /// One of the Node programs of `tests/apps`.
    #[must_use]
    pub fn node(&self, file: &str) -> Program {
        self.program("node")
            .env("NODE_PATH", tools::installed("node/node_modules"))
            .arg(tools::app(&format!("node/{file}")))
    }

    /// One of the Java programs of `tests/apps`, with a driver that `scripts/test` installs.
    #[must_use]
    pub fn java(&self, file: &str, driver: &str) -> Program {
        self.program("java")
            .arg(tools::NO_TRACE)
            .arg("-cp")
            .arg(tools::installed(&format!("java/{driver}.jar")))
            .arg(tools::app(&format!("java/{file}")))
    }

    /// The same, with a pool.
    #[must_use]
    pub fn java_with_pool(&self, file: &str, driver: &str) -> Program {
        let driver = tools::installed(&format!("java/{driver}.jar"));
        let pool = tools::installed("hikari/*");
        self.program("java")
            .arg(tools::NO_TRACE)
            .arg("-cp")
            .arg(format!("{}:{}", driver.display(), pool.display()))
            .arg(tools::app(&format!("java/{file}")))
    }

    /// One of the PHP programs of `tests/apps`.
    #[must_use]
    pub fn php(&self, file: &str) -> Program {
        self.program("php")
            .args(["-d", "mysqli.allow_local_infile=1"])
            .arg(tools::app(&format!("php/{file}")))
    }

    /// One of the Perl programs of `tests/apps`.
    #[must_use]
    pub fn perl(&self, file: &str) -> Program {
        self.program("perl")
            .arg(tools::app(&format!("perl/{file}")))
    }

    /// The Go program of `tests/apps`, as `scripts/test` has built it.
    #[must_use]
    pub fn go(&self) -> Program {
        self.program(tools::installed("go/with_go_mysql"))
    }
}

/// One end of a connection, speaking packets.
pub struct MysqlPeer<S> {
    stream: S,
    next: u8,
}

impl MysqlPeer<TcpStream> {
    /// Connects.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// On a connection that has been made.
    #[must_use]
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, next: 0 }
    }

    /// Connects and logs in with any user, without naming a plugin.
    #[must_use]
    #[track_caller]
    pub fn log_in(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address);
        let _ = peer.hear();
        // PROTOCOL_41, SECURE_CONNECTION, LOCAL_FILES, MULTI_STATEMENTS and bit 0.
        let mut response = 0x0001_8281_u32.to_le_bytes().to_vec();
        response.extend([0, 0, 0, 1, 45]);
        response.resize(32, 0);
        response.extend(b"anyone\0\0");
        peer.say(&response);
        let answer = peer.hear();
        assert_eq!(
            answer.first(),
            Some(&0),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        peer
    }
}

impl<S: Read + Write> MysqlPeer<S> {
    /// Reads one packet's payload.
    #[must_use = "or it is not known what was heard"]
    #[track_caller]
    pub fn hear(&mut self) -> Vec<u8> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).expect("a packet");
        let [a, b, c, number] = header;
        let mut payload = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
        self.stream
            .read_exact(&mut payload)
            .expect("a whole packet");
        self.next = number.wrapping_add(1);
        payload
    }

    /// The number that the next packet is to have.
    #[must_use]
    pub fn next_number(&self) -> u8 {
        self.next
    }

    /// Sends one packet with the next number.
    pub fn say(&mut self, payload: &[u8]) {
        let packet = packet(self.next, payload);
        self.next = self.next.wrapping_add(1);
        self.say_bytes(&packet);
    }

    /// Sends one packet that begins anew.
    pub fn command(&mut self, payload: &[u8]) {
        self.next = 0;
        self.say(payload);
    }

    /// Sends bytes. That the peer has gone shows when the answer is read.
    pub fn say_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
        let _ = self.stream.flush();
    }

    /// Reads to the end.
    #[must_use]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("no end: {error}"),
        }
        rest
    }
}

/// A packet as it goes over the wire.
#[must_use]
pub(crate) fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let [a, b, c, _] = length.to_le_bytes();
    [&[a, b, c, number], payload].concat()
}

/// A greeting of MySQL 8 with TLS, header included.
#[must_use]
pub fn mysql_greeting() -> Vec<u8> {
    let mut payload = b"\x0a8.0.40-fake\0\x07\0\0\0abcdefgh\0".to_vec();
    payload.extend([0xff, 0xff, 45, 2, 0, 0xff, 0xdf, 21]);
    payload.extend([0; 10]);
    payload.extend(b"ijklmnopqrst\0caching_sha2_password\0");
    packet(0, &payload)
}
