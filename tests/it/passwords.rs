//! Development servers, which know passwords and no tokens.

use std::os::unix::fs::PermissionsExt;

use azdb_tests::{Fake, Method, Proxy, RawApp, Server, Start, packets};
use tempfile::TempDir;

const SECRET: &str = "a pässword of 漢字";

/// A proxy that logs in as `user` with [`SECRET`] at `port`.
fn proxy(user: &str, port: u16, more: &str) -> Proxy {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let route = format!(
        "[[route]]\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
         connect_to = \"127.0.0.1:{port}\"\nupstream_user = {user:?}\ndefault_database = \"postgres\"\n\
         upstream_auth = \"password\"\nupstream_password_file = {file:?}\n{more}"
    );
    Start::run_with(&route).start()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn every_password_method_works_over_every_kind_of_way() {
    let server = Server::shared();
    let verified = format!("upstream_ca_file = {:?}\n", server.ca_file);
    for method in [Method::ScramSha256, Method::Md5, Method::Password] {
        let user = format!("Developer {}", Server::number());
        server.add_role(&user, method, SECRET);
        for tls in [
            verified.as_str(),
            "upstream_tls = \"unverified\"\nupstream_password_in_clear = true\n",
            "upstream_tls = \"off\"\nupstream_password_in_clear = true\n",
        ] {
            let proxy = proxy(&user, server.port, tls);
            let app = proxy.app().told("PGPASSWORD", "not that one");
            assert_eq!(app.query("select current_user"), user, "{method:?} {tls}");
            let ssl = app.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
            assert_eq!(ssl == "t", !tls.contains("off"), "{method:?} {tls}");
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn without_leave_an_unverified_server_gets_proofs_and_never_the_password() {
    let server = Server::shared();
    for tls in [
        "upstream_tls = \"unverified\"\n",
        "upstream_tls = \"off\"\n",
    ] {
        for method in [Method::ScramSha256, Method::Md5, Method::Password] {
            let user = format!("Careful {}", Server::number());
            server.add_role(&user, method, SECRET);
            let proxy = proxy(&user, server.port, tls);
            if method != Method::Password {
                assert_eq!(proxy.app().query("select current_user"), user);
                continue;
            }
            let refusal = proxy.refusal();
            let (cause, remedy) = ("nobody has verified who that is", "upstream_ca_file");
            refusal.assert_is_ours("28000", cause, remedy);
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn wrong_password_is_told_in_the_servers_words() {
    let server = Server::shared();
    for method in [Method::ScramSha256, Method::Md5, Method::Password] {
        let user = format!("developer_{}", Server::number());
        server.add_role(&user, method, "another one");
        let unverified = "upstream_tls = \"unverified\"\nupstream_password_in_clear = true\n";
        let proxy = proxy(&user, server.port, unverified);
        let refused = proxy.app().sql("select 1");
        let text = format!("FATAL:  password authentication failed for user \"{user}\"");
        assert!(refused.failed().contains(&text), "{refused:?}");
        assert!(!refused.stderr.contains("HINT"), "{refused:?}");
        let line = proxy.log_until("login refused");
        assert!(
            line.contains("check upstream_user and upstream_password_file"),
            "{line}"
        );
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn less_than_verified_tls_is_warned_of_at_every_start() {
    let server = Server::shared();
    for tls in ["unverified", "off"] {
        let proxy = proxy("x", server.port, &format!("upstream_tls = \"{tls}\"\n"));
        proxy.log_until("upstream_tls");
        assert!(proxy.log_until("upstream_tls").contains("WARN"));
    }
}

#[test]
fn server_that_skips_its_own_proof_is_refused() {
    let fake = Fake::start(|upstream| {
        upstream.hear_packet()?;
        upstream.say(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0")?;
        upstream.hear(1)?;
        let first = upstream.hear_packet()?;
        let text = String::from_utf8_lossy(&first).into_owned();
        let nonce = text.split("r=").nth(1).unwrap_or_default().to_owned();
        let body = format!("r={nonce}xyz,s=c2FsdHNhbHRzYWx0c2FsdA==,i=4096");
        let length = u32::try_from(body.len() + 8).unwrap();
        let head = [&b"R"[..], &length.to_be_bytes(), &11u32.to_be_bytes()].concat();
        upstream.say(&[&head, body.as_bytes()].concat())?;
        upstream.hear(1)?;
        upstream.hear_packet()?;
        // "Ok" at once: whoever says so need not know the password.
        upstream.say(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")?;
        upstream.listen_to_the_end()
    });
    let proxy = proxy("x", fake.address().port(), "upstream_tls = \"off\"\n");
    let mut app = RawApp::connect(proxy.address());
    app.send(&packets::startup(0, &[("user", "anyone")]));
    let error = app.message();
    assert_eq!(error.tag, b'E');
    let text = error.field('M').unwrap();
    assert!(text.contains("left out a step of SCRAM"), "{text}");
}
