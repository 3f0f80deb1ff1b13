//! What a login with a password is granted, and how the server speaks then, byte by byte.

use azdb_emulator::TdsOptions;
use azdb_emulator::tds::Violation;

use super::client::{Azure, BATCH, Client, LOGIN7, Login, batch, has, packet};

const RPC: u8 = 0x03;

/// Versions as a LOGIN7 has them, and as a LOGINACK does.
const ALL: [(u32, [u8; 4]); 7] = [
    (0x7000_0000, [7, 0, 0, 0]),
    (0x7100_0000, [7, 1, 0, 0]),
    (0x7100_0001, [0x71, 0, 0, 1]),
    (0x7209_0002, [0x72, 9, 0, 2]),
    (0x730a_0003, [0x73, 10, 0, 3]),
    (0x730b_0003, [0x73, 11, 0, 3]),
    (0x7400_0004, [0x74, 0, 0, 4]),
];

fn server() -> Azure {
    Azure::with(TdsOptions::development("sa", "right"))
}

/// A client that says nothing before LOGIN7, and what it reads.
fn log_in(azure: &Azure, version: u32, password: &str) -> (Client, (u8, Vec<u8>)) {
    let mut login = Login::password("sa", password);
    login.version = version;
    let mut client = Client::connect(azure);
    client.send(&packet(LOGIN7, true, &login.encode()));
    let response = client.message().unwrap();
    (client, response)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A batch as old clients send it.
fn ask(client: &mut Client, sql: &str) -> Vec<u8> {
    client.send(&packet(BATCH, true, &utf16(sql)));
    client.message().unwrap().1
}

#[test]
fn every_version_is_granted_as_it_is_asked_for() {
    let azure = server();
    for (asked, granted) in ALL {
        let (_, response) = log_in(&azure, asked, "right");
        let ack = [&[1][..], &granted, &[20]].concat();
        assert!(has(&response, &ack), "{asked:08x}: {response:02x?}");
        // A collation from 7.1 on, and other words before.
        let collation = [0xe3, 8, 0, 7, 5];
        let character_set = [0xe3, 13, 0, 3, 5];
        assert_eq!(has(&response, &collation), asked != 0x7000_0000);
        assert_eq!(has(&response, &character_set), asked == 0x7000_0000);
    }
}

#[test]
fn refusal_has_the_widths_of_the_version_that_was_asked_for() {
    let azure = server();
    for (asked, _) in ALL {
        let (line, done) = if asked < 0x7200_0000 { (2, 9) } else { (4, 13) };
        let (_, (_, data)) = log_in(&azure, asked, "wrong");
        assert_eq!(data[0], 0xaa, "{asked:08x}");
        let error = usize::from(u16::from_le_bytes([data[1], data[2]]));
        assert_eq!(data.len(), 3 + error + done, "{asked:08x}: {data:02x?}");
        assert_eq!(data[3 + error..][..3], [0xfd, 2, 0], "{asked:08x}");
        let text = usize::from(u16::from_le_bytes([data[9], data[10]])) * 2;
        let server = usize::from(data[11 + text]) * 2;
        assert_eq!(error, 6 + 2 + text + 1 + server + 1 + line, "{asked:08x}");
    }
}

#[test]
fn old_client_asks_without_headers_and_reads_narrow_tokens() {
    let azure = server();
    for asked in [0x7000_0000, 0x7100_0000, 0x7100_0001] {
        let (mut client, _) = log_in(&azure, asked, "right");
        let expected = [
            &[0x81, 1, 0, 0, 0, 0, 0, 0x38, 0, 0xd1, 7, 0, 0, 0][..],
            &[0xfd, 0x10, 0, 0xc1, 0, 1, 0, 0, 0],
        ];
        assert_eq!(ask(&mut client, "select 7"), expected.concat());
        let collation = &[9, 4, 0xd0, 0, 0x34][..];
        let collation = if asked == 0x7000_0000 { &[] } else { collation };
        let long = [
            &[0x81, 1, 0, 0, 0, 1, 0, 0x63, 0xfe, 0xff, 0xff, 0x7f][..],
            collation,
            &[0, 0, 0, 0xd1, 16],
            b"dummy textptr\0\0\0dummyTS\0",
            &[4, 0, 0, 0, b'<', 0, b'a', 0],
        ];
        let xml = ask(&mut client, "select cast('<a' as xml)");
        assert!(xml.starts_with(&long.concat()), "{xml:02x?}");
        // Nor does it hear of a transaction.
        let begun = ask(&mut client, "begin tran select @@trancount");
        assert_eq!(begun[0], 0x81, "{begun:02x?}");
    }
    assert_eq!(azure.emulator.tds().violations(), []);
}

#[test]
fn bigint_and_variants_came_after_7_0() {
    let azure = server();
    let sql = "select cast(-7 as bigint), cast(cast('2026-03-02' as date) as sql_variant)";
    for (asked, tokens) in [(0x7000_0000, [0x6a, 0xe7]), (0x7100_0001, [0x26, 0x62])] {
        let (mut client, _) = log_in(&azure, asked, "right");
        let response = ask(&mut client, sql);
        assert_eq!(response[7], tokens[0], "{asked:08x}: {response:02x?}");
        let second = if asked == 0x7000_0000 { 11 } else { 9 };
        assert_eq!(response[second + 5], tokens[1], "{response:02x?}");
    }
}

#[test]
fn calls_of_one_message_are_separated_as_the_version_has_it() {
    let azure = server();
    for (asked, separator) in [(0x7100_0001, 0x80), (0x7209_0002, 0xff)] {
        let (mut client, _) = log_in(&azure, asked, "right");
        let sql = utf16("select 7");
        let length = u16::try_from(sql.len()).unwrap().to_le_bytes();
        let call = [
            &[
                0xff, 0xff, 10, 0, 0, 0, 0, 0, 0xe7, 100, 0, 9, 4, 0xd0, 0, 0x34,
            ][..],
            &length,
            &sql,
        ]
        .concat();
        let headers = if asked < 0x7200_0000 {
            Vec::new()
        } else {
            batch("")
        };
        let calls = [&headers[..], &call, &[separator], &call].concat();
        client.send(&packet(RPC, true, &calls));
        let (_, data) = client.message().unwrap();
        let row = [0xd1, 7, 0, 0, 0];
        let rows = data.windows(row.len()).filter(|bytes| *bytes == row);
        assert_eq!(rows.count(), 2, "{asked:08x}: {data:02x?}");
    }
    assert_eq!(azure.emulator.tds().violations(), []);
}

#[test]
fn packets_must_be_full_from_7_3_on() {
    let azure = server();
    for (asked, _) in ALL {
        let (mut client, _) = log_in(&azure, asked, "right");
        let request = if asked < 0x7200_0000 {
            utf16("select 7")
        } else {
            batch("select 7")
        };
        let (front, back) = request.split_at(8);
        client.send(&packet(BATCH, false, front));
        client.send(&packet(BATCH, true, back));
        if asked < 0x7300_0000 {
            let response = client.message().unwrap();
            assert!(has(&response, &[0xd1, 7, 0, 0, 0]), "{asked:08x}");
        } else {
            client.assert_dropped();
        }
    }
    let violations = azure.emulator.tds().violations();
    assert_eq!(violations, [Violation::PacketSize; 3]);
}
