//! What goes upstream, and what comes back.

use azdb_wire::tds::{Encryption, kind};
use secrecy::SecretString;
use tokio::io::AsyncWriteExt as _;

use super::database::{
    Database, app_login, packet_size, prelogin_answer, read_prelogin, welcome, with_features,
};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_token_goes_upstream_in_the_place_of_user_and_password() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let (mut stream, target) = visit.rest.dialled().await;
    assert_eq!(target.to_string(), "orders.database.windows.net:1433");
    let asked = read_prelogin(&mut stream).await;
    assert_eq!(asked.encryption, Some(Encryption::On));
    assert_eq!(asked.fed_auth_required, Some(true));
    assert!(asked.trace_id.is_some_and(|id| id != [0; 36]));
    let answer = prelogin_answer(Encryption::On, false);
    stream.write_all(&answer).await.unwrap();
    let mut database = Database::shake(stream, &visit.rest.server).await;
    assert_eq!(database.session.server_name(), Some(HOST));

    let login = database.expect_token(TOKEN).await;
    let login = Login7::parse(&login).unwrap();
    assert!(login.user.is_empty());
    assert_eq!(from_utf16(login.server), HOST);
    assert_eq!(from_utf16(login.database), "orders");
    database.say(&welcome()).await;

    let answer = visit.hear().await;
    let answer = LoginAnswer::parse(&answer).unwrap();
    assert!(answer.granted);
    assert_eq!(answer.fed_auth, azdb_wire::tds::FedAuthAck::Missing);
    let Ok(Login::Session(session)) = visit.rest.outcome().await else {
        unreachable!("not let in")
    };
    assert!(session.watch.at_rest());
}

#[tokio::test(start_paused = true)]
async fn a_long_token_is_cut_into_packets_of_a_record_each() {
    let house = House::new();
    let token = format!("eyJ.{}", "x".repeat(20_000));
    write_token(&house.token_file, &token);
    let mut visit = house.app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    // `login` checks each packet and its record.
    database.expect_token(&token).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_begins_carries_requests_and_answers() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    visit.hear().await;
    let visit::Visit { mut app, rest } = visit;
    let Ok(Login::Session(session)) = rest.outcome().await else {
        unreachable!("not let in")
    };
    let Session {
        mut legs,
        mut watch,
        ..
    } = *session;
    let relaying = tokio::spawn(async move {
        let never = std::future::pending();
        crate::relay::relay(&mut legs, &mut watch, Default::default(), never).await;
    });
    let mut request = Vec::new();
    azdb_wire::tds::push_message(kind::SQL_BATCH, 0, &[7; 5000], &mut request);
    app.write_all(&request).await.unwrap();
    for length in [4088, 912] {
        let (header, payload) = database.packet().await;
        assert_eq!(header.kind, kind::SQL_BATCH);
        assert_eq!(payload, vec![7; length]);
    }
    relaying.abort();
}

#[tokio::test(start_paused = true)]
async fn the_configured_database_stands_in_for_none() {
    let house = House::of(|route| route.default_database = Some("stock".into()));
    let mut visit = house.app();
    visit.say(kind::LOGIN7, &app_login("sa", "")).await;
    let mut database = visit.rest.database().await;
    let login = database.expect_token(TOKEN).await;
    assert_eq!(from_utf16(Login7::parse(&login).unwrap().database), "stock");
}

#[tokio::test(start_paused = true)]
async fn tls_around_everything_upstream_if_the_route_says_so() {
    let mut visit = House::of(|route| route.tls_first = true).app();
    visit.log_in().await;
    let (stream, _) = visit.rest.dialled().await;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&visit.rest.server));
    let tls = acceptor.accept(stream).await.unwrap();
    let (stream, session) = tls.into_inner();
    assert_eq!(session.alpn_protocol(), Some(&b"tds/8.0"[..]));
    let mut database = Database { stream, session };
    let (header, _) = database.packet().await;
    assert_eq!(header.kind, kind::PRELOGIN);
    let answer = prelogin_answer(Encryption::NotSupported, false);
    database.say(answer.get(8..).unwrap()).await;
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    visit.hear().await;
    assert!(matches!(visit.rest.outcome().await, Ok(Login::Session(_))));
}

fn development(tls: UpstreamTls) -> House {
    House::of(|route| {
        route.auth = UpstreamAuth::Password(SecretString::from("Secret1"));
        route.tls = tls;
        route.principals = Principals::One(Arc::new(Principal {
            user: "orders-app".into(),
            identity: Arc::default(),
        }));
    })
}

#[tokio::test(start_paused = true)]
async fn a_development_server_gets_the_configured_password() {
    let mut visit = development(UpstreamTls::Unverified).app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    let asked = read_prelogin(&mut stream).await;
    assert_eq!(asked.fed_auth_required, None);
    let answer = prelogin_answer(Encryption::Required, false);
    stream.write_all(&answer).await.unwrap();
    let mut database = Database::shake(stream, &visit.rest.server).await;
    let login = database.login().await;
    let login = Login7::parse(&login).unwrap();
    assert_eq!(from_utf16(login.user), "orders-app");
    assert_eq!(login.fed_auth(), None);
    // Nobody asked for a token, so nobody says that one was taken.
    database.say(&with_features(&[])).await;
    assert!(LoginAnswer::parse(&visit.hear().await).unwrap().granted);
}

#[tokio::test(start_paused = true)]
async fn a_development_server_may_have_no_tls_at_all() {
    let mut visit = development(UpstreamTls::Off).app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    let asked = read_prelogin(&mut stream).await;
    assert_eq!(asked.encryption, Some(Encryption::NotSupported));
    let answer = prelogin_answer(Encryption::On, false);
    stream.write_all(&answer).await.unwrap();
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(text.contains("a demand for TLS"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn mars_is_both_sides_or_nobodys() {
    for granted in [true, false] {
        let mut visit = House::new().app();
        let answer = visit.prelogin(Encryption::Off, true).await;
        assert_eq!(answer.mars, Some(true));
        visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
        let (mut stream, _) = visit.rest.dialled().await;
        assert_eq!(read_prelogin(&mut stream).await.mars, Some(true));
        let answer = prelogin_answer(Encryption::On, granted);
        stream.write_all(&answer).await.unwrap();
        let mut database = Database::shake(stream, &visit.rest.server).await;
        if granted {
            database.expect_token(TOKEN).await;
        } else {
            assert!(visit.error().await.1.contains("does not do MARS"));
            assert!(database.heard_nothing_more().await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn packets_that_no_record_can_hold_are_refused() {
    for (size, good) in [("16383", true), ("32767", false)] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        database.say(&[packet_size(size), welcome()].concat()).await;
        let answer = visit.hear().await;
        assert_eq!(LoginAnswer::parse(&answer).unwrap().granted, good, "{size}");
    }
}
