//! What the protocol allows and nobody means: it costs a login so much work and no more.

use std::io;

use azdb_wire::tds::{Encryption, Header, kind, push_message};
use tokio::io::AsyncWriteExt as _;

use super::database::app_login;
use super::visit::Visit;
use super::*;
use crate::way::{Framing, Share};

/// A packet with this payload that is not the last of its message.
fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(Header::LEN + payload.len()).unwrap();
    let header = Header {
        kind,
        status: 0,
        length,
        spid: 0,
        id: 0,
    };
    [&header.encode(), payload].concat()
}

/// Sends the same on and on, many to a write or few, and says how often it was taken before the proxy had enough.
async fn send_on_and_on(visit: &mut Visit, packet: &[u8], at_a_time: usize) -> usize {
    const LONG: usize = 1_000_000;
    let many = packet.repeat(at_a_time);
    let mut sent = 0;
    while sent < LONG && visit.app.write_all(&many).await.is_ok() {
        sent += at_a_time;
    }
    assert!(sent < LONG, "there is no end to it");
    sent
}

/// Most packets of a message, those in the pipe, and those that are thrown away so that the app hears why.
const MOST: usize = 1024 + 3 * 64 * 1024 / Header::LEN;

#[tokio::test(start_paused = true)]
async fn packets_without_payload_come_to_an_end() {
    for at_a_time in [1, 100] {
        for kind in [kind::PRELOGIN, kind::LOGIN7] {
            let mut visit = House::new().app();
            if kind == kind::LOGIN7 {
                visit.prelogin(Encryption::Off, false).await;
            }
            let sent = send_on_and_on(&mut visit, &packet(kind, b""), at_a_time).await;
            assert!(sent <= MOST, "{sent} of {kind}");
            assert!(visit.rest.nobody_dialled());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_in_packets_of_a_byte_comes_to_an_end_with_words() {
    let mut visit = House::new().app();
    visit.prelogin(Encryption::Off, false).await;
    let packets = packet(kind::LOGIN7, b"x").repeat(1025);
    visit.app.write_all(&packets).await.unwrap();
    let (number, text) = visit.error().await;
    assert_eq!(number, 18_456);
    assert!(text.contains("a login in too many packets"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_in_packets_without_payload_comes_to_an_end() {
    let mut visit = House::new().app();
    visit.prelogin(Encryption::On, false).await;
    // It begins as a ClientHello does.
    visit
        .app
        .write_all(&packet(kind::PRELOGIN, b"\x16"))
        .await
        .unwrap();
    let sent = send_on_and_on(&mut visit, &packet(kind::PRELOGIN, b""), 1).await;
    assert!(sent <= MOST, "{sent}");
    assert!(visit.rest.nobody_dialled());
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_answers_in_packets_without_payload_is_left() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    for _ in 0..1024 {
        database.say_bytes(&packet(kind::RESPONSE, b"")).await;
    }
    let (_, text) = visit.error().await;
    assert!(
        text.contains("something else than an answer to a login"),
        "{text}"
    );
}

/// Says where a message ends in a packet of its own.
struct EndsWithNothing;

impl Framing for EndsWithNothing {
    fn wrap(flight: &[u8], out: &mut Vec<u8>) {
        out.extend(packet(kind::PRELOGIN, flight));
        out.extend(packet(kind::PRELOGIN, b""));
        push_message(kind::PRELOGIN, 0, b"", out);
    }

    async fn unwrap<S: Stream>(leg: &mut Leg<S>) -> io::Result<Share> {
        InPrelogin::unwrap(leg).await
    }
}

/// Never says where a message ends.
struct NeverEnds;

impl Framing for NeverEnds {
    fn wrap(flight: &[u8], out: &mut Vec<u8>) {
        out.extend(packet(kind::PRELOGIN, flight));
    }

    async fn unwrap<S: Stream>(leg: &mut Leg<S>) -> io::Result<Share> {
        InPrelogin::unwrap(leg).await
    }
}

async fn logs_in_over_tls<F: Framing>() {
    let mut visit = House::new().app();
    visit.prelogin(Encryption::On, false).await;
    let mut visit = visit.with_tls::<F>().await;
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_may_end_with_packets_without_payload_or_without_an_end() {
    logs_in_over_tls::<EndsWithNothing>().await;
    logs_in_over_tls::<NeverEnds>().await;
}

/// Says more when its handshake is over: bytes, or nothing again and again.
struct EndsWithMore<const BYTES: bool>;

impl<const BYTES: bool> Framing for EndsWithMore<BYTES> {
    fn wrap(flight: &[u8], out: &mut Vec<u8>) {
        const CLIENT_HELLO: u8 = 1;
        out.extend(packet(kind::PRELOGIN, flight));
        match (flight.get(5), BYTES) {
            (Some(&CLIENT_HELLO), _) => {}
            (_, true) => out.extend(packet(kind::PRELOGIN, b"x")),
            (_, false) => out.extend(packet(kind::PRELOGIN, b"").repeat(1025)),
        }
    }

    async fn unwrap<S: Stream>(leg: &mut Leg<S>) -> io::Result<Share> {
        InPrelogin::unwrap(leg).await
    }
}

async fn is_left<F: Framing>() {
    let mut visit = House::new().app();
    visit.prelogin(Encryption::On, false).await;
    let mut visit = visit.with_tls::<F>().await;
    assert!(visit.rest.nobody_dialled());
    assert!(matches!(visit.rest.outcome().await, Err(NotIn::Left(_))));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_goes_on_with_its_handshake_when_it_is_over_is_left() {
    is_left::<EndsWithMore<true>>().await;
    is_left::<EndsWithMore<false>>().await;
}
