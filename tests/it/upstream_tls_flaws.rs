//! What is wrong with an upstream's TLS, as OpenSSL's server shows it: each flaw has a cause and a remedy of its own, and an app of
//! every protocol reads them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use azdb_tests::{
    Authority, Conversation, Encrypt, Fake, Identity, Process, Program, Proxy, SqlApp, Start,
    closed_port, documented_certificate, first_version_certificate, mysql_greeting, token_of,
};
use tempfile::TempDir;

/// A server that speaks TLS and nothing in it.
struct OpenSsl {
    port: u16,
    _process: Process,
}

impl OpenSsl {
    fn start(directory: &Path, (certificate, key): &(String, String), options: &str) -> Self {
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let port = closed_port();
        let mut program = Program::new("openssl")
            .args(["s_server", "-naccept", "1000", "-quiet", "-rev"])
            .args(["-accept", &format!("127.0.0.1:{port}")])
            .args(["-alpn", "postgresql,tds/8.0"])
            .arg("-cert")
            .arg(file("server.crt", certificate))
            .arg("-key")
            .arg(file("server.key", key));
        for option in options.split_whitespace() {
            program = program.arg(option);
        }
        let process = program.start();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {}
        Self {
            port,
            _process: process,
        }
    }
}

/// What an app of every protocol reads before an upstream that hands its TLS to `then`.
fn told(
    then: impl Fn(&mut Conversation) -> io::Result<()> + Clone + Send + Sync + 'static,
    ca: &str,
) -> Vec<String> {
    let directory = TempDir::new().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, ca).unwrap();
    let identity = Identity::giving(&token_of(0));
    let proxy = |protocol: &str, upstream: SocketAddr, more: &str| -> Proxy {
        let route = format!(
            "[[route]]\nprotocol = \"{protocol}\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
             connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca_file:?}\nlogin_timeout = \"3s\"\n{more}",
            port = upstream.port(),
        );
        Start::run_with(&route).envs(identity.environment()).start()
    };
    let user = "upstream_user = \"u\"\n";
    let next = then.clone();
    let postgres = Fake::start(move |app| {
        app.hear(8)?;
        app.say(b"S")?;
        next(app)
    });
    let next = then.clone();
    let mysql = Fake::start(move |app| {
        app.say(&mysql_greeting())?;
        app.hear(36)?;
        next(app)
    });
    let tds = Fake::start(then);
    let in_postgres = proxy("postgres", postgres.address(), user);
    let in_mysql = proxy("mysql", mysql.address(), user);
    let audience = "audience = \"https://ossrdbms-aad.database.windows.net\"\n";
    let first = format!("upstream_tls_first = true\n{audience}");
    let in_tds = proxy("tds", tds.address(), &first);
    let refusal = in_postgres.told();
    let of_tsql = SqlApp::of(&in_tds, Encrypt::Off).freetds("tsql").run();
    vec![
        format!("{} {}", refusal.message, refusal.hint.unwrap_or_default()),
        in_mysql.mysql_app().sql("select 1").failed().to_owned(),
        format!("{}{}", of_tsql.stdout, of_tsql.stderr),
    ]
}

/// That apps of every protocol read cause and remedy.
#[track_caller]
fn assert_told(told: &[String], cause: &str, remedy: &str) {
    for text in told {
        assert!(text.contains(cause), "{cause}: {text}");
        assert!(text.contains(remedy), "{remedy}: {text}");
    }
}

#[track_caller]
fn assert_flaw(served: &(String, String), options: &str, ca: &str, cause: &str, remedy: &str) {
    let directory = TempDir::new().unwrap();
    let server = OpenSsl::start(directory.path(), served, options);
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let told = told(move |app| app.pass_on(address), ca);
    assert_told(&told, cause, remedy);
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_freetds)),
    ignore = "no clients of every protocol: see scripts/test"
)]
fn certificates_that_do_not_stand_up_have_each_a_remedy() {
    let (authority, stranger) = (Authority::default(), Authority::default());
    let ca = authority.ca_pem();
    let directory = TempDir::new().unwrap();
    let first = first_version_certificate(directory.path());
    let (certificate, key) = documented_certificate(directory.path());
    let read = |path| std::fs::read_to_string(path).unwrap();
    let documented = (read(certificate), read(key));
    for (served, cause, remedy) in [
        (
            authority.issue_between(2000, 2020),
            "cannot trust upstream `localhost`: its certificate has expired",
            "renew its certificate",
        ),
        (
            authority.issue_between(2200, 2220),
            "its certificate is not valid yet",
            "check this machine's clock",
        ),
        (
            authority.issue(&["other.example.org"]),
            "its certificate is for another name",
            "connect_to",
        ),
        (
            stranger.issue(&["localhost"]),
            "its certificate is of an authority that is not trusted here",
            "set upstream_ca_file to the authority",
        ),
        (
            documented,
            "cannot trust upstream `localhost`: it shows its own certificate",
            "put it in upstream_ca_file",
        ),
        (
            first,
            "its certificate is one of X.509 version 1",
            "put this very certificate into upstream_ca_file",
        ),
    ] {
        assert_flaw(&served, "", ca, cause, remedy);
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_freetds)),
    ignore = "no clients of every protocol: see scripts/test"
)]
fn handshakes_that_come_to_nothing_have_each_a_remedy() {
    let authority = Authority::default();
    let (served, ca) = (authority.issue(&["localhost"]), authority.ca_pem());
    for (options, cause, remedy) in [
        (
            "-tls1_1 -cipher ALL:@SECLEVEL=0",
            "no TLS with upstream `localhost`: it speaks neither TLS 1.2 nor 1.3",
            "turn TLS 1.2 or 1.3 on at the server",
        ),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256",
            "no TLS with upstream `localhost`: it has no cipher in common with us",
            "AES-GCM",
        ),
    ] {
        assert_flaw(&served, options, ca, cause, remedy);
    }
    let reset = told(|_| Ok(()), ca);
    let cause = "no TLS with upstream `localhost`: the connection broke in the handshake";
    assert_told(&reset, cause, "firewall");
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_freetds)),
    ignore = "no clients of every protocol: see scripts/test"
)]
fn certificate_of_x509_version_1_is_trusted_when_it_stands_in_the_file() {
    let directory = TempDir::new().unwrap();
    let served = first_version_certificate(directory.path());
    for options in ["-tls1_2 -sigalgs RSA+SHA256", "-tls1_3"] {
        let server = OpenSsl::start(directory.path(), &served, options);
        let address = SocketAddr::from(([127, 0, 0, 1], server.port));
        for text in told(move |app| app.pass_on(address), &served.0) {
            // It comes as far as the login, which OpenSSL's server does not understand.
            assert!(!text.contains("no TLS with"), "{options}: {text}");
            assert!(!text.contains("cannot trust"), "{options}: {text}");
            assert!(text.contains("azdb-proxy: "), "{options}: {text}");
        }
    }
}
