#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::net::SocketAddr;
use std::time::Duration;

use azdb_config::AppPasswords;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::password;
use tokio::time::Instant;

use super::scram::{knows, verifier_of};
use super::*;
use crate::fault::Cause;
use crate::rig;

const SCRAMBLE: &[u8; 20] = b"01234567890123456789";

/// A route with these passwords.
fn route(protocol: ProtocolName, text: &str) -> Route {
    Route {
        app_passwords: Some(AppPasswords::parse(text, protocol).unwrap()),
        ..rig::route(protocol)
    }
}

fn somebody() -> Peer {
    Peer::Tcp("10.1.0.4:4711".parse().unwrap())
}

/// What becomes of an app of `postgres-protocol`, and what it makes of our proof.
fn scram_of(
    verifier: ScramVerifier,
    password: &str,
    binding: ChannelBinding,
    shown: Shown<'_>,
) -> Result<bool, ScramError> {
    let plus = matches!(shown, Shown::Certificates(_));
    let mut app = ScramSha256::new(password.as_bytes(), binding);
    let (scram, first) = Scram::begin(verifier, app.message(), plus, shown)?;
    app.update(first.as_bytes()).unwrap();
    match scram.end(app.message(), shown)? {
        Proof::Wrong => Ok(false),
        Proof::Right(ours) => {
            app.finish(ours.as_bytes()).unwrap();
            Ok(true)
        }
    }
}

#[test]
fn a_known_conversation_comes_to_its_known_end() {
    // RFC 7677, section 3, whose server's half of the nonce is not base64 of ours.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    let read = AppPasswords::parse(&format!(":{PENCIL}"), ProtocolName::Postgres).unwrap();
    let Some(AppSecret::Scram(verifier)) = read.of(b"user") else {
        panic!("a verifier")
    };
    let scram = Scram::resumed(
        verifier.clone(),
        "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        b"n=user,r=rOprNGfwEbeRWgbNEkqO",
    );
    let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let Ok(Proof::Right(ours)) = scram.end(last, Shown::Nothing) else {
        panic!("it is right")
    };
    assert_eq!(ours, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert!(knows(verifier, b"pencil") && !knows(verifier, b"pencils"));
}

#[test]
fn an_independent_client_proves_what_it_knows_and_nothing_else() {
    let mock = Mock::beside(None);
    for right in [
        "secret",
        "p\u{e4}ssword of \u{6f22}\u{5b57}",
        "\u{ad}I\u{2168}",
        "\u{7}bell",
    ] {
        let theirs = password::scram_sha_256(right.as_bytes());
        let theirs = AppPasswords::parse(&format!(":{theirs}"), ProtocolName::Postgres).unwrap();
        let Some(AppSecret::Scram(theirs)) = theirs.of(b"") else {
            panic!("a verifier")
        };
        for verifier in [theirs.clone(), verifier_of(right, &mock).unwrap()] {
            let spoken = |password| {
                let nothing = ChannelBinding::unsupported();
                scram_of(verifier.clone(), password, nothing, Shown::Nothing).unwrap()
            };
            assert!(spoken(right), "{right}");
            for wrong in ["", "secre", "Secret", "secrett"] {
                assert!(!spoken(wrong), "{right} {wrong}");
            }
        }
    }
}

#[test]
fn a_binding_is_to_what_was_shown_and_cannot_be_cut_out() {
    let verifier = verifier_of("secret", &Mock::beside(None)).unwrap();
    let hashes = [vec![1; 32], vec![2; 48]];
    let shown = Shown::Certificates(&hashes);
    let speak = |binding, shown| scram_of(verifier.clone(), "secret", binding, shown);
    for hash in &hashes {
        let bound = ChannelBinding::tls_server_end_point(hash.clone());
        assert!(speak(bound, shown).unwrap());
    }
    let other = ChannelBinding::tls_server_end_point(vec![3; 32]);
    assert!(matches!(speak(other, shown), Err(ScramError::Binding)));
    // The mechanism with binding, and no binding in it.
    let none = ChannelBinding::unsupported();
    assert!(matches!(speak(none, shown), Err(ScramError::Binding)));
    let begin = |binding, plus, shown| {
        let app = ScramSha256::new(b"secret", binding);
        Scram::begin(verifier.clone(), app.message(), plus, shown).map(|_| ())
    };
    // Without TLS it is right that nothing was offered; over TLS somebody has cut it out.
    let unrequested = ChannelBinding::unrequested;
    assert!(begin(unrequested(), false, Shown::Nothing).is_ok());
    assert!(matches!(
        begin(unrequested(), false, shown),
        Err(ScramError::Binding)
    ));
    assert!(begin(ChannelBinding::unsupported(), false, shown).is_ok());
}

#[test]
fn half_an_answer_is_no_proof() {
    let verifier = verifier_of("secret", &Mock::beside(None)).unwrap();
    let mut app = ScramSha256::new(b"secret", ChannelBinding::unsupported());
    let (scram, first) = Scram::begin(verifier, app.message(), false, Shown::Nothing).unwrap();
    app.update(first.as_bytes()).unwrap();
    let whole = String::from_utf8(app.message().to_vec()).unwrap();
    let (said, proof) = whole.split_once(",p=").unwrap();
    let proof = BASE64_STANDARD.decode(proof).unwrap();
    for count in 0..proof.len() {
        let cut = BASE64_STANDARD.encode(proof.get(..count).unwrap());
        let answer = format!("{said},p={cut}");
        assert!(matches!(
            scram.end(answer.as_bytes(), Shown::Nothing),
            Ok(Proof::Wrong)
        ));
    }
    for other in [said.replace("c=biws", "c=eSws"), said.replace("r=", "r=x")] {
        let answer = format!("{other},p={}", BASE64_STANDARD.encode(&proof));
        let end = scram.end(answer.as_bytes(), Shown::Nothing);
        assert!(matches!(end, Err(ScramError::Binding)), "{other}");
    }
}

#[test]
fn a_user_that_there_is_not_looks_like_one_that_there_is() {
    let route = route(ProtocolName::Postgres, "ann:secret\nbob:secret");
    let gate = Gate::of(&route);
    let asked = gate.asks(somebody(), &route).unwrap();
    let looks = |user: &[u8]| {
        let verifier = asked.scram(user);
        (verifier.iterations, verifier.salt)
    };
    assert_eq!(looks(b"ann").0, looks(b"nobody").0);
    assert_eq!(looks(b"ann").1.len(), looks(b"nobody").1.len());
    for user in [&b"ann"[..], b"nobody"] {
        assert_eq!(looks(user), looks(user), "the same at each time");
    }
    assert_ne!(looks(b"nobody").1, looks(b"nobody else").1);
    assert_ne!(looks(b"ann").1, looks(b"bob").1);
    let none = ChannelBinding::unsupported();
    let verifier = asked.scram(b"nobody");
    assert!(!scram_of(verifier, "secret", none, Shown::Nothing).unwrap());
    // Nor does it look like another one after a start with the rounds of a file.
    let few = password::scram_sha_256(b"x").replace("4096", "1234");
    let route = self::route(ProtocolName::Postgres, &format!("ann:{few}"));
    let gate = Gate::of(&route);
    assert_eq!(
        gate.asks(somebody(), &route)
            .unwrap()
            .scram(b"x")
            .iterations,
        1234
    );
}

#[test]
fn answers_of_mysqls_plugins_are_those_of_mysql_common() {
    let route = route(
        ProtocolName::Mysql,
        "ann:secret\ncyd:*14E65567ABDB5135D0CFD9A70B3032C179A49EE7",
    );
    let gate = Gate::of(&route);
    let asked = gate.asks(somebody(), &route).unwrap();
    let native_of = |user: &[u8], answer: &[u8]| {
        asked
            .native(user)
            .map(|native| native.fits(SCRAMBLE, answer))
    };
    let fast_of =
        |user: &[u8], answer: &[u8]| asked.fast(user).map(|fast| fast.fits(SCRAMBLE, answer));
    let (first, rest) = SCRAMBLE.split_at(8);
    let nonce = [first, rest].concat();
    for password in [&b"secret"[..], b"secre", b""] {
        let is_right = password == b"secret";
        let native = mysql_common::scramble::scramble_native(&nonce, password);
        let native = native.map(|answer| answer.to_vec()).unwrap_or_default();
        for user in [&b"ann"[..], b"cyd"] {
            assert_eq!(native_of(user, &native), Some(is_right));
            assert_eq!(asked.is_whole(user, password), is_right);
        }
        assert_eq!(native_of(b"bob", &native), Some(false));
        assert!(!asked.is_whole(b"bob", password));
        let sha2 = mysql_common::scramble::scramble_sha256(&nonce, password);
        let sha2 = sha2.map(|answer| answer.to_vec()).unwrap_or_default();
        assert_eq!(fast_of(b"ann", &sha2), Some(is_right));
        // Only the password itself could tell, and whether there is a user must not show.
        assert_eq!(fast_of(b"cyd", &sha2), None);
        assert_eq!(fast_of(b"bob", &sha2), None);
    }
}

#[test]
fn a_verifier_tells_the_password_itself() {
    let verifier = password::scram_sha_256("p\u{e4}ss".as_bytes());
    let route = route(ProtocolName::Tds, &format!("ann:{verifier}\nbob:plain"));
    let gate = Gate::of(&route);
    let asked = gate.asks(somebody(), &route).unwrap();
    assert!(asked.is_whole(b"ann", "p\u{e4}ss".as_bytes()));
    assert!(asked.is_whole(b"bob", b"plain"));
    for (user, password) in [
        (&b"ann"[..], &b"plain"[..]),
        (b"bob", b"p"),
        (b"cyd", b"plain"),
        (b"cyd", b""),
    ] {
        assert!(!asked.is_whole(user, password));
    }
}

#[test]
fn md5_is_that_of_postgres_protocol() {
    use postgres_protocol::authentication::md5_hash;
    let digits = password::md5(b"secret", "ann");
    let route = route(ProtocolName::Postgres, &format!("ann:{digits}\n:other"));
    let gate = Gate::of(&route);
    let asked = gate.asks(somebody(), &route).unwrap();
    let (digits, salt) = (asked.md5(b"ann").unwrap(), [1, 2, 3, 4]);
    let answer = |password: &[u8]| md5_hash(b"ann", password, salt).into_bytes();
    assert!(Asked::is_md5(digits, salt, &answer(b"secret")));
    assert!(!Asked::is_md5(digits, salt, &answer(b"Secret")));
    assert!(!Asked::is_md5(digits, [0; 4], &answer(b"secret")));
    assert_eq!(asked.md5(b"bob"), None);
}

#[test]
fn we_ourselves_are_not_asked() {
    let route = route(ProtocolName::Postgres, ":secret");
    let gate = Gate::of(&route);
    assert!(gate.asks(Peer::InProcess, &route).is_none());
    for peer in [
        somebody(),
        Peer::Unix(0),
        Peer::Tcp("127.0.0.1:1".parse().unwrap()),
    ] {
        assert!(gate.asks(peer, &route).is_some());
    }
}

fn peer(address: &str) -> Peer {
    Peer::Tcp(SocketAddr::new(address.parse().unwrap(), 1))
}

/// How long `peer` waits for its turn.
async fn wait(throttle: &Throttle, peer: Peer) -> Result<Duration, Cause> {
    let began = Instant::now();
    throttle.turn(peer).await?;
    Ok(began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_make_their_origin_wait_longer_and_nobody_else() {
    let (throttle, bad, good) = (Throttle::default(), peer("10.0.0.1"), peer("10.0.0.2"));
    let mut waits = Vec::new();
    for _ in 0..12 {
        waits.push(wait(&throttle, bad).await.unwrap());
        throttle.wrong(bad);
        assert_eq!(wait(&throttle, good).await.unwrap(), Duration::ZERO);
    }
    let expected = [0, 0, 0, 0, 0, 25, 50, 100, 200, 400, 500, 500];
    assert_eq!(waits, expected.map(Duration::from_millis));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(wait(&throttle, bad).await.unwrap(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn many_at_a_time_wait_behind_each_other_and_not_without_end() {
    let (throttle, bad) = (Throttle::default(), peer("10.0.0.1"));
    for _ in 0..20 {
        throttle.wrong(bad);
    }
    let (mut turns, mut refused) = (Vec::new(), 0);
    for _ in 0..100 {
        match throttle.reserve(bad) {
            Ok(at) => turns.push(at.unwrap()),
            Err(cause) => {
                assert!(matches!(cause, Cause::TooManyWrong { .. }));
                refused += 1;
            }
        }
    }
    assert!(
        turns
            .windows(2)
            .all(|pair| pair[1] - pair[0] == Duration::from_millis(500))
    );
    assert_eq!((turns.len(), refused), (8, 92));
    // Who has waited is looked at, and the right password is in.
    tokio::time::sleep_until(*turns.last().unwrap()).await;
    assert!(throttle.reserve(bad).is_ok());
}

#[tokio::test(start_paused = true)]
async fn origins_are_machines_and_few_are_remembered() {
    let throttle = Throttle::default();
    for (one, same) in [
        ("127.0.0.1", "127.8.8.8"),
        ("127.0.0.1", "::1"),
        ("2001:db8::1", "2001:db8::2"),
        ("10.0.0.1", "::ffff:10.0.0.1"),
    ] {
        let throttle = Throttle::default();
        for _ in 0..9 {
            throttle.wrong(peer(one));
        }
        assert!(throttle.reserve(peer(same)).unwrap().is_some(), "{same}");
    }
    for network in 0..2000_u32 {
        let [.., a, b] = network.to_be_bytes();
        throttle.wrong(peer(&format!("10.7.{a}.{b}")));
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(throttle.remembered(), 1024);
    for _ in 0..9 {
        throttle.wrong(peer("10.7.7.207"));
    }
    assert!(throttle.reserve(peer("10.7.7.207")).unwrap().is_some());
}
