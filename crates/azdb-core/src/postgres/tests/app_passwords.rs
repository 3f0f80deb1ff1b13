//! Apps that are asked for a password.

use azdb_config::AppPasswords;
use azdb_wire::postgres::{Next, next_message};
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::message::frontend;
use postgres_protocol::password;

use super::visit::Visit;
use super::*;
use crate::rig::is_silent;
use crate::socket::Peer;

fn somebody() -> Peer {
    Peer::Tcp(([10, 1, 0, 4], 4711).into())
}

/// A route whose apps have these passwords, with one place for a session.
fn house(text: &str) -> House {
    let passwords = AppPasswords::parse(text, ProtocolName::Postgres).unwrap();
    House::of(|route| {
        route.max_connections = 1;
        route.app_passwords = Some(passwords);
        route.admission.networks = vec!["10.1.0.0/16".parse().unwrap()];
    })
}

/// The next message of the proxy's.
async fn heard(visit: &mut Visit) -> Vec<u8> {
    let mut header = visit.hear::<5>().await.to_vec();
    let length = u32::from_be_bytes(*header.last_chunk().unwrap());
    let mut body = vec![0; usize::try_from(length).unwrap() - 4];
    visit.app.read_exact(&mut body).await.unwrap();
    header.append(&mut body);
    header
}

/// The data of the next request for a password.
async fn asked(visit: &mut Visit) -> (u8, Vec<u8>) {
    let message = heard(visit).await;
    let Ok(Next::Message {
        tag: b'R', body, ..
    }) = next_message(&message)
    else {
        unreachable!("no request: {}", azdb_quote::Quoted(&message))
    };
    let (code, data) = body.split_first_chunk::<4>().unwrap();
    (*code.last().unwrap(), data.to_vec())
}

fn message_of(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    write(&mut bytes);
    bytes.to_vec()
}

/// Speaks SCRAM as `postgres-protocol` does, up to the proof.
async fn prove(visit: &mut Visit, password: &str) -> ScramSha256 {
    let (code, mechanisms) = asked(visit).await;
    assert_eq!(
        (code, mechanisms.as_slice()),
        (10, &b"SCRAM-SHA-256\0\0"[..])
    );
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    let first = message_of(|out| {
        frontend::sasl_initial_response("SCRAM-SHA-256", scram.message(), out).unwrap();
    });
    visit.say(&first).await;
    let (code, data) = asked(visit).await;
    assert_eq!(code, 11);
    scram.update(&data).unwrap();
    let last = message_of(|out| frontend::sasl_response(scram.message(), out).unwrap());
    visit.say(&last).await;
    scram
}

#[tokio::test(start_paused = true)]
async fn an_app_that_proves_its_password_is_in_and_only_then_somebody_is_dialled() {
    let mut visit = house("ann:secret").app_from(somebody());
    visit.say(&startup(b"user\0ann\0")).await;
    assert!(visit.nobody_dialled());
    let mut scram = prove(&mut visit, "secret").await;
    let (code, proof) = asked(&mut visit).await;
    assert_eq!(code, 12);
    scram.finish(&proof).unwrap();
    // "Ok" is the upstream's to say.
    assert!(is_silent(&mut visit.app).await);
    grant(&mut visit).await;
    let mut heard = vec![0; welcome().len()];
    visit.app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, welcome());
    assert!(matches!(visit.outcome().await, Ok(Login::Session(..))));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_a_user_that_there_is_not_read_alike_and_cost_the_upstream_nothing() {
    let stored = password::scram_sha_256(b"secret");
    let mut told = Vec::new();
    for (user, said) in [
        ("ann", "Secret"),
        ("bob", ""),
        ("cyd", "secret"),
        ("ann", ""),
    ] {
        let text = format!("ann:secret\nbob:{stored}");
        let mut visit = house(&text).app_from(somebody());
        visit
            .say(&startup(format!("user\0{user}\0").as_bytes()))
            .await;
        prove(&mut visit, said).await;
        let (code, message, hint) = error_fields(&visit.hear_out().await);
        assert_eq!(code, "28P01");
        assert!(hint.contains("app_password_file"), "{hint}");
        assert!(visit.nobody_dialled());
        told.push(message.replace(user, "somebody"));
        let outcome = visit.outcome().await;
        assert!(was_told!(
            outcome,
            Fault::Shared(Cause::WrongPassword { .. })
        ));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_user_with_an_md5_hash_alone_is_asked_for_md5() {
    let digits = password::md5(b"secret", "old");
    for (said, is_in) in [("secret", true), ("Secret", false)] {
        let text = format!("old:{digits}\n:other");
        let mut visit = house(&text).app_from(somebody());
        visit.say(&startup(b"user\0old\0")).await;
        let (code, salt) = asked(&mut visit).await;
        assert_eq!(code, 5);
        let answer = md5_hash(b"old", said.as_bytes(), salt.try_into().unwrap());
        let answer = message_of(|out| frontend::password_message(answer.as_bytes(), out).unwrap());
        visit.say(&answer).await;
        if is_in {
            grant(&mut visit).await;
            assert!(matches!(visit.outcome().await, Ok(Login::Session(..))));
        } else {
            assert_eq!(error_fields(&visit.hear_out().await).0, "28P01");
            assert!(visit.nobody_dialled());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_asked_and_leaves_is_told_nothing_and_refused_nothing() {
    let mut visit = house(":secret").app_from(somebody());
    visit.say(&startup(b"user\0ann\0")).await;
    asked(&mut visit).await;
    drop(visit.app);
    let outcome = visit.login.await.unwrap();
    assert!(matches!(
        outcome,
        Err(NotIn::Left(Left::WithoutPassword(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_told_and_never_a_login() {
    let query = message(b'Q', b"select 1\0");
    let plus = message(b'p', b"SCRAM-SHA-256-PLUS\0\0\0\0\x14p=tls-unique,,n=,r=x");
    let short = message(b'p', b"SCRAM-SHA-256\0\0\0\0\x63n,,n=,r=abc");
    let act_as = message(b'p', b"SCRAM-SHA-256\0\0\0\0\x10n,a=root,n=,r=abc");
    for nonsense in [query, plus, short, act_as, message(b'p', b"secret\0")] {
        let mut visit = house("ann:secret").app_from(somebody());
        visit.say(&startup(b"user\0ann\0")).await;
        asked(&mut visit).await;
        visit.say(&nonsense).await;
        let (code, told, hint) = error_fields(&visit.hear_out().await);
        assert_eq!(code, "08P01", "{told}");
        assert!(hint.contains("SCRAM-SHA-256"), "{hint}");
        assert!(visit.nobody_dialled());
    }
}

/// Apps of one route, each with its login under way.
struct Crowd {
    lobby: Arc<Lobby<Postgres, crate::rig::Pipes>>,
    server: Arc<rustls::ServerConfig>,
}

impl Crowd {
    fn at(house: House) -> Self {
        Self {
            lobby: Arc::new(house.lobby),
            server: house.server,
        }
    }

    fn one(&self) -> Visit {
        let (app, socket) = duplex(64 * 1024);
        let lobby = Arc::clone(&self.lobby);
        let login = async move {
            Postgres::login(
                socket,
                &Place::outside_of(somebody()),
                &*lobby,
                &lobby.deadline(),
            )
            .await
        };
        Visit {
            app,
            databases: tokio::sync::mpsc::unbounded_channel().1,
            acceptor: TlsAcceptor::from(Arc::clone(&self.server)),
            login: tokio::spawn(login),
            _token_file: tempfile::NamedTempFile::new().unwrap(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_has_no_place_among_the_sessions_yet() {
    let crowd = Crowd::at(house("ann:secret"));
    let mut visits: Vec<_> = (0..5).map(|_| crowd.one()).collect();
    for visit in &mut visits {
        visit.say(&startup(b"user\0ann\0")).await;
        assert_eq!(asked(visit).await.0, 10);
    }
    assert!(crowd.lobby.room().is_ok(), "the only place is free");
}

#[tokio::test(start_paused = true)]
async fn many_wrong_passwords_are_waited_for_and_then_not_looked_at() {
    let crowd = Crowd::at(house("ann:secret"));
    let mut waves = Vec::new();
    for _ in 0..2 {
        let mut visits: Vec<_> = (0..40).map(|_| crowd.one()).collect();
        for visit in &mut visits {
            visit.say(&startup(b"user\0ann\0")).await;
            prove(visit, "wrong").await;
        }
        let mut codes = Vec::new();
        for visit in &mut visits {
            codes.push(error_fields(&visit.hear_out().await).0);
        }
        let count = |code| codes.iter().filter(|told| *told == code).count();
        waves.push((count("28P01"), count("57P03")));
    }
    assert_eq!(waves, [(40, 0), (8, 32)]);
    // A right one has to wait as long, and is in.
    let mut visit = crowd.one();
    visit.say(&startup(b"user\0ann\0")).await;
    prove(&mut visit, "secret").await;
    assert_eq!(asked(&mut visit).await.0, 12);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_request_of_somebody_who_may_not_come_goes_nowhere() {
    for (peer, is_forwarded) in [
        (somebody(), true),
        (Peer::Tcp(([203, 0, 113, 9], 1).into()), false),
    ] {
        let House {
            lobby,
            mut databases,
            ..
        } = house(":secret");
        let lobby = Arc::new(lobby);
        let dialled = crate::way::Dialled {
            upstream: Endpoint {
                host: HOST.into(),
                port: 5432,
            },
            addr: ([127, 0, 0, 1], 5432).into(),
        };
        let key = Cancels::register(KEY.to_vec(), KEY.to_vec(), dialled, &lobby);
        let (mut app, socket) = duplex(1024);
        let login = async move {
            Postgres::login(socket, &Place::outside_of(peer), &*lobby, &lobby.deadline()).await
        };
        let login = tokio::spawn(login);
        let request = [
            &16_u32.to_be_bytes()[..],
            &80_877_102_u32.to_be_bytes(),
            KEY,
        ]
        .concat();
        app.write_all(&request).await.unwrap();
        let dialled = tokio::time::timeout(LOGIN_TIMEOUT / 2, databases.recv()).await;
        assert_eq!(dialled.is_ok_and(|dialled| dialled.is_some()), is_forwarded);
        drop((app, login, key));
    }
}
