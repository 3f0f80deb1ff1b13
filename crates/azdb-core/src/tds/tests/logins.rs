//! What goes upstream, and what comes back.

use azdb_wire::tds::{Encryption, Version, kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::database::{
    Database, app_login, login_again, packet_size, prelogin_answer, read_prelogin, says_yes,
    welcome,
};
use super::*;
use crate::rig::is_silent;

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
    let answer = LoginAnswer::parse(&answer, Version::V7_4).unwrap();
    assert!(answer.version.is_some());
    assert_eq!(answer.fed_auth, azdb_wire::tds::FedAuthAck::Missing);
    let Ok(Login::Session(session, _)) = visit.rest.outcome().await else {
        unreachable!("not let in")
    };
    assert!(session.watch.at_rest());
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
    let Ok(Login::Session(session, _)) = rest.outcome().await else {
        unreachable!("not let in")
    };
    let Session {
        mut legs,
        mut watch,
        ..
    } = *session;
    let relaying = tokio::spawn(async move {
        let never = crate::relay::Ends::never();
        crate::relay::relay(
            &mut legs,
            &mut watch,
            Default::default(),
            never,
            &Default::default(),
        )
        .await;
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
async fn an_app_without_a_name_is_given_one() {
    let its_own = || {
        let login = app_login("sa", "orders");
        let mut login = Login7::parse(&login).unwrap();
        let name = utf16("payroll");
        login.app = &name;
        login_again(&login)
    };
    for (login, name) in [
        (app_login("sa", "orders"), "sa@this process"),
        (its_own(), "payroll"),
    ] {
        let mut visit = House::of(|route| route.label_sessions = true).app();
        visit.say(kind::LOGIN7, &login).await;
        let mut database = visit.rest.database().await;
        let login = database.expect_token(TOKEN).await;
        assert_eq!(from_utf16(Login7::parse(&login).unwrap().app), name);
    }
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
    assert!(matches!(visit.rest.outcome().await, Ok(Login::Session(..))));
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
        assert_eq!(says_yes(&answer), good, "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_larger_packets_goes_up_as_what_a_record_takes() {
    for (mars, wished, asked) in [
        (false, 32_767u32, 16_383),
        (true, 32_767, 16_368),
        (false, 16_383, 16_383),
        (true, 16_383, 16_368),
        (true, 8000, 8000),
        (false, 0, 0),
    ] {
        let mut visit = House::new().app();
        visit.prelogin(Encryption::Off, mars).await;
        let mut login = app_login("sa", "orders");
        login.splice(8..12, wished.to_le_bytes());
        visit.say(kind::LOGIN7, &login).await;
        let mut database = visit.rest.database().await;
        let login = database.expect_token(TOKEN).await;
        let login = Login7::parse(&login).unwrap();
        assert_eq!(login.packet_size, asked, "{wished}, MARS {mars}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_either_way_before_the_upstream_has_said_ok() {
    let mut visit = House::new().app();
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    visit.say(kind::SQL_BATCH, b"select 1").await;
    let mut database = visit.rest.database().await;
    assert!(is_silent(&mut visit.app).await);
    database.expect_token(TOKEN).await;
    let more = tokio::time::timeout(Duration::from_secs(1), database.record()).await;
    assert!(more.is_err(), "the app's request waits");
    assert!(is_silent(&mut visit.app).await);
    database.say(&welcome()).await;
    assert!(says_yes(&visit.hear().await));
    let Ok(Login::Session(session, _)) = visit.rest.outcome().await else {
        unreachable!("not let in")
    };
    let mut request = [0; 16];
    let mut app = session.legs.app;
    app.read_exact(&mut request).await.unwrap();
    assert!(request.ends_with(b"select 1"), "and is not lost");
}
