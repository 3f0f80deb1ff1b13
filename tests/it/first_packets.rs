//! What may come before a login, in whole packets and byte by byte.

use azdb_tests::{Azure, Fake, Proxy, RawApp, Start, client_config, packets};
use packets::{GSSENC_REQUEST, SSL_REQUEST, startup};

/// How bytes are sent.
type Send = fn(&mut RawApp, &[u8]);
const BOTH_WAYS: [Send; 2] = [RawApp::send, RawApp::send_slowly];

const USER: [(&str, &str); 1] = [("user", "anyone")];

/// The certificate authority that the proxy prints for its apps.
fn printed_ca(proxy: &Proxy) -> String {
    let state = proxy.directory().join("state/azdb-proxy");
    let ran = Start::new(&["ca", "--state-dir", state.to_str().unwrap()]).run();
    ran.succeeded().to_owned()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn plain_startup_logs_in() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    for send in BOTH_WAYS {
        let mut app = RawApp::connect(proxy.address());
        send(&mut app, &startup(0, &USER));
        app.until(b'Z');
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn requests_for_encryption_come_in_any_order() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let ca = printed_ca(&proxy);
    for send in BOTH_WAYS {
        let mut app = RawApp::connect(proxy.address());
        send(&mut app, &GSSENC_REQUEST);
        assert_eq!(app.byte(), Some(b'N'));
        send(&mut app, &SSL_REQUEST);
        assert_eq!(app.byte(), Some(b'S'));
        let mut app = app.tls(client_config(&ca, &[])).unwrap();
        send(&mut app, &startup(0, &USER));
        app.until(b'Z');

        let mut app = RawApp::connect(proxy.address());
        send(&mut app, &GSSENC_REQUEST);
        assert_eq!(app.byte(), Some(b'N'));
        send(&mut app, &startup(0, &USER));
        app.until(b'Z');
    }
    let without_tls = azure.route() + "local_tls = \"off\"\n";
    let proxy = azure.start(&without_tls).start();
    for send in BOTH_WAYS {
        for order in [[SSL_REQUEST, GSSENC_REQUEST], [GSSENC_REQUEST, SSL_REQUEST]] {
            let mut app = RawApp::connect(proxy.address());
            for request in order {
                send(&mut app, &request);
                assert_eq!(app.byte(), Some(b'N'));
            }
            send(&mut app, &startup(0, &USER));
            app.until(b'Z');
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn request_for_encryption_comes_once() {
    let azure = Azure::new();
    let without_tls = azure.route() + "local_tls = \"off\"\n";
    let proxy = azure.start(&without_tls).start();
    for request in [SSL_REQUEST, GSSENC_REQUEST] {
        let mut app = RawApp::connect(proxy.address());
        app.send(&request);
        assert_eq!(app.byte(), Some(b'N'));
        app.send(&request);
        assert_eq!(app.rest(), b"");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn direct_tls_needs_alpn() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let ca = printed_ca(&proxy);

    let direct = RawApp::connect(proxy.address());
    let mut direct = direct.tls(client_config(&ca, &[b"postgresql"])).unwrap();
    direct.send_slowly(&startup(0, &USER));
    direct.until(b'Z');

    for alpn in [&[][..], &[&b"http/1.1"[..]]] {
        let other = RawApp::connect(proxy.address());
        // Whether the handshake fails or the connection ends right after it is TLS 1.3's business.
        if let Ok(mut other) = other.tls(client_config(&ca, alpn)) {
            other.send(&startup(0, &USER));
            assert_eq!(other.rest(), b"");
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn negotiated_tls_takes_alpn_or_none_but_no_other() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let ca = printed_ca(&proxy);
    let tls = |alpn: &[&[u8]]| {
        let mut app = RawApp::connect(proxy.address());
        app.send(&SSL_REQUEST);
        assert_eq!(app.byte(), Some(b'S'));
        app.tls(client_config(&ca, alpn))
    };
    for alpn in [&[][..], &[&b"postgresql"[..]]] {
        let mut app = tls(alpn).unwrap();
        app.send(&startup(0, &USER));
        app.until(b'Z');
    }
    assert!(tls(&[b"http/1.1"]).is_err());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn versions_are_negotiated_by_the_server() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    // PostgreSQL 18 speaks 3.2, servers before it 3.0 alone.
    let version: u32 = azure
        .server
        .admin("show server_version_num")
        .parse()
        .unwrap();
    let newest: u8 = if version >= 180_000 { 2 } else { 0 };
    let option = "_pq_.test_protocol_negotiation";
    for (minor, option) in [(0, None), (2, None), (9999, Some(option))] {
        for send in BOTH_WAYS {
            let mut parameters = USER.to_vec();
            parameters.extend(option.map(|option| (option, "")));
            let mut app = RawApp::connect(proxy.address());
            send(&mut app, &startup(minor, &parameters));
            let first = app.message();
            if minor <= u16::from(newest) {
                assert_eq!(first.tag, b'R', "3.{minor}: nothing to negotiate");
                continue;
            }
            assert_eq!(first.tag, b'v', "3.{minor}");
            // In the words of the server, not of the proxy.
            assert_eq!(first.body.get(..4), Some(&[0, 3, 0, newest][..]));
            let listed = option.map_or(vec![0, 0, 0, 0], |option| {
                [&[0, 0, 0, 1], option.as_bytes(), &[0]].concat()
            });
            assert_eq!(first.body.get(4..), Some(&listed[..]));
            app.until(b'Z');
        }
    }
}

#[test]
fn other_major_version_is_told_which_there_are() {
    let (fake, proxy) = proxy_before_a_fake();
    let mut app = RawApp::connect(proxy.address());
    app.send(&[0, 0, 0, 9, 0, 2, 0, 0, 0]);
    let error = app.message();
    assert_eq!(error.field('C').as_deref(), Some("0A000"));
    let text = error.field('M').unwrap();
    assert!(text.contains("unsupported frontend protocol 2.0"), "{text}");
    assert_eq!(fake.heard().len(), 0);
}

#[test]
fn plaintext_behind_a_request_for_tls_is_refused() {
    let (fake, proxy) = proxy_before_a_fake();
    let mut app = RawApp::connect(proxy.address());
    let stuffed = [&SSL_REQUEST[..], &startup(0, &USER)].concat();
    app.send(&stuffed);
    assert_eq!(app.rest(), b"", "not even an S");
    proxy.log_until("bytes in the clear behind the app's request for TLS");
    assert_eq!(fake.heard().len(), 0);
}

#[test]
fn what_is_not_postgresql_is_dropped_without_a_login_upstream() {
    let (fake, proxy) = proxy_before_a_fake();
    for words in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        &[0, 0, 0, 4],
        &[0, 0, 0, 0],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff; 64],
        &[0, 0, 0x27, 0x11, 0, 3, 0, 0],
    ] {
        let mut app = RawApp::connect(proxy.address());
        app.send(words);
        assert_eq!(app.rest(), b"", "{words:?}");
    }
    // A browser: TLS at once, with its own protocols.
    let browser = RawApp::connect(proxy.address());
    let config = client_config(&printed_ca(&proxy), &[b"h2", b"http/1.1"]);
    assert!(browser.tls(config).is_err());
    // A port probe.
    let mut probe = RawApp::connect(proxy.address());
    probe.finish();
    assert_eq!(probe.rest(), b"");
    assert_eq!(fake.heard().len(), 0, "nobody came upstream");
}

#[test]
fn startup_without_a_user_is_told_so() {
    let (fake, proxy) = proxy_before_a_fake();
    let mut app = RawApp::connect(proxy.address());
    app.send(&startup(0, &[("database", "x")]));
    let error = app.message();
    assert_eq!(error.field('C').as_deref(), Some("28000"));
    assert_eq!(fake.heard().len(), 0);
}

/// A proxy whose upstream only listens, and says what it heard.
fn proxy_before_a_fake() -> (Fake, Proxy) {
    let fake = Fake::silent();
    let identity = azdb_tests::Identity::giving(&azdb_tests::token_of(0));
    let ca = azdb_tests::Authority::default();
    let directory = tempfile::TempDir::new().unwrap();
    let route = format!(
        "[[route]]\nname = \"fake\"\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
         connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {:?}\nupstream_user = \"x\"\n",
        ca.write(directory.path()),
        port = fake.address().port(),
    );
    let proxy = Start::run_with(&route).envs(identity.environment()).start();
    (fake, proxy)
}
