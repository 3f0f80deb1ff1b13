use crate::postgres::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[test]
fn requests_are_told_apart() {
    let parse = Authentication::parse;
    assert_eq!(parse(&[0, 0, 0, 0]), Ok(Authentication::Ok));
    assert_eq!(parse(&[0, 0, 0, 3]), Ok(Authentication::Cleartext));
    assert_eq!(
        parse(&[0, 0, 0, 5, 1, 2, 3, 4]),
        Ok(Authentication::Md5 { salt: [1, 2, 3, 4] })
    );
    assert_eq!(
        parse(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
        Ok(Authentication::Sasl(vec![
            b"SCRAM-SHA-256-PLUS",
            b"SCRAM-SHA-256"
        ]))
    );
    assert_eq!(parse(&[0, 0, 0, 9]), Ok(Authentication::Other(9)));
}

#[test]
fn short_requests_are_errors() {
    for body in [
        &b""[..],
        &[0, 0, 0],
        &[0, 0, 0, 5, 1, 2, 3],
        b"\0\0\0\x0aSCRAM",
        b"\0\0\0\x0aSCRAM\0",
    ] {
        assert!(Authentication::parse(body).is_err(), "{body:?}");
    }
}

#[test]
fn the_longest_secret_is_the_servers_limit() {
    assert_eq!(password_message_len(MAX_SECRET), Ok(65_536));
    assert_eq!(
        password_message_len(MAX_SECRET + 1),
        Err(SecretTooLong(65_531))
    );
    assert_eq!(
        encode_password(&[b'x'; MAX_SECRET + 1], &mut Vec::new()),
        Err(SecretTooLong(65_531))
    );
}

#[test]
fn a_scram_server_cannot_keep_us_busy_for_ever() {
    assert_eq!(
        ScramFirst::parse(b"r=a,s=b,i=4096"),
        Ok(ScramFirst { iterations: 4096 })
    );
    for message in [
        &b"r=a,s=b,i=1000001"[..],
        b"r=a,s=b,i=0",
        b"r=a,s=b",
        b"i=",
        b"i=99999999999",
    ] {
        assert!(ScramFirst::parse(message).is_err());
    }
}

proptest! {
    #[test]
    fn a_password_is_the_one_postgres_libraries_read_and_write(secret in proptest::collection::vec(1..=255u8, 0..9000)) {
        let mut ours = Vec::with_capacity(password_message_len(secret.len()).unwrap());
        let capacity = ours.capacity();
        encode_password(&secret, &mut ours).unwrap();
        prop_assert_eq!(ours.capacity(), capacity);
        prop_assert_eq!(ours.len(), password_message_len(secret.len()).unwrap());

        let mut theirs = bytes::BytesMut::new();
        postgres_protocol::message::frontend::password_message(&secret, &mut theirs).unwrap();
        prop_assert_eq!(&ours[..], &theirs[..]);
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Authentication::parse(&body);
        let _ = ScramFirst::parse(&body);
    }
}
