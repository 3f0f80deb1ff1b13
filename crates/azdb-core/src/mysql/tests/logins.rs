//! Token mode: as whom we go upstream, and what the app is told.

use azdb_config::route::{Principals, UpstreamTls};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::TlsConnector;

use super::*;
use crate::rig::write_token;

#[tokio::test(start_paused = true)]
async fn an_app_becomes_the_user_and_reads_the_upstreams_own_ok() {
    let mut door = Door::new();
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    let sent = database.hear().await;
    let sent = parsed(&sent);
    assert_eq!(
        (sent.user, sent.database),
        (&b"My Identity"[..], Some(&b"shop"[..]))
    );
    assert_eq!(
        (sent.plugin, sent.auth),
        (plugin::NATIVE, &b""[..]),
        "the app's answer stays here"
    );
    assert_eq!((sent.charset, sent.max_packet), (45, 1 << 24));
    assert_eq!(sent.attributes, app_response().attributes);
    let login_only = Capabilities::SSL | Capabilities::REMEMBER_OPTIONS | Capabilities::PLUGIN_AUTH;
    assert_eq!(
        sent.capabilities.without(login_only),
        app_response().agreed().without(login_only)
    );
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);

    // And then the session is theirs.
    app.command(b"\x03select 1").await;
    assert_eq!(database.hear_command().await, b"\x03select 1");
    database.say(b"\x01").await;
    assert_eq!(app.hear().await, b"\x01");
}

#[tokio::test(start_paused = true)]
async fn extended_capabilities_go_upstream_as_far_as_both_have_them() {
    for (extended, sent_upstream) in [(0xff, 0x1d), (0x05, 0x05), (0, 0)] {
        let mut door = Door::new();
        let mut app = door.app();
        let database = door.greeting().await;
        app.hear().await;
        let mut response = app_response();
        response.capabilities = response.capabilities.without(Capabilities::MYSQL);
        response.extended = extended;
        app.say(&response.encode().unwrap()).await;
        let mut database = door.seal(database).await;
        assert_eq!(parsed(&database.hear().await).extended, sent_upstream);
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_names_no_database_gets_the_routes() {
    let mut door = Door::with(|route| route.default_database = Some("orders".into()));
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    let response = Response {
        database: None,
        ..app_response()
    };
    app.say(&response.encode().unwrap()).await;
    let mut database = door.seal(database).await;
    assert_eq!(
        parsed(&database.hear().await).database,
        Some(&b"orders"[..])
    );
}

#[tokio::test(start_paused = true)]
async fn every_plugin_is_carried_to_an_ok() {
    /// The switch that an app reads, its answer, and more that it reads.
    type Between = Option<(&'static [u8], &'static [u8], Option<&'static [u8]>)>;
    let fast: &[u8] = &[7; 32];
    let cases: [(&[u8], Between); 8] = [
        (b"", None),
        (plugin::NATIVE, None),
        (plugin::CLEAR, None),
        (
            plugin::CACHING_SHA2,
            Some((plugin::CACHING_SHA2, fast, Some(b"\x01\x03"))),
        ),
        (
            plugin::CACHING_SHA2,
            Some((plugin::CACHING_SHA2, b"", None)),
        ),
        (
            plugin::CACHING_SHA2,
            Some((plugin::CACHING_SHA2, b"\0", None)),
        ),
        (
            plugin::SHA256,
            Some((plugin::NATIVE, b"12345678901234567890", None)),
        ),
        (b"client_ed25519", Some((plugin::NATIVE, b"", None))),
    ];
    for (named, between) in cases {
        let mut door = Door::new();
        let mut app = door.app();
        let database = door.greeting().await;
        let scramble = Greeting::parse(&app.hear().await).unwrap().scramble;
        let response = Response {
            plugin: named,
            ..app_response()
        };
        app.say(&response.encode().unwrap()).await;
        let mut database = door.seal(database).await;
        database.hear().await;
        database.take_token(TOKEN).await;
        if let Some((switched, answer, more)) = between {
            assert_eq!(app.hear().await, encode_switch(switched, &scramble));
            app.say(answer).await;
            if let Some(more) = more {
                assert_eq!(app.hear().await, more);
            }
        }
        assert_eq!(app.hear().await, OK, "{}", Quoted(named));
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_may_speak_tls() {
    let mut door = Door::new();
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    let mut response = app_response();
    response.capabilities = response.capabilities | Capabilities::SSL;
    app.say(&response.encode_tls_request()).await;

    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(door.ca_pem.as_bytes()).unwrap())
        .unwrap();
    let config = rustls::ClientConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let (pipe, next) = (std::mem::replace(&mut app.stream, duplex(1).0), app.next);
    let stream = connector.connect(name, pipe).await.unwrap();
    let mut app = Peer { stream, next };
    app.say(&response.encode().unwrap()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn bytes_stuffed_behind_a_request_for_tls_end_the_connection() {
    let mut door = Door::new();
    let mut app = door.app();
    let mut database = door.greeting().await;
    app.hear().await;
    let mut bytes = Vec::new();
    push_packet(&mut bytes, 1, &app_response_with_tls().encode_tls_request());
    push_packet(&mut bytes, 2, &response());
    app.say_bytes(&bytes).await;
    assert_eq!(app.hear_out().await, b"");
    assert_eq!(database.hear_out().await, b"");
}

fn app_response_with_tls() -> Response<'static> {
    let mut response = app_response();
    response.capabilities = response.capabilities | Capabilities::SSL;
    response
}

/// An app's login up to the upstream's first word after the response.
async fn asked(door: &mut Door) -> (App, Peer<TlsStream<DuplexStream>>) {
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    (app, database)
}

#[tokio::test(start_paused = true)]
async fn an_upstream_without_tls_is_told_nothing() {
    let mut door = Door::new();
    let mut app = door.app();
    let mut database = door.dialled().await;
    let plain = Greeting {
        capabilities: CAPABILITIES.without(Capabilities::SSL),
        ..greeting()
    };
    database.say(&plain.encode()).await;
    app.hear().await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(text.contains("does not speak TLS"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_the_greeting_are_an_error_and_no_news() {
    let mut door = Door::new();
    let mut app = door.app();
    let mut database = door.greeting().await;
    app.hear().await;
    database.refuse(1045, "forged").await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(!text.contains("forged"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn the_token_is_for_the_clear_plugin_alone() {
    for (named, word) in [
        (plugin::NATIVE, "mysql_native_password"),
        (plugin::CACHING_SHA2, "caching_sha2_password"),
        (plugin::SHA256, "sha256_password"),
        (b"dialog", "dialog"),
        (b"made_up", "an unknown plugin"),
    ] {
        let mut door = Door::new();
        let (app, mut database) = asked(&mut door).await;
        database.say(&encode_switch(named, &SALT)).await;
        let (code, text) = app.refused().await;
        assert_eq!(code, 1045);
        assert!(
            text.starts_with(&format!("azdb-proxy: upstream asked for {word}:")),
            "{text}"
        );
        assert!(text.contains("CREATE AADUSER 'My Identity'"), "{text}");
        assert_eq!(database.hear_out().await, b"");
    }
    for request in [&b"\xfe"[..], b"\x02webauthn\0", b"\x01\x04"] {
        let mut door = Door::new();
        let (app, mut database) = asked(&mut door).await;
        database.say(request).await;
        app.refused().await;
        assert_eq!(database.hear_out().await, b"");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_is_sent_once() {
    let mut door = Door::new();
    let (app, mut database) = asked(&mut door).await;
    let switch = encode_switch(plugin::CLEAR, &SALT);
    database.say(&switch).await;
    database.hear().await;
    database.say(&switch).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(text.contains("a second request for the secret"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_token_never_takes_a_way_that_is_not_verified() {
    let mut door = Door::with(|route| route.tls = UpstreamTls::Unverified);
    let (app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(text.contains("the token was not sent"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_any_request_is_explained() {
    let mut door = Door::new();
    let (app, mut database) = asked(&mut door).await;
    database
        .refuse(1045, "Access denied (using password: NO)")
        .await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(
        text.starts_with(
            "azdb-proxy: user 'My Identity' is not a Microsoft Entra user on this server"
        ),
        "{text}"
    );
    assert!(
        text.contains("`Access denied (using password: NO)`"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_upstreams_own_error_arrives_as_it_came() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    let error = refusal(1049, "Unknown database 'shop'");
    database.say(&error).await;
    assert_eq!(app.hear().await, error);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_upstream_calls_expired_is_replaced_once() {
    const FRESH: &str = "eyJhbGciOiJub25lIn0.ZnJlc2g.c2ln";
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    write_token(&door.token_file, FRESH);
    database.refuse(9105, "The access token has expired").await;
    let again = door.greeting().await;
    let mut again = door.seal(again).await;
    again.hear().await;
    again.take_token(FRESH).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn an_app_whose_user_is_not_mapped_is_refused_without_a_login() {
    let mut door = Door::with(|route| {
        let Principals::One(principal) = &route.principals else {
            unreachable!("the house has one")
        };
        route.principals = Principals::ByAppUser(vec![("bob".into(), Arc::clone(principal))]);
    });
    let mut app = door.app();
    let mut database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(text.contains("user `ann` is not in user_map"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn an_app_too_many_reads_1040() {
    let mut door = Door::with(|route| route.max_connections = 1);
    let (_app, _database) = door.session().await;
    let mut app = door.app();
    let _database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    assert_eq!(app.refused().await.0, 1040);
}
