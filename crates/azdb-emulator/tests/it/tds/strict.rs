//! What Azure does not forgive: the connection ends without a word.

use azdb_emulator::tds::Violation;

use super::behind::{PASSWORD, door};
use super::client::{
    Azure, BATCH, Client, LOGIN7, Login, PRELOGIN, batch, packet, packets, prelogin,
};

/// Sends a login in these pieces, each a TLS record, and looks at what the server minded.
#[track_caller]
fn assert_minded(records: impl FnOnce(Login) -> Vec<Vec<u8>>, violation: Violation) {
    let azure = Azure::new();
    let mut client = Client::encrypted(&azure);
    for record in records(Login::good(azure.token())) {
        client.send(&record);
    }
    client.assert_dropped();
    assert_eq!(azure.emulator.tds().violations(), [violation]);
}

/// The packets of a login with a token of more than one packet.
fn long(mut login: Login, size: usize) -> Vec<Vec<u8>> {
    login.token = Some("x".repeat(4000));
    packets(LOGIN7, &login.encode(), size)
}

#[test]
fn login_in_a_packet_of_more_than_4096_bytes() {
    assert_minded(|login| long(login, 16_000), Violation::LoginPacketTooLong);
}

#[test]
fn two_packets_in_a_tls_record() {
    let records = |login| vec![long(login, 4096).concat()];
    assert_minded(records, Violation::RecordNotOnePacket);
}

#[test]
fn packet_in_two_tls_records() {
    let records = |login: Login| {
        let whole = packet(LOGIN7, true, &login.encode());
        let (front, back) = whole.split_at(100);
        vec![front.to_vec(), back.to_vec()]
    };
    assert_minded(records, Violation::RecordNotOnePacket);
}

#[test]
fn packets_after_login_are_as_strictly_looked_at_before_the_sample_or_a_real_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (door, behind) = runtime.block_on(door(PASSWORD));
    for azure in [Azure::new(), Azure::of(door, runtime)] {
        let mut client = Client::admitted(&azure);
        for packet in packets(BATCH, &batch(&"select 1 ".repeat(100)), 1000) {
            client.send(&packet);
        }
        client.assert_dropped();
        let mut client = Client::admitted(&azure);
        let request = packet(BATCH, true, &batch("select 1"));
        let (front, back) = request.split_at(20);
        client.send(front);
        client.send(back);
        client.assert_dropped();
        let violations = azure.emulator.tds().violations();
        let expected = [Violation::PacketSize, Violation::RecordNotOnePacket];
        assert_eq!(violations, expected);
    }
    assert_eq!(behind.tds().violations(), []);
}

#[test]
fn login_that_does_not_fit_its_token_or_its_prelogin() {
    type Change = fn(&mut Login);
    let changes: [(Change, Violation); 5] = [
        (|login| login.echo = false, Violation::WrongEcho),
        (
            |login| login.user.push('a'),
            Violation::CredentialsBesideToken,
        ),
        (
            |login| login.password.push('a'),
            Violation::CredentialsBesideToken,
        ),
        (|login| login.flags2 = 0x80, Violation::IntegratedSecurity),
        (
            |login| login.version = 0x7100_0001,
            Violation::TdsVersion(0x7100_0001),
        ),
    ];
    for (change, violation) in changes {
        let records = |mut login: Login| {
            change(&mut login);
            packets(LOGIN7, &login.encode(), 4096)
        };
        assert_minded(records, violation);
    }
}

#[test]
fn login_without_encryption() {
    let azure = Azure::new();
    let login = Login::good("a.b.c".to_owned()).encode();
    for wish in [0, 2] {
        let mut client = Client::connect(&azure);
        client.send(&packet(PRELOGIN, true, &prelogin(wish)));
        let (_, answer) = client.message().unwrap();
        let encryption = answer[usize::from(answer[7])];
        assert_eq!(encryption, 3, "required");
        client.send(&packet(LOGIN7, true, &login));
        client.assert_dropped();
    }
    assert!(azure.emulator.tds().logins().is_empty());
    assert!(!azure.emulator.tds().violations().is_empty());
}

#[test]
fn every_truncation_of_a_login_is_survived() {
    let azure = Azure::new();
    let login = Login::good("a.b.c".to_owned()).encode();
    for length in (0..login.len()).step_by(7) {
        let mut cut = login[..length].to_vec();
        if let Some(declared) = cut.get_mut(..4) {
            declared.copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        }
        let mut client = Client::encrypted(&azure);
        client.send(&packet(LOGIN7, true, &cut));
        client.assert_dropped();
    }
    Client::admitted(&azure);
}
