//! What an app says of our TLS: each word is a cause with a remedy of its own.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::fault::{AppTlsFlaw, Left};
use crate::rig::in_every_protocol;
use crate::tds::Tds;

in_every_protocol!(
    each_alert_of_an_app_is_a_cause,
    an_app_that_ends_its_handshake_without_an_alert_is_one_that_left,
    an_app_that_knows_no_tls_of_ours_is_told_of_by_its_version,
);

/// What opens a handshake of these versions.
fn client_hello(versions: &[&'static SupportedProtocolVersion]) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(crate::tls::provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// A ClientHello of TLS 1.1, without extensions.
fn old_client_hello() -> Vec<u8> {
    let random = [7; 32];
    let body = [&[3, 2][..], &random, b"\0\0\x04\0\x2f\0\x35\x01\0"].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length], &body[..]].concat()
}

/// How a login ends whose app says these records and no more.
async fn left<P: Spoken>(records: &[&[u8]]) -> AppTlsFlaw {
    let House {
        lobby,
        mut databases,
        token_file: _token_file,
        ..
    } = House::<P>::spoken(|_| {});
    let (mut app, socket) = duplex(PIPE);
    let login = tokio::spawn(async move {
        let outcome = P::login(socket, &Place::outside(), &lobby, &lobby.deadline()).await;
        outcome.err()
    });
    let greeted = P::ask_for_tls(&mut app, &mut databases).await;
    for record in records {
        app.write_all(&P::carried(record)).await.unwrap();
    }
    app.shutdown().await.unwrap();
    let ended = login.await.unwrap();
    drop(greeted);
    let Some(NotIn::Left(Left::Tls(flaw))) = ended else {
        unreachable!("it was told, or let in");
    };
    flaw
}

async fn each_alert_of_an_app_is_a_cause<P: Spoken>() {
    type Cause = fn(&AppTlsFlaw) -> bool;
    let causes: [(&[u8], Cause); 6] = [
        (&[48], |flaw| {
            matches!(flaw, AppTlsFlaw::UnknownAuthority(_))
        }),
        (&[45], |flaw| matches!(flaw, AppTlsFlaw::Expired(_))),
        // bad_certificate, unsupported, revoked, unknown, access_denied.
        (&[42, 43, 44, 46, 49], |flaw| {
            matches!(flaw, AppTlsFlaw::NotAccepted(_))
        }),
        (&[70], |flaw| matches!(flaw, AppTlsFlaw::OldVersion(_))),
        // handshake_failure, insufficient_security.
        (&[40, 71], |flaw| {
            matches!(flaw, AppTlsFlaw::NoCommonCipher(_))
        }),
        (&[120], |flaw| matches!(flaw, AppTlsFlaw::OtherProtocol(_))),
    ];
    let hello = client_hello(&[&version::TLS12]);
    for (alerts, is_cause) in causes {
        for alert in alerts {
            let flaw = left::<P>(&[&hello, &[0x15, 3, 3, 0, 2, 2, *alert]]).await;
            assert!(is_cause(&flaw), "{alert}: {flaw:?}");
        }
    }
    let internal_error = left::<P>(&[&hello, &[0x15, 3, 3, 0, 2, 2, 80]]).await;
    assert!(matches!(internal_error, AppTlsFlaw::Failed(_)));
}

async fn an_app_that_ends_its_handshake_without_an_alert_is_one_that_left<P: Spoken>() {
    let flaw = left::<P>(&[&client_hello(&[&version::TLS12])]).await;
    assert!(matches!(flaw, AppTlsFlaw::BrokenOff(_)), "{flaw:?}");
    let Left::Tls(flaw) = Left::Tls(flaw).at_the_certificate() else {
        unreachable!("it is of TLS");
    };
    assert!(matches!(flaw, AppTlsFlaw::LeftAtCertificate(_)), "{flaw:?}");
}

async fn an_app_that_knows_no_tls_of_ours_is_told_of_by_its_version<P: Spoken>() {
    let flaw = left::<P>(&[&old_client_hello()]).await;
    assert!(matches!(flaw, AppTlsFlaw::OldVersion(_)), "{flaw:?}");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_knows_tls_1_3_alone_is_too_new_for_packets() {
    let flaw = left::<Tds>(&[&client_hello(&[&version::TLS13])]).await;
    assert!(matches!(flaw, AppTlsFlaw::NewVersion(_)), "{flaw:?}");
}
