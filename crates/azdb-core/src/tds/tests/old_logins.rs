//! Logins of before TDS 7.

use std::net::SocketAddr;

use azdb_wire::tds::{Header, OldVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::fault::Cause;
use crate::socket::Peer;

/// The payload of such a login, with a password where it has one.
fn payload(version: [u8; 2]) -> Vec<u8> {
    let mut login = vec![0; if version == [5, 0] { 603 } else { 572 }];
    login.splice(62..68, *b"secret");
    login.splice(458..460, version);
    login
}

pub(super) fn old_version() -> OldVersion {
    OldVersion::of(&payload([4, 2])).unwrap()
}

/// As FreeTDS and DB-Library cut it: into packets of 512 bytes.
fn packets(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let count = payload.chunks(504).count();
    for (number, share) in payload.chunks(504).enumerate() {
        let length = u16::try_from(share.len() + Header::LEN).unwrap();
        out.extend([2, u8::from(number + 1 == count)]);
        out.extend(length.to_be_bytes());
        out.extend([0; 4]);
        out.extend(share);
    }
    out
}

/// What it reads, a packet of at most 512 bytes, and the message in it.
async fn told(visit: &mut visit::Visit) -> String {
    let mut heard = Vec::new();
    visit.app.read_to_end(&mut heard).await.unwrap();
    assert!(heard.len() <= 512, "{}", heard.len());
    let (header, tokens) = heard.split_first_chunk::<{ Header::LEN }>().unwrap();
    let header = Header::parse(*header).unwrap();
    assert!(header.is_last() && header.payload() == tokens.len());
    assert_eq!(tokens.first(), Some(&0xaa));
    assert_eq!(tokens.get(3..9), Some(&[0x18, 0x48, 0, 0, 1, 14][..]));
    assert!(tokens.ends_with(b"\x06orders\0\x01\0\xfd\x02\0\0\0\0\0\0\0"));
    let length = u16::from_le_bytes(*tokens.get(9..).unwrap().first_chunk().unwrap());
    let message = tokens.get(11..11 + usize::from(length)).unwrap();
    String::from_utf8(message.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_driver_of_before_tds_7_reads_what_to_change() {
    for (version, shown) in [([4, 2], "4.2"), ([4, 6], "4.6"), ([5, 0], "5.0")] {
        let mut visit = House::new().app();
        let login = packets(&payload(version));
        let (last, most) = login.split_last().unwrap();
        visit.app.write_all(most).await.unwrap();
        assert!(rig::is_silent(&mut visit.app).await, "before its end");
        visit.app.write_all(&[*last]).await.unwrap();
        let told = told(&mut visit).await;
        let begins = format!("azdb-proxy: the app's driver speaks TDS {shown}, ");
        assert!(told.starts_with(&begins), "{told}");
        assert!(
            told.contains("What to do: set its TDS version to 7.4"),
            "{told}"
        );
        assert!(told.ends_with("OLE DB instead"), "it is not cut: {told}");
        assert!(visit.rest.nobody_dialled());
        let outcome = visit.rest.outcome().await;
        assert!(was_told!(outcome, Fault::Own(TdsFault::OldLogin(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_may_not_come_reads_that_instead() {
    let peer: SocketAddr = "203.0.113.7:5000".parse().unwrap();
    let mut visit = House::new().app_from(Peer::Tcp(peer));
    visit
        .app
        .write_all(&packets(&payload([4, 2])))
        .await
        .unwrap();
    let told = told(&mut visit).await;
    assert!(told.contains("no app may come from 203.0.113.7"), "{told}");
    let outcome = visit.rest.outcome().await;
    assert!(was_told!(outcome, Fault::Shared(Cause::NotAdmitted { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_such_login_is_no_app() {
    let long = packets(&[0; 4000]);
    let endless = b"\x02\0\x02\0\0\0\0\0".repeat(2);
    for begin in [
        &b"\x02\x01\x00\x0c\0\0\0\0abcd"[..],
        b"\x02\x01\x00\x03\0\0\0\0abcd",
        &packets(&[0; 572]),
        &long,
        &endless,
    ] {
        let mut visit = House::new().app();
        let _ = visit.app.write_all(begin).await;
        let _ = visit.app.shutdown().await;
        let mut heard = Vec::new();
        let _ = visit.app.read_to_end(&mut heard).await;
        assert!(heard.is_empty(), "{begin:?}");
        assert!(visit.rest.nobody_dialled());
        assert!(matches!(visit.rest.outcome().await, Ok(Login::Nobody(_))));
    }
}
