//! Databases that repeat what they were sent, where nobody asked for a login.

use std::io;
use std::os::unix::fs::PermissionsExt;

use azdb_tests::{Conversation, Fake, MysqlPeer, Start, mysql_greeting};
use tempfile::TempDir;

use crate::databases::mysql_packet;

/// Bytes of an answer of `caching_sha2_password`.
const ANSWER: usize = 32;

/// A server without TLS that refuses everybody with what they have proved themselves with, in digits.
fn quotes_the_answer(app: &mut Conversation) -> io::Result<()> {
    app.say(&mysql_greeting())?;
    let header = app.hear(4)?;
    let packet = app.hear(usize::from(u16::from_le_bytes([header[0], header[1]])))?;
    let user = packet.get(32..).unwrap_or_default();
    let name = user.iter().position(|byte| *byte == 0).unwrap_or_default();
    let answer = user.get(name + 2..name + 2 + ANSWER).unwrap_or_default();
    let digits: String = answer.iter().map(|byte| format!("{byte:02x}")).collect();
    let error = [&b"\xff\x15\x04#28000no: quoted "[..], digits.as_bytes()].concat();
    app.say(&mysql_packet(2, &error))?;
    app.listen_to_the_end()
}

/// An upstream that nobody needed is logged in to, to take leave of it.
#[test]
fn a_goodbye_that_is_answered_with_a_quotation_is_logged_without_it() {
    let fake = Fake::start(quotes_the_answer);
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "hunter2-and-more-of-it").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let port = fake.address().port();
    let route = format!(
        "[process]\nlog_level = \"debug\"\n[[route]]\nprotocol = \"mysql\"\nlisten = \"127.0.0.1:0\"\nupstream = \"127.0.0.1:{port}\"\n\
         upstream_user = \"u\"\nupstream_auth = \"password\"\nupstream_password_file = {file:?}\nupstream_tls = \"off\"\n"
    );
    let proxy = Start::run_with(&route).start();
    let mut app = MysqlPeer::connect(proxy.address());
    assert_eq!(app.hear().first(), Some(&10));
    drop(app);
    proxy.log_until("no login: a probe");
    let log = proxy.stop().stderr;
    let line = log
        .lines()
        .find(|line| line.contains("no goodbye to an upstream that nobody needed"))
        .unwrap_or_else(|| unreachable!("{log}"));
    let stars = "*".repeat(2 * ANSWER);
    assert!(line.contains(&format!("no: quoted {stars}")), "{line}");
}
