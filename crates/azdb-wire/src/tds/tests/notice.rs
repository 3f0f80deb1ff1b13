use crate::tds::*;
use alloc::string::String;
use alloc::vec::Vec;

const FAILED: Notice<'_> = Notice {
    number: 18456,
    class: 14,
    message: "Login failed.",
    server: "px",
};

#[test]
fn an_error_is_the_one_that_drivers_were_tried_with() {
    let mut out = Vec::new();
    FAILED.encode(Width::Wide, &mut out);
    let mut expected = Vec::from([0xaa, 0x2c, 0, 0x18, 0x48, 0, 0, 1, 0x0e, 0x0d, 0]);
    push_utf16("Login failed.", &mut expected);
    expected.push(2);
    push_utf16("px", &mut expected);
    expected.extend_from_slice(&[0, 1, 0, 0, 0]);
    expected.extend_from_slice(&[0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(out, expected);
}

#[test]
fn an_old_app_gets_its_own_widths() {
    let mut out = Vec::new();
    FAILED.encode(Width::Narrow, &mut out);
    assert_eq!(out.first_chunk(), Some(&[0xaa, 0x2a, 0]));
    assert!(out.ends_with(&[0, 1, 0, 0xfd, 2, 0, 0, 0, 0, 0, 0, 0]));
}

#[test]
fn a_message_of_any_length_becomes_two_whole_tokens() {
    let long: String = "😀".repeat(40_000);
    let notice = Notice {
        message: &long,
        server: &long,
        ..FAILED
    };
    let mut out = Vec::new();
    notice.encode(Width::Wide, &mut out);
    let tokens: Vec<_> = StreamTokens::of(&out, Width::Wide)
        .map(|token| token.unwrap())
        .collect();
    assert!(matches!(
        tokens[..],
        [StreamToken::Report(Report { message, server, .. }), StreamToken::Done(_)]
            if message.len() == 4000 && server.len() == 256
    ));
}
