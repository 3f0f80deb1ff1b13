//! Responses to requests, byte by byte.

use super::client::{Azure, BATCH, Client, batch, has, packet, told};

#[test]
fn batch_gives_several_results() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    let response = client.ask("select 1; select cast(null as xml)").unwrap();
    // COLMETADATA of one int column without NULL and name, ROW with 1, DONE of one row with more to come.
    let first = [0x81, 1, 0, 0, 0, 0, 0, 0x20, 0, 0x38, 0, 0xd1, 1, 0, 0, 0];
    assert!(has(&response, &first), "{response:02x?}");
    assert!(
        has(&response, &[0xfd, 0x11, 0, 0xc1, 0, 1]),
        "{response:02x?}"
    );
    assert!(
        has(&response, &[0xd2, 1, 0xfd, 0x10, 0]),
        "a row of NULL: {response:02x?}"
    );
}

#[test]
fn transaction_has_a_descriptor_that_requests_must_name() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    let response = client.ask("begin tran").unwrap();
    assert!(has(&response, &[0xe3, 11, 0, 8, 8]), "{response:02x?}");
    // `ask` says descriptor 0, "no transaction".
    let (number, _) = told(&client.ask("select 1").unwrap());
    assert_eq!(number, 3989);
}

#[test]
fn attention_ends_the_response_and_is_answered_in_a_message_of_its_own() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    let request = batch("waitfor delay '00:10:00'");
    client.send(&packet(BATCH, true, &request));
    client.send(&packet(6, true, &[]));
    let (_, broken_off) = client.message().unwrap();
    assert_eq!(broken_off[..3], [0xfd, 2, 0]);
    let (_, answer) = client.message().unwrap();
    assert_eq!(answer[..3], [0xfd, 0x20, 0]);
    // One after the response gets no more than its answer.
    client.ask("select 1").unwrap();
    client.send(&packet(6, true, &[]));
    let (_, answer) = client.message().unwrap();
    assert_eq!(answer[..3], [0xfd, 0x20, 0]);
    let again = client.ask("select 1").unwrap();
    assert!(has(&again, &[0xd1, 1, 0, 0, 0]));
}

#[test]
fn bitmap_says_what_is_null_where_it_is_shorter() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    for (columns, row) in [
        ("cast(null as int)", &[0xd1, 0, 0xfd][..]),
        ("cast(null as nvarchar(9))", &[0xd2, 1, 0xfd]),
        (
            "1, cast(null as int), cast(null as date)",
            &[0xd2, 6, 1, 0, 0, 0, 0xfd],
        ),
    ] {
        let response = client.ask(&format!("select {columns}")).unwrap();
        assert!(has(&response, row), "{columns}: {response:02x?}");
    }
}

#[test]
fn only_what_is_computed_leaves_its_length_open() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    let (known, open) = (
        &[4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, b'a'][..],
        [0xfe_u8, 0xff, 0xff, 0xff],
    );
    let response = client.ask("select cast('aa' as nvarchar(max))").unwrap();
    assert!(has(&response, known), "{response:02x?}");
    for computed in [
        "cast('aa' as xml)",
        "replicate(cast('a' as nvarchar(max)), 2)",
    ] {
        let response = client.ask(&format!("select {computed}")).unwrap();
        let opening = [&open[..], &[0xff, 0xff, 0xff, 0xff, 4, 0, 0, 0, b'a']].concat();
        assert!(has(&response, &opening), "{computed}: {response:02x?}");
    }
}

#[test]
fn request_that_is_taken_back_half_way_is_answered_and_does_not_run() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    let text = format!("delete from orders -- {}", "x".repeat(4096));
    let request = batch(&text);
    let (first, rest) = request.split_at(4096 - 8);
    client.send(&packet(BATCH, false, first));
    let mut taken_back = packet(BATCH, true, &rest[..16]);
    taken_back[1] = 3;
    client.send(&taken_back);
    let (_, answer) = client.message().unwrap();
    assert_eq!(answer[..3], [0xfd, 2, 0]);
    assert_eq!(answer.len(), 13);
    // An attention behind the front of one takes it back, too, and is acknowledged.
    client.send(&packet(BATCH, false, first));
    client.send(&packet(6, true, &[]));
    let (_, answer) = client.message().unwrap();
    assert_eq!(answer[..3], [0xfd, 0x20, 0]);
    let left = client.ask("select count(*) from orders").unwrap();
    assert!(has(&left, &[0xd1, 4, 8, 0, 0, 0]), "{left:02x?}");
}

/// An RPC of a procedure with this number and these bytes of parameters.
fn rpc(number: u8, parameters: &[u8]) -> Vec<u8> {
    let headers = &batch("")[..];
    packet(
        3,
        true,
        &[headers, &[0xff, 0xff, number, 0, 0, 0], parameters].concat(),
    )
}

#[test]
fn what_the_sample_has_not_is_refused_and_the_session_lives_on() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    // A table-valued parameter without name, and sp_cursoropen of an integer.
    for request in [rpc(10, &[0, 0, 0xf3, 0, 0, 0]), rpc(2, &[0, 0, 0x26, 4, 0])] {
        client.send(&request);
        let (number, text) = told(&client.message().unwrap());
        assert_eq!(number, 40510);
        assert!(text.starts_with("azdb-emulator: this sample "), "{text}");
        assert!(text.contains("--behind sqlserver://"), "{text}");
    }
    assert!(has(&client.ask("select 1").unwrap(), &[0xd1, 1, 0, 0, 0]));
    assert!(azure.emulator.tds().violations().is_empty());
}
