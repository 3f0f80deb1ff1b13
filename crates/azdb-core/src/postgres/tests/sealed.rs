//! Which databases a token reaches, and which not.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_server_without_tls_gets_nothing_secret() {
    let mut visit = visited().await;
    let mut stream = visit.dialled().await;
    expect_ssl_request(&mut stream).await;
    stream.write_all(b"N").await.unwrap();
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("08001", "azdb-proxy: `db.example.org` does not speak TLS")
    );
    assert!(hint.contains("turn TLS on"), "{hint}");
    assert!(Database(stream).heard_nothing_more().await);
}

#[tokio::test(start_paused = true)]
async fn bytes_from_before_tls_are_an_error_and_no_news() {
    let mut visit = visited().await;
    let mut stream = visit.dialled().await;
    expect_ssl_request(&mut stream).await;
    stream
        .write_all(&[b"S".to_vec(), welcome()].concat())
        .await
        .unwrap();
    let (code, ..) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "08006");
    let outcome = visit.outcome().await;
    assert!(was_told!(
        outcome,
        Fault::Shared(Cause::StuffedBytes { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_error_from_before_tls_reaches_the_log_and_not_the_app() {
    let mut visit = visited().await;
    let mut stream = visit.dialled().await;
    expect_ssl_request(&mut stream).await;
    stream
        .write_all(&message(b'E', b"Mcall this number\0\0"))
        .await
        .unwrap();
    let (code, message, _) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "08001");
    assert!(!message.contains("number"), "{message}");
    let Err(NotIn::Told(told)) = visit.outcome().await else {
        unreachable!("let in")
    };
    assert!(told.fault().to_string().contains("call this number"));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_name_gets_nothing_secret() {
    let house = House::of(|route| {
        route.upstream = vec![Endpoint {
            host: "other.example.org".into(),
            port: 5432,
        }];
    });
    let mut visit = house.app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut stream = visit.dialled().await;
    expect_ssl_request(&mut stream).await;
    stream.write_all(b"S").await.unwrap();
    assert!(visit.acceptor.accept(stream).await.is_err());
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "08006");
    assert!(
        message.starts_with("azdb-proxy: cannot trust upstream `other.example.org`: "),
        "{message}"
    );
    assert!(hint.contains("upstream_tls_name"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn a_token_never_goes_where_nobody_has_verified_the_name() {
    // No configuration says this; `check` refuses it. The types refuse it, too.
    for tls in [UpstreamTls::Unverified, UpstreamTls::Off] {
        let tls_is_off = matches!(tls, UpstreamTls::Off);
        let mut visit = House::of(|route| route.tls = tls).app();
        visit.say(&startup(b"user\0ann\0")).await;
        if tls_is_off {
            let mut database = Database(visit.dialled().await);
            database.startup().await;
            database.say(&ask(3)).await;
            assert!(database.heard_nothing_more().await);
        } else {
            let mut database = visit.database().await;
            database.startup().await;
            database.say(&ask(3)).await;
            assert!(database.heard_nothing_more().await);
        }
        let outcome = visit.outcome().await;
        assert!(was_told!(outcome, Fault::Shared(Cause::NotSealed { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_an_unknown_authority_gets_nothing_secret() {
    let stranger = TlsAcceptor::from(House::new().server);
    let mut visit = visited().await;
    let mut stream = visit.dialled().await;
    expect_ssl_request(&mut stream).await;
    stream.write_all(b"S").await.unwrap();
    assert!(stranger.accept(stream).await.is_err());
    let (code, message, _) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "08006");
    assert!(
        message.starts_with("azdb-proxy: cannot trust upstream `db.example.org`: "),
        "{message}"
    );
}
