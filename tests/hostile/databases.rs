//! Databases that are polite up to a point of the login.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use azdb_tests::{Authority, Conversation, Fake, Proxy, Start, mysql_greeting};
use rustls::ServerConfig;
use tempfile::TempDir;

/// The token of every route.
pub(crate) const TOKEN: &str = "eyJhbGciOiJub25lIn0.c2VjcmV0LWJvZHk.c2lnbmF0dXJl";

/// What a route speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Postgres,
    Mysql,
    /// With TLS from the first byte (TDS 8.0).
    Tds,
}

/// How far a database is polite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upto {
    /// It has been connected to, and over TDS asked for its options.
    Hello,
    /// It has been told who logs in.
    Login,
    /// It has the token.
    Token,
}

/// A route to such a database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// In its certificate.
    pub(crate) names: &'a [&'a str],
    /// The route's lines about users; SQL Server takes none.
    pub(crate) users: &'a str,
    pub(crate) log_format: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            names: &["localhost"],
            users: "upstream_user = \"u\"\n",
            log_format: "text",
        }
    }
}

/// What a hostile database says, and how much of it was taken.
pub(crate) struct Mouth<'a> {
    conversation: &'a mut Conversation,
    said: &'a AtomicUsize,
}

impl Mouth<'_> {
    /// Says this.
    ///
    /// # Errors
    ///
    /// When the proxy has gone.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.conversation.say(bytes)?;
        self.said.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    ///
    /// When the proxy has gone.
    pub(crate) fn hear(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.conversation.hear(count)
    }

    /// Waits for the proxy to go.
    ///
    /// # Errors
    ///
    /// When it goes by a reset.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        self.conversation.listen_to_the_end()
    }
}

/// A proxy before a hostile database.
pub(crate) struct Hostile {
    pub(crate) proxy: Proxy,
    said: Arc<AtomicUsize>,
    _database: Fake,
    _directory: TempDir,
}

impl Hostile {
    /// Bytes that the proxy, or a buffer of the system's, has taken beyond the polite part.
    pub(crate) fn said(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Tds => "tds",
        }
    }

    /// A proxy before a database that is polite up to there, and then says whatever `talk` makes it say.
    pub(crate) fn before(
        self,
        upto: Upto,
        talk: impl Fn(&mut Mouth<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Hostile {
        self.with(Setup::default(), upto, talk)
    }

    /// The same with another route.
    pub(crate) fn with(
        self,
        setup: Setup<'_>,
        upto: Upto,
        talk: impl Fn(&mut Mouth<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Hostile {
        let authority = Authority::default();
        let alpn: &[&[u8]] = match self {
            Self::Tds => &[b"tds/8.0"],
            Self::Postgres | Self::Mysql => &[],
        };
        let tls = authority.server_config(setup.names, alpn);
        let said = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&said);
        let database = Fake::start(move |conversation| {
            self.reach(conversation, &tls, upto)?;
            talk(&mut Mouth {
                conversation,
                said: &counted,
            })
        });
        let directory = TempDir::new().unwrap();
        let ca = authority.write(directory.path());
        let token = directory.path().join("token");
        std::fs::write(&token, TOKEN).unwrap();
        let own = match self {
            Self::Postgres | Self::Mysql => setup.users,
            Self::Tds => "upstream_tls_first = true\n",
        };
        let configuration = format!(
            "[identity]\ntoken_file = {token:?}\n[[route]]\nprotocol = \"{}\"\nlisten = \"127.0.0.1:0\"\n\
             upstream = \"localhost:{port}\"\nconnect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca:?}\n{own}",
            self.name(),
            port = database.address().port(),
        );
        Hostile {
            proxy: Start::run_with(&configuration)
                .env("AZDB_PROXY_LOG_FORMAT", setup.log_format)
                .start(),
            said,
            _database: database,
            _directory: directory,
        }
    }

    fn reach(
        self,
        conversation: &mut Conversation,
        tls: &Arc<ServerConfig>,
        upto: Upto,
    ) -> io::Result<()> {
        match self {
            Self::Postgres => postgres(conversation, tls, upto),
            Self::Mysql => mysql(conversation, tls, upto),
            Self::Tds => tds(conversation, tls, upto),
        }
    }
}

/// SSLRequest, StartupMessage, PasswordMessage.
fn postgres(
    conversation: &mut Conversation,
    tls: &Arc<ServerConfig>,
    upto: Upto,
) -> io::Result<()> {
    conversation.hear(8)?;
    if upto == Upto::Hello {
        return Ok(());
    }
    conversation.say(b"S")?;
    conversation.accept_tls(tls)?;
    conversation.hear_packet()?;
    if upto == Upto::Login {
        return Ok(());
    }
    conversation.say(b"R\0\0\0\x08\0\0\0\x03")?;
    conversation.hear(1)?;
    conversation.hear_packet()?;
    conversation.say(b"R\0\0\0\x08\0\0\0\0")
}

/// Greeting, SSLRequest, response, AuthSwitchRequest, token.
fn mysql(conversation: &mut Conversation, tls: &Arc<ServerConfig>, upto: Upto) -> io::Result<()> {
    if upto == Upto::Hello {
        return Ok(());
    }
    conversation.say(&mysql_greeting())?;
    conversation.hear(4 + 32)?;
    conversation.accept_tls(tls)?;
    hear_mysql(conversation)?;
    if upto == Upto::Login {
        return Ok(());
    }
    conversation.say(&mysql_packet(3, b"\xfemysql_clear_password\0"))?;
    hear_mysql(conversation)
}

fn hear_mysql(conversation: &mut Conversation) -> io::Result<()> {
    let header = conversation.hear(4)?;
    let length = header.iter().take(3).rev();
    let length = length.fold(0, |sum, byte| sum * 256 + usize::from(*byte));
    conversation.hear(length).map(drop)
}

/// PRELOGIN, LOGIN7 with the token.
fn tds(conversation: &mut Conversation, tls: &Arc<ServerConfig>, upto: Upto) -> io::Result<()> {
    conversation.accept_tls(tls)?;
    hear_tds(conversation)?;
    if upto == Upto::Hello {
        return Ok(());
    }
    // VERSION, ENCRYPTION and FEDAUTHREQUIRED: where they stand, then what they say.
    let mut payload = b"\x00\0\x10\0\x06\x01\0\x16\0\x01\x06\0\x17\0\x01\xff".to_vec();
    payload.extend([16, 0, 0, 0, 0, 0, 0, 1]);
    conversation.say(&tds_packet(0x04, true, &payload))?;
    hear_tds(conversation)
}

fn hear_tds(conversation: &mut Conversation) -> io::Result<()> {
    loop {
        let header = conversation.hear(8)?;
        let [_, status, high, low, ..] = header.as_slice() else {
            return Ok(());
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let is_last = status & 1 == 1;
        conversation.hear(length.saturating_sub(8))?;
        if is_last {
            return Ok(());
        }
    }
}

/// A message of PostgreSQL.
pub(crate) fn postgres_message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// A packet of MySQL.
pub(crate) fn mysql_packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[a, b, c, number], payload].concat()
}

/// A packet of TDS.
pub(crate) fn tds_packet(kind: u8, is_last: bool, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len() + 8).unwrap().to_be_bytes();
    let header = [kind, u8::from(is_last), high, low, 0, 52, 1, 0];
    [&header[..], payload].concat()
}

/// UTF-16LE.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A token of TDS that begins with its length.
pub(crate) fn tds_token(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    [&[kind], &length.to_le_bytes()[..], body].concat()
}

/// ERROR or INFO of TDS 7.2 and later.
pub(crate) fn tds_report(kind: u8, number: u32, message: &str) -> Vec<u8> {
    let chars = u16::try_from(message.encode_utf16().count()).unwrap();
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, 14]);
    body.extend(chars.to_le_bytes());
    body.extend(utf16(message));
    // No server, no procedure, line 1.
    body.extend([0, 0, 1, 0, 0, 0]);
    tds_token(kind, &body)
}
