//! Handshakes, cut and broken off.

use std::io::ErrorKind;

use rustls::{Error, HandshakeKind, ProtocolVersion};

use super::*;

/// Shakes hands with every byte in a receive of its own.
#[test]
fn a_handshake_that_comes_byte_by_byte_is_one() {
    for end in [End::Client, End::Server] {
        for version in VERSIONS {
            let (client, server) = configs(version);
            let (client, server) = (Arc::new(client), Arc::new(server));
            let (mut peer, line) = (peer_of(end, &client, &server), Line::default());
            let ours = match end {
                End::Client => shaken_by_bytes(
                    TlsStream::connect(client, localhost(), line.wire()),
                    &mut peer,
                    &line,
                ),
                End::Server => {
                    shaken_by_bytes(TlsStream::accept(server, line.wire()), &mut peer, &line)
                }
            };
            let mut pair = Pair { ours, peer, line };
            pair.peer_hears();
            assert!(!pair.peer.is_handshaking());
            pair.assert_owns_nothing();
            assert!(matches!(pair.write(b"hello"), Poll::Ready(Ok(5))));
            assert_eq!(pair.peer_hears(), b"hello");
        }
    }
}

fn shaken_by_bytes(
    shaking: impl Future<Output = io::Result<TlsStream<Wire>>>,
    peer: &mut Connection,
    line: &Line,
) -> TlsStream<Wire> {
    let mut shaking = pin!(shaking);
    loop {
        for byte in flight_of(peer) {
            if let Poll::Ready(ours) = polled(shaking.as_mut()) {
                return ours.unwrap();
            }
            line.send(&[byte]);
        }
        if let Poll::Ready(ours) = polled(shaking.as_mut()) {
            return ours.unwrap();
        }
        hear(peer, &line.sent()).unwrap();
    }
}

/// What a peer says with its last flight is not lost.
#[test]
fn words_behind_a_handshake_come_out() {
    let (client, server) = configs(&rustls::version::TLS13);
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (mut peer, line) = (peer_of(End::Server, &client, &server), Line::default());
    peer.writer().write_all(b"hello").unwrap();
    let ours = TlsStream::accept(server, line.wire());
    let ours = shaken(ours, &mut peer, &line).unwrap();
    let mut pair = Pair { ours, peer, line };
    assert_eq!(pair.read_all(100), b"hello");
    pair.assert_owns_nothing();
}

#[test]
fn what_was_agreed_is_there_to_see() {
    for end in [End::Client, End::Server] {
        for version in VERSIONS {
            let (mut client, mut server) = configs(version);
            client.alpn_protocols = vec![b"other".to_vec(), b"ours".to_vec()];
            server.alpn_protocols = vec![b"ours".to_vec()];
            let pair = Pair::of(end, (client, server));
            let session = pair.ours.session();
            assert_eq!(session.alpn_protocol(), Some(&b"ours"[..]));
            assert_eq!(session.protocol_version(), Some(version.version));
            let shown = session.peer_certificates().map(<[_]>::len);
            assert_eq!(shown, (end == End::Client).then_some(1));
        }
    }
}

#[test]
fn a_second_handshake_resumes_the_first() {
    for end in [End::Client, End::Server] {
        for version in VERSIONS {
            let (client, server) = configs(version);
            let kinds = [(); 2].map(|()| {
                let mut pair = Pair::of(end, (client.clone(), server.clone()));
                let tickets = pair.peer_flight();
                pair.line.send(&tickets);
                assert!(pair.read(1).is_pending());
                pair.ours.session().handshake_kind()
            });
            let expected = [HandshakeKind::Full, HandshakeKind::Resumed].map(Some);
            assert_eq!(kinds, expected, "{end:?} {:?}", version.version);
        }
    }
}

#[test]
fn an_end_in_the_handshake_is_unexpected() {
    for end in [End::Client, End::Server] {
        for heard in [0, 1, 5, 60] {
            let (client, server) = configs(&rustls::version::TLS13);
            let (client, server) = (Arc::new(client), Arc::new(server));
            let (mut peer, line) = (peer_of(end, &client, &server), Line::default());
            let bytes = flight_of(&mut peer);
            line.send(&bytes[..heard.min(bytes.len())]);
            line.end();
            let outcome = match end {
                End::Client => polled(TlsStream::connect(client, localhost(), line.wire())),
                End::Server => polled(TlsStream::accept(server, line.wire())),
            };
            let Poll::Ready(Err(error)) = outcome else {
                panic!("no end")
            };
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        }
    }
}

#[test]
fn a_certificate_that_nobody_trusts_is_told_by_an_alert() {
    for version in VERSIONS {
        let ((client, _), (_, server)) = (configs(version), configs(version));
        let (client, server) = (Arc::new(client), Arc::new(server));
        let (mut peer, line) = (peer_of(End::Client, &client, &server), Line::default());
        let ours = TlsStream::connect(client, localhost(), line.wire());
        let error = shaken(ours, &mut peer, &line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let error = error.downcast().unwrap();
        assert!(matches!(error, Error::InvalidCertificate(_)), "{error:?}");
        let alert = hear(&mut peer, &line.sent());
        assert!(matches!(alert, Err(Error::AlertReceived(_))), "{alert:?}");
    }
}

#[test]
fn what_is_no_tls_is_told_by_an_alert() {
    let (_, server) = configs(&rustls::version::TLS13);
    let line = Line::default();
    line.send(b"GET / HTTP/1.1\r\n\r\n");
    let Poll::Ready(Err(error)) = polled(TlsStream::accept(Arc::new(server), line.wire())) else {
        panic!("no error")
    };
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let alert = line.sent();
    assert_eq!(alert.first(), Some(&21), "an alert");
}

/// A message of 64 KiB that comes in records of one byte, whose headers alone are more than that.
#[test]
fn a_handshake_without_end_is_broken_off() {
    let (_, server) = configs(&rustls::version::TLS13);
    let line = Line::default();
    line.send(&[22, 3, 1, 0, 4, 1, 0, 0xff, 0xff]);
    for _ in 0..20_000 {
        line.send(&[22, 3, 1, 0, 1, 0]);
    }
    let Poll::Ready(Err(error)) = polled(TlsStream::accept(Arc::new(server), line.wire())) else {
        panic!("it goes on and on")
    };
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let (receives, _) = line.calls();
    assert!(receives * 6 <= 64 * 1024 + 100, "{receives}");
}

#[test]
fn versions_are_as_configured() {
    for (version, expected) in VERSIONS
        .into_iter()
        .zip([ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3])
    {
        let pair = Pair::of(End::Server, configs(version));
        assert_eq!(pair.ours.session().protocol_version(), Some(expected));
    }
}
