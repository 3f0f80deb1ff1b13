//! TLS within a session, as OpenSSL speaks it: new keys, small records, TLS 1.2 alone, and renegotiation, which is declined. Its
//! `s_server` is a database that says what the test types, its `s_client` an app.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;

use azdb_tests::{
    Authority, Azure, Fake, Identity, MysqlPeer, Process, Program, Proxy, Start, closed_port,
    mysql_greeting, packets, token_of,
};
use tempfile::TempDir;

/// What `s_server` and `s_client` print of the peer's messages.
const KEY_UPDATE_SAID: &str = ">>> TLS 1.3, Handshake [length 0005], KeyUpdate";
const KEY_UPDATE_HEARD: &str = "<<< TLS 1.3, Handshake [length 0005], KeyUpdate";
const DECLINED: &str = "<<< TLS 1.2, Alert [length 0002], warning no_renegotiation";

/// An OK of MySQL with this number.
fn ok(number: u8) -> Vec<u8> {
    vec![7, 0, 0, number, 0, 0, 0, 2, 0, 0, 0]
}

#[track_caller]
fn prints(process: &Process, times: usize, text: &str) {
    process.stdout_until(|stdout| (stdout.matches(text).count() >= times).then_some(()));
}

/// A proxy before a database of MySQL whose TLS is OpenSSL's.
struct Database {
    openssl: Process,
    proxy: Proxy,
    token: String,
    _identity: Identity,
    _directory: TempDir,
}

impl Database {
    fn start(options: &str) -> Self {
        let (authority, directory) = (Authority::default(), TempDir::new().unwrap());
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = authority.issue(&["localhost"]);
        let port = closed_port();
        let openssl = Program::new("openssl")
            .args([
                "s_server",
                "-msg",
                "-accept",
                &format!("127.0.0.1:{port}"),
                "-cert",
            ])
            .arg(file("server.crt", &certificate))
            .arg("-key")
            .arg(file("server.key", &key))
            .args(options.split_whitespace())
            .interactive()
            .start();
        prints(&openssl, 1, "ACCEPT");
        let tls = SocketAddr::from(([127, 0, 0, 1], port));
        let fake = Fake::start(move |app| {
            app.say(&mysql_greeting())?;
            app.hear(36)?;
            app.pass_on(tls)
        });
        let token = token_of(0);
        let identity = Identity::giving(&token);
        let route = format!(
            "[[route]]\nprotocol = \"mysql\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{at}\"\n\
             connect_to = \"127.0.0.1:{at}\"\nupstream_ca_file = {ca:?}\nupstream_user = \"orders-app\"\n",
            at = fake.address().port(),
            ca = authority.write(directory.path()),
        );
        let proxy = Start::run_with(&route).envs(identity.environment()).start();
        Self {
            openssl,
            proxy,
            token,
            _identity: identity,
            _directory: directory,
        }
    }

    /// An app logs in, and the test answers as the database.
    fn app(&mut self) -> MysqlPeer<TcpStream> {
        let address = self.proxy.address();
        let app: JoinHandle<_> = std::thread::spawn(move || MysqlPeer::log_in(address));
        prints(&self.openssl, 1, "orders-app");
        self.says(b"\x16\0\0\x03\xfemysql_clear_password\0");
        prints(&self.openssl, 1, &self.token.clone());
        self.says(&ok(5));
        app.join().unwrap()
    }

    /// The database says this. Its first byte must be no command of `s_server`.
    fn says(&mut self, bytes: &[u8]) {
        self.openssl.type_bytes(bytes);
    }

    /// A question of the app's, and its answer.
    fn asks(&mut self, app: &mut MysqlPeer<TcpStream>, question: &str) {
        app.command(&[b"\x03", question.as_bytes()].concat());
        prints(&self.openssl, 1, question);
        self.says(&ok(1));
        assert_eq!(app.hear().first(), Some(&0), "{question}");
    }
}

#[test]
fn new_keys_of_a_database_are_followed_and_answered() {
    let mut database = Database::start("-tls1_3");
    let mut app = database.app();
    database.asks(&mut app, "with the first keys");
    for (times, question) in ["the second", "the third", "the fourth"].iter().enumerate() {
        database.openssl.type_line("K");
        prints(&database.openssl, 2 * times + 1, KEY_UPDATE_SAID);
        database.asks(&mut app, &format!("with {question} keys"));
        // One that asks for none in return.
        database.openssl.type_line("k");
        prints(&database.openssl, 2 * times + 2, KEY_UPDATE_SAID);
        // The answer before this one was behind the first of both: what is said now is behind our own.
        database.asks(&mut app, &format!("and once more behind {question}"));
        prints(&database.openssl, times + 1, KEY_UPDATE_HEARD);
    }
    let heard = database.openssl.stdout().matches(KEY_UPDATE_HEARD).count();
    assert_eq!(heard, 3, "those that asked");
}

#[test]
fn a_database_of_tls_1_2_may_speak_in_small_records() {
    for options in [
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 -max_send_frag 512",
        "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
        "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305 -max_send_frag 512",
        "-tls1_3 -max_send_frag 512",
    ] {
        let mut database = Database::start(options);
        let mut app = database.app();
        database.asks(&mut app, "something small");
        app.command(b"\x03something large");
        prints(&database.openssl, 1, "something large");
        // An error of 5,000 bytes, for want of a shorter answer that is long.
        let mut error = b"\xff\x15\x04#28000".to_vec();
        error.resize(5000, b'.');
        let [low, high, ..] = error.len().to_le_bytes();
        database.says(&[&[low, high, 0, 1], &error[..]].concat());
        assert_eq!(app.hear(), error, "{options}");
    }
}

#[test]
fn renegotiation_by_a_database_is_declined() {
    let mut database = Database::start("-tls1_2");
    let mut app = database.app();
    database.asks(&mut app, "before");
    database.openssl.type_line("r");
    // Nobody writes meanwhile; OpenSSL takes it for the end.
    prints(&database.openssl, 1, DECLINED);
    assert_eq!(app.rest(), b"", "no word that the database has not said");
    database.proxy.log_until("session ended");
}

/// OpenSSL's client before a proxy for PostgreSQL, logged in.
fn app_of_openssl(proxy: &Proxy, options: &str) -> Process {
    let mut app = Program::new("openssl")
        .args([
            "s_client",
            "-msg",
            "-starttls",
            "postgres",
            "-connect",
            proxy.door(),
        ])
        .args(options.split_whitespace())
        .interactive()
        .start();
    prints(&app, 1, "Verify return code");
    app.type_bytes(&packets::startup(0, &[("user", "anyone")]));
    prints(&app, 1, "server_version");
    app
}

/// Parse, Bind, Execute and Sync: a query begins with what is a command of `s_client`.
fn question(sql: &str) -> Vec<u8> {
    let message = |tag: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &length.to_be_bytes()[..], body].concat()
    };
    [
        message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat()),
        message(b'B', b"\0\0\0\0\0\0\0\0"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'S', b""),
    ]
    .concat()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn new_keys_of_an_app_are_followed_and_answered() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = app_of_openssl(&proxy, "-tls1_3");
    for times in 1..=3 {
        app.type_line("K");
        prints(&app, times, KEY_UPDATE_SAID);
        app.type_bytes(&question(&format!("select 'answer ' || {times} * 1111")));
        prints(&app, 1, &format!("answer {}", times * 1111));
        prints(&app, times, KEY_UPDATE_HEARD);
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_app_of_tls_1_2_may_speak_in_small_records() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    for options in [
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 -max_send_frag 512",
        "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305",
        "-tls1_3 -max_send_frag 512",
    ] {
        let mut app = app_of_openssl(&proxy, options);
        let text = "x".repeat(30_000);
        app.type_bytes(&question(&format!("select 'of ' || length('{text}') + 1")));
        prints(&app, 1, "of 30001");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn renegotiation_by_an_app_is_declined_and_its_session_ends_alone() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut other = app_of_openssl(&proxy, "-tls1_2");
    let mut app = app_of_openssl(&proxy, "-tls1_2");
    app.type_line("R");
    prints(&app, 1, DECLINED);
    app.stderr_until(|stderr| stderr.contains("no renegotiation").then_some(()));
    assert_ne!(app.wait().code, Some(0));
    proxy.log_until("session ended");
    other.type_bytes(&question("select 'still ' || 'here'"));
    prints(&other, 1, "still here");
}

/// A handshake that stops anywhere, and bytes that are none: the door stays open for the next.
#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn handshakes_that_stop_anywhere_cost_nobody_else_anything() {
    use std::io::{Read as _, Write as _};
    let azure = Azure::new();
    let proxy = azure.proxy();
    let hello = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[7; 506]].concat();
    for cut in [0, 1, 4, 5, 6, 100, hello.len()] {
        let mut app = TcpStream::connect(proxy.address()).unwrap();
        app.set_read_timeout(Some(azdb_tests::PATIENCE)).unwrap();
        app.write_all(&packets::SSL_REQUEST).unwrap();
        let mut answer = [0];
        app.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"S");
        app.write_all(&hello[..cut]).unwrap();
        app.shutdown(Shutdown::Write).unwrap();
        // An alert or nothing, and the end.
        let mut rest = Vec::new();
        app.read_to_end(&mut rest).unwrap();
        assert!(
            rest.is_empty() || rest.starts_with(&[21, 3, 3, 0, 2, 2]),
            "{rest:?}"
        );
    }
    assert_eq!(proxy.app().query("select 1"), "1");
}
