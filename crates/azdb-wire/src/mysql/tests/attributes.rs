use alloc::vec;
use alloc::vec::Vec;

use mysql_common::io::ParseBuf;
use mysql_common::packets::HandshakeResponse;
use mysql_common::proto::MyDeserialize as _;

use crate::mysql::*;

fn counted(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

pub(super) fn attributes(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let pairs = pairs
        .iter()
        .map(|(name, value)| [counted(name), counted(value)].concat());
    let all: Vec<u8> = pairs.collect::<Vec<_>>().concat();
    counted(&all)
}

/// What a reader that is not ours finds behind a response with these attributes.
fn read_by_another(attributes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let capabilities = Capabilities::MYSQL | Capabilities::CONNECT_ATTRS;
    let response = Response {
        capabilities,
        max_packet: 1 << 24,
        charset: 45,
        extended: 0,
        user: b"ann",
        auth: b"",
        database: None,
        plugin: plugin::CLEAR,
        attributes,
        zstd_level: 0,
    };
    let payload = response.encode().unwrap();
    let other = HandshakeResponse::deserialize((), &mut ParseBuf(&payload)).unwrap();
    let pairs = other.connect_attributes().unwrap();
    let mut pairs: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| (name.into_bytes(), value.into_bytes()))
        .collect();
    pairs.sort();
    pairs
}

#[test]
fn a_name_is_given_to_whoever_has_none() {
    let os = (&b"_os"[..], &b"Linux"[..]);
    let long = vec![b'x'; 250];
    for before in [
        vec![],
        attributes(&[]),
        attributes(&[os]),
        attributes(&[os, (b"program_name", b"")]),
    ] {
        let after = with_program_name(&before, &long).unwrap();
        let read = read_by_another(&after);
        assert!(read.contains(&(b"program_name".to_vec(), long.clone())));
        assert_eq!(
            read.contains(&(os.0.to_vec(), os.1.to_vec())),
            before.len() > 1
        );
    }
}

#[test]
fn whoever_has_a_name_keeps_it_and_nonsense_stays_as_it_is() {
    for before in [
        attributes(&[(b"_os", b"Linux"), (b"program_name", b"mysqldump")]),
        vec![9, 1],
        vec![3, 2, b'a', b'b'],
    ] {
        assert_eq!(with_program_name(&before, b"name"), None, "{before:?}");
    }
}

#[test]
fn what_names_the_process_is_left_out_and_nothing_else() {
    let rest: [(&[u8], &[u8]); 3] = [(b"_os", b"Linux"), (b"_pids", b"3"), (b"program_name", b"")];
    let long = vec![b'x'; 300];
    let [os, pids, name] = rest;
    let all = attributes(&[(b"_pid", b"1234"), os, pids, (b"_thread", b"7"), name]);
    assert_eq!(without_process(&all).unwrap(), attributes(&rest));
    assert_eq!(without_process(b"").unwrap(), b"");
    assert_eq!(
        without_process(&attributes(&[(b"_pid", b"1")])).unwrap(),
        attributes(&[])
    );
    let named = with_program_name(&all, &long).unwrap();
    let read = read_by_another(&without_process(&named).unwrap());
    assert!(read.contains(&(b"program_name".to_vec(), long)));
    for nonsense in [vec![9, 1], vec![3, 2, b'a', b'b']] {
        assert_eq!(without_process(&nonsense), None, "{nonsense:?}");
    }
}
