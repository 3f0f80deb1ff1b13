use super::hex;
use crate::tds::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use tds_protocol::prelogin::{EncryptionLevel, PreLogin};

#[test]
fn our_answer_is_the_one_that_drivers_were_tried_with() {
    let answer = Prelogin {
        encryption: Some(Encryption::NotSupported),
        mars: Some(false),
        trace_id: None,
        fed_auth_required: Some(false),
    };
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    answer.encode_answer(&mut payload);
    push_message(kind::RESPONSE, 0, &payload, &mut message);
    assert_eq!(
        message,
        hex(
            "04010031 00000100  00 001f 0006  01 0025 0001  02 0026 0001  03 0027 0000  04 0027 0001  06 0028 0001  ff
             0c0007d00000 02 00 00 00"
        )
    );
}

#[test]
fn our_request_is_the_one_that_a_server_was_tried_with() {
    let request = Prelogin {
        encryption: Some(Encryption::On),
        mars: Some(false),
        trace_id: None,
        fed_auth_required: Some(true),
    };
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    request.encode_request(&mut payload);
    push_message(kind::PRELOGIN, 0, &payload, &mut message);
    assert_eq!(
        message,
        hex(
            "12010035 00000100  00 001f 0006  01 0025 0001  02 0026 0001  03 0027 0004  04 002b 0001  06 002c 0001 ff
             0c0007d00000 01 00 00000000 00 01"
        )
    );
}

#[test]
fn another_decoder_reads_the_same() {
    let mut payload = Vec::new();
    let request = Prelogin {
        encryption: Some(Encryption::On),
        mars: Some(true),
        trace_id: Some([7; 36]),
        fed_auth_required: Some(true),
    };
    request.encode_request(&mut payload);
    let theirs = PreLogin::decode(&payload[..]).unwrap();
    assert_eq!(theirs.encryption, EncryptionLevel::On);
    assert!(theirs.mars && theirs.fed_auth_required);

    let ours = PreLogin::new()
        .with_encryption(EncryptionLevel::Required)
        .with_instance("SQLEXPRESS")
        .with_mars(true)
        .encode();
    let ours = Prelogin::parse(&ours).unwrap();
    assert_eq!(ours.encryption, Some(Encryption::Required));
    assert_eq!(ours.mars, Some(true));
}

#[test]
fn an_app_hears_not_supported_or_on() {
    for (said, heard) in [
        (Encryption::Off, Encryption::NotSupported),
        (Encryption::NotSupported, Encryption::NotSupported),
        (Encryption::On, Encryption::On),
        (Encryption::Required, Encryption::On),
        (Encryption::Other(0x81), Encryption::NotSupported),
    ] {
        assert_eq!(said.answer(TlsWish::AsTheAppLikes), heard);
    }
}

#[test]
fn options_outside_of_the_message_are_errors() {
    let out_of_range = [0, 0, 0xff, 0, 6, 0xff];
    assert_eq!(
        Prelogin::parse(&out_of_range),
        Err(PreloginError::OutOfRange(0))
    );
    assert_eq!(Prelogin::parse(&[]), Err(PreloginError::Table));
    assert_eq!(Prelogin::parse(&[0xff]), Err(PreloginError::Table));
}

fn any_encryption() -> impl Strategy<Value = Encryption> {
    prop_oneof![
        Just(Encryption::Off),
        Just(Encryption::On),
        Just(Encryption::NotSupported),
        Just(Encryption::Required),
        (4u8..).prop_map(Encryption::Other)
    ]
}

proptest! {
    #[test]
    fn a_prelogin_reads_as_it_was_written(
        encryption in any_encryption(),
        mars: bool,
        trace in any::<Option<[u8; 4]>>(),
        fed_auth_required: Option<bool>,
    ) {
        let written = Prelogin {
            encryption: Some(encryption),
            mars: Some(mars),
            trace_id: trace.map(|id| {
                let mut full = [0; 36];
                full.iter_mut().zip(id).for_each(|(to, from)| *to = from);
                full
            }),
            fed_auth_required,
        };
        let mut payload = Vec::new();
        written.encode_request(&mut payload);
        prop_assert_eq!(Prelogin::parse(&payload), Ok(written.clone()));
        // VERSION, the longest option, lies first: whatever is cut off is missed.
        for length in 0..payload.len() {
            prop_assert!(Prelogin::parse(payload.get(..length).unwrap()).is_err());
        }
        let mut answer = vec![];
        written.encode_answer(&mut answer);
        prop_assert_eq!(Prelogin::parse(&answer), Ok(written));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Prelogin::parse(&bytes);
    }
}
