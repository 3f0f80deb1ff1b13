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

/// A request as a server writes it.
fn any_request() -> impl Strategy<Value = (Vec<u8>, Vec<Vec<u8>>)> {
    let mechanism = proptest::collection::vec(1..=255u8, 1..24);
    proptest::collection::vec(mechanism, 0..4).prop_map(|mechanisms| {
        let mut body = 10u32.to_be_bytes().to_vec();
        for mechanism in &mechanisms {
            body.extend([&mechanism[..], &[0]].concat());
        }
        body.push(0);
        (body, mechanisms)
    })
}

proptest! {
    #[test]
    fn mechanisms_are_read_to_the_last_and_none_is_made_of_half_a_list((body, mechanisms) in any_request()) {
        let read = mechanisms.iter().map(|name| &name[..]).collect();
        prop_assert_eq!(Authentication::parse(&body), Ok(Authentication::Sasl(read)));
        for length in 0..body.len() {
            prop_assert!(Authentication::parse(&body[..length]).is_err());
        }
    }

    #[test]
    fn every_request_has_a_name_and_only_zero_is_welcome(code: u32, rest in proptest::collection::vec(any::<u8>(), 0..8)) {
        let body = [&code.to_be_bytes()[..], &rest].concat();
        if let Ok(request) = Authentication::parse(&body) {
            prop_assert_eq!(request == Authentication::Ok, code == 0);
            prop_assert!(!request.name().is_empty());
        }
    }

    #[test]
    fn rounds_are_read_wherever_they_stand(rounds: u32, nonce in "[!-+--~]{0,30}") {
        let message = alloc::format!("r={nonce},s=c2FsdA==,i={rounds}");
        let read = ScramFirst::parse(message.as_bytes());
        let is_bearable = (1..=ScramFirst::MAX_ITERATIONS).contains(&rounds);
        prop_assert_eq!(read.ok().map(|first| first.iterations), is_bearable.then_some(rounds));
    }
}
