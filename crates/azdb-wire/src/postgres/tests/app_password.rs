use crate::postgres::*;
use alloc::vec::Vec;
use postgres_protocol::message::backend::Message;
use proptest::prelude::*;

#[test]
fn requests_are_those_that_a_client_reads() {
    let parse = |bytes: &[u8]| {
        let Next::Message { body, .. } = next_message(bytes).unwrap() else {
            panic!("not whole")
        };
        Authentication::parse(body).map(|read| alloc::format!("{read:?}"))
    };
    let request = encode_sasl_request(&[SCRAM_SHA_256_PLUS, SCRAM_SHA_256]);
    let expected = b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    assert_eq!(request, expected);
    assert!(
        parse(&encode_sasl_continue(b"r=x"))
            .unwrap()
            .contains("SaslContinue")
    );
    assert!(
        parse(&encode_sasl_final(b"v=x"))
            .unwrap()
            .contains("SaslFinal")
    );
    assert!(
        parse(&encode_md5_request([1, 2, 3, 4]))
            .unwrap()
            .contains("[1, 2, 3, 4]")
    );
    // And an independent reader agrees.
    let mut bytes = bytes::BytesMut::from(&encode_sasl_request(&[SCRAM_SHA_256])[..]);
    let Ok(Some(Message::AuthenticationSasl(_))) = Message::parse(&mut bytes) else {
        panic!("a request")
    };
}

#[test]
fn first_messages_are_read_as_rfc_5802_has_them() {
    let parse = ClientFirst::parse;
    let first = parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
    assert_eq!(first.binding, Binding::Unknown);
    assert_eq!(first.header, b"n,,");
    assert_eq!(first.bare, b"n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_eq!(first.nonce, b"rOprNGfwEbeRWgbNEkqO");
    assert_eq!(parse(b"y,,n=,r=a").unwrap().binding, Binding::NotOffered);
    let bound = parse(b"p=tls-server-end-point,,n=*,r=a,x=1").unwrap();
    assert_eq!(bound.binding, Binding::Named(END_POINT));
    for wrong in [
        &b""[..],
        b"n",
        b"n,",
        b"n,,",
        b"n,a=root,n=,r=a",
        b"x,,n=,r=a",
        b"n,,m=1,n=,r=a",
        b"n,,n=,r=",
        b"n,,n=,r=a b",
        b"n,,n=,r=\xff",
        b"n,,r=a",
    ] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn last_messages_end_with_the_proof() {
    let last = ClientFinal::parse(b"c=biws,r=ab,x=1,p=cHI=").unwrap();
    assert_eq!(last.without_proof, b"c=biws,r=ab,x=1");
    assert_eq!(
        (last.binding, last.nonce, last.proof),
        (&b"biws"[..], &b"ab"[..], &b"cHI="[..])
    );
    for wrong in [
        &b""[..],
        b"p=",
        b"c=biws,p=x",
        b"c=biws,r=a",
        b"r=a,c=biws,p=x",
        b"c=biws,r=a,p=x,y=z",
    ] {
        assert!(ClientFinal::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn answers_are_whole_or_none() {
    let whole = SaslInitial::parse(b"SCRAM-SHA-256\0\0\0\0\x03n,,").unwrap();
    assert_eq!(
        (whole.mechanism, whole.message),
        (SCRAM_SHA_256.as_bytes(), &b"n,,"[..])
    );
    for wrong in [
        &b""[..],
        b"SCRAM",
        b"SCRAM\0",
        b"SCRAM\0\0\0\0\x04n,,",
        b"SCRAM\0\xff\xff\xff\xff",
        b"S\0\0\0\0\x02n,,",
    ] {
        assert!(SaslInitial::parse(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(parse_password(b"md5abc\0"), Ok(&b"md5abc"[..]));
    for wrong in [&b""[..], b"x", b"a\0b\0"] {
        assert!(parse_password(wrong).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn nothing_that_an_app_says_panics(bytes: Vec<u8>, text in "[nyp=a,rc]{0,40}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            let _ = SaslInitial::parse(bytes);
            let _ = parse_password(bytes);
            if let Ok(first) = ClientFirst::parse(bytes) {
                prop_assert_eq!([first.header, first.bare].concat(), bytes);
            }
            if let Ok(last) = ClientFinal::parse(bytes) {
                prop_assert_eq!([last.without_proof, b",p=", last.proof].concat(), bytes);
            }
        }
    }
}
