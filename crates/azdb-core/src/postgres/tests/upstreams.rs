//! Which databases a token reaches, and which not.

use super::*;
use secrecy::SecretString;

async fn visited() -> Visit {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0")).await;
    visit
}

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
async fn a_password_challenge_in_token_mode_is_explained_and_not_answered() {
    let sasl = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let md5 = message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]);
    for (request, name) in [(sasl, "SCRAM"), (md5, "MD5"), (ask(7), "GSSAPI")] {
        let mut visit = visited().await;
        let mut database = visit.database().await;
        database.startup().await;
        database.say(&request).await;
        let (code, message, _) = error_fields(&visit.hear_out().await);
        assert_eq!(code, "28000");
        assert!(
            message.contains("role \"My Identity\" is not mapped"),
            "{message}"
        );
        assert!(message.contains(name), "{message}");
        assert!(database.heard_nothing_more().await);
    }
}

fn with_password(tls: UpstreamTls) -> House {
    House::of(|route| {
        route.auth = UpstreamAuth::Password(SecretString::from("correct horse"));
        route.tls = tls;
    })
}

#[tokio::test(start_paused = true)]
async fn scram_without_the_servers_proof_is_not_a_login() {
    let mut visit = with_password(UpstreamTls::Off).app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = Database(visit.dialled().await);
    database.startup().await;
    database
        .say(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"))
        .await;
    let (_, initial) = database.message().await;
    let text = String::from_utf8_lossy(&initial);
    let (_, nonce) = text.split_once("n,,n=,r=").unwrap();
    let nonce = nonce.as_bytes();
    let first = [b"\0\0\0\x0br=", nonce, b"XYZ,s=c2FsdA==,i=4096"].concat();
    database.say(&message(b'R', &first)).await;
    database.message().await;
    // An impostor does not know the password: it skips its proof and says "Ok".
    database.welcome().await;
    let (code, message, _) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "28000");
    assert!(message.contains("left out a step of SCRAM"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn md5_is_hashed_with_the_role_and_the_salt() {
    let mut visit = with_password(UpstreamTls::Unverified).app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database
        .say(&message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]))
        .await;
    let expected =
        postgres_protocol::authentication::md5_hash(b"My Identity", b"correct horse", [1, 2, 3, 4]);
    assert_eq!(
        database.message().await,
        (b'p', [expected.as_bytes(), b"\0"].concat())
    );
    database.welcome().await;
    assert_eq!(&visit.hear::<1>().await, b"R");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_request_finds_the_sessions_own_server() {
    let House {
        lobby,
        mut databases,
        server,
        token_file: _file,
        ..
    } = House::new();
    let (lobby, acceptor) = (Arc::new(lobby), TlsAcceptor::from(server));
    let dialled = |port| crate::way::Dialled {
        upstream: Endpoint {
            host: HOST.into(),
            port: 5432,
        },
        addr: ([127, 0, 0, 1], port).into(),
    };
    let _session = lobby.state.own.register(KEY.to_vec(), dialled(7777));

    let request = |key: &[u8]| [&16u32.to_be_bytes(), &80_877_102u32.to_be_bytes(), key].concat();
    let cancel = |key: &[u8]| {
        let (mut app, socket) = duplex(1024);
        let (lobby, request) = (Arc::clone(&lobby), request(key));
        tokio::spawn(async move {
            app.write_all(&request).await.unwrap();
            Postgres::login(socket, &lobby)
                .await
                .map(|login| matches!(login, Login::Errand(_)))
        })
    };
    let known = cancel(KEY);
    let (mut stream, _) = databases.recv().await.unwrap();
    expect_ssl_request(&mut stream).await;
    stream.write_all(b"S").await.unwrap();
    let mut stream = acceptor.accept(stream).await.unwrap();
    let mut heard = [0; 16];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard[..], request(KEY)[..]);
    assert!(!known.is_finished(), "the app waits for the server's end");
    drop(stream);
    assert!(known.await.unwrap().unwrap());

    assert!(cancel(b"unknown!").await.unwrap().unwrap());
    assert!(databases.try_recv().is_err(), "an unknown key goes nowhere");
}
