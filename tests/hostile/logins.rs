//! Logins as poolers and proxies of other makers have met them: what was a vulnerability there is a refusal here.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use azdb_tests::{Azure, MysqlPeer, PATIENCE, Proxy, RawApp, Shop, packets};

use crate::apps::{login7, response};
use crate::databases::{Protocol, Setup, Upto, mysql_packet, postgres_message, tds_packet, utf16};
use Protocol::{Mysql, Postgres, Tds};

/// A startup behind the startup: CVE-2026-107350 changed the user with it.
#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn second_startup_is_no_login_in_postgres() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let first = packets::startup(0, &[("user", "anyone")]);
    let second = packets::startup(0, &[("user", "postgres"), ("database", "postgres")]);
    let mut app = RawApp::connect(proxy.address());
    app.send(&[first, second].concat());
    app.until(b'Z');
    let rest = String::from_utf8_lossy(&app.rest()).into_owned();
    assert!(rest.contains("invalid frontend message type 0"), "{rest:?}");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn second_response_is_no_login_in_mysql() {
    let shop = Shop::new();
    let proxy = shop.start(&shop.route()).start();
    let mut app = MysqlPeer::connect(proxy.address());
    let _ = app.hear();
    // The same number once more, and the next.
    let login = [1, 1, 2]
        .map(|number| mysql_packet(number, &response(b"root")))
        .concat();
    app.say_bytes(&login);
    assert_eq!(app.hear().first(), Some(&0), "the first is let in");
    let rest = app.rest();
    assert!(
        !rest.windows(5).any(|five| five == [7, 0, 0, 2, 0]),
        "no second OK: {rest:?}"
    );
}

#[test]
fn second_login_never_reaches_sql_server() {
    // LOGINACK of 7.4, the token's acknowledgement, DONE.
    let mut answer = b"\xad\x0a\x00\x01\x74\x00\x00\x04\x00\x10\x00\x00\x00".to_vec();
    answer.extend(b"\xae\x02\x00\x00\x00\x00\xff\xfd");
    answer.extend([0; 12]);
    let answer = tds_packet(0x04, true, &answer);
    let length = answer.len();
    let hostile = Tds.before(Upto::Login, move |mouth| {
        mouth.say(&answer)?;
        mouth.hear(8)?;
        mouth.say(b"heard a second one")
    });
    let login = tds_packet(0x10, true, &login7("sa", "orders"));
    let mut app = TcpStream::connect(hostile.proxy.address()).unwrap();
    app.set_read_timeout(Some(PATIENCE)).unwrap();
    app.write_all(&[login.clone(), login].concat()).unwrap();
    let _ = app.read_to_end(&mut Vec::new());
    let line = hostile.proxy.log_until("why=broke");
    assert!(line.contains("something else than a request"), "{line}");
    assert_eq!(hostile.said(), length);
}

/// Lengths beyond 2^31 wrapped the growth of a buffer in CVE-2026-107348.
#[test]
fn lengths_of_apps_that_are_none() {
    let postgres = [
        0,
        1,
        4,
        7,
        10_001,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff_u32,
    ]
    .map(|length| [&length.to_be_bytes()[..], b"\0\x03\0\0user\0a\0\0"].concat());
    let mysql = [
        b"\xff\xff\xff\x01\x05".to_vec(),
        b"\x00\x00\x00\x01".to_vec(),
        b"\x01\x00\x00\x01\x85".to_vec(),
    ];
    let whole = login7("sa", "orders");
    let patched = |at: usize, bytes: &[u8]| {
        let mut login = whole.clone();
        login.splice(at..at + bytes.len(), bytes.iter().copied());
        tds_packet(0x10, true, &login)
    };
    let tds = [
        b"\x10\x01\0\x07\0\0\0\0".to_vec(),
        b"\x10\x01\0\0\0\0\0\0".to_vec(),
        patched(0, &[0xff; 4]),
        patched(0, &[0, 0, 0, 0x80]),
        // The user's name, the client's SSPI of 2^31 bytes.
        patched(40, &[0xff; 4]),
        patched(78, &[0xff; 16]),
    ];
    let all = [(Postgres, &postgres[..]), (Mysql, &mysql), (Tds, &tds)];
    for (protocol, logins) in all {
        let hostile = protocol.before(Upto::Login, |mouth| mouth.wait());
        for login in logins {
            let mut app = TcpStream::connect(hostile.proxy.address()).unwrap();
            app.set_read_timeout(Some(PATIENCE)).unwrap();
            // One that hangs up at once resets the connection under the rest of it.
            let _ = app.write_all(login);
            let _ = app.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut app, &mut std::io::sink());
        }
        assert_well(hostile.proxy);
    }
}

/// Malformed SCRAM, a long nonce and a count of rounds that takes hours: CVE-2026-6664 and its kin.
#[test]
fn scram_that_leads_nowhere() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "secret").unwrap();
    let users = format!(
        "upstream_user = \"u\"\nupstream_auth = \"password\"\nupstream_password_file = {file:?}\n"
    );
    let setup = Setup {
        users: &users,
        ..Setup::default()
    };
    let long = "n".repeat(200_000);
    for first in [
        "r=NONCEx,s=c2FsdA==,i=4294967295".to_owned(),
        "r=NONCEx,s=c2FsdA==,i=0".to_owned(),
        "r=NONCEx,s=c2FsdA==,i=-1".to_owned(),
        "r=NONCEx,s=!,i=4096".to_owned(),
        "r=other,s=c2FsdA==,i=4096".to_owned(),
        format!("r=NONCE{long},s=c2FsdA==,i=4096"),
        format!("r=NONCEx,s={long},i=4096"),
        "\u{0}\u{ff}".to_owned(),
        String::new(),
    ] {
        let hostile = Postgres.with(setup, Upto::Login, move |mouth| {
            mouth.say(&postgres_message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"))?;
            let header = mouth.hear(5)?;
            let length = header.get(1..).and_then(|bytes| bytes.try_into().ok());
            let length = u32::from_be_bytes(length.unwrap_or_default()) as usize;
            let answer = String::from_utf8_lossy(&mouth.hear(length - 4)?).into_owned();
            let (_, nonce) = answer.rsplit_once("r=").unwrap_or_default();
            let first = first.replace("NONCE", nonce);
            mouth.say(&postgres_message(
                b'R',
                &[b"\0\0\0\x0b", first.as_bytes()].concat(),
            ))?;
            mouth.wait()
        });
        let told = Postgres.told(hostile.proxy.address());
        assert!(told.contains("azdb-proxy: "), "{told:?}");
        assert_well(hostile.proxy);
    }
}

/// A refused reset that a pool takes for done hands one user's session to the next: PgBouncer's 1358, ProxySQL's 4618.
#[test]
fn refused_reset_is_told_as_it_is() {
    let hostile = Mysql.before(Upto::Token, |mouth| {
        mouth.say(&mysql_packet(5, b"\0\0\0\x02\0\0\0"))?;
        mouth.hear(5)?;
        mouth.say(&mysql_packet(1, b"\xff\x17\x04#HY000no reset here"))?;
        mouth.wait()
    });
    let mut app = MysqlPeer::log_in(hostile.proxy.address());
    app.say_bytes(&mysql_packet(0, b"\x1f"));
    let refused = app.hear();
    assert_eq!(refused, b"\xff\x17\x04#HY000no reset here");
}

/// The routing of a login that sends it round in circles ends.
#[test]
fn routing_in_circles_ends() {
    let server = utf16("localhost");
    let chars = u16::try_from(server.len() / 2).unwrap().to_le_bytes();
    let length = u16::try_from(server.len() + 5).unwrap().to_le_bytes();
    let body = [&[20], &length[..], &[0, 0x99, 5], &chars, &server, &[0, 0]].concat();
    let token = [
        &[0xe3],
        &u16::try_from(body.len()).unwrap().to_le_bytes()[..],
        &body,
    ]
    .concat();
    let hostile = Tds.before(Upto::Login, move |mouth| {
        mouth.say(&tds_packet(0x04, true, &token))?;
        mouth.wait()
    });
    let told = Tds.told(hostile.proxy.address());
    assert!(told.contains("azdb-proxy: "), "{told:?}");
    assert_well(hostile.proxy);
}

/// Nothing panicked on the way.
#[track_caller]
fn assert_well(proxy: Proxy) {
    let ran = proxy.stop();
    assert!(
        !ran.stderr.contains("a bug in azdb-proxy"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
