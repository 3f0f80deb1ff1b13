//! What Azure does not forgive: the connection ends without a word.

use azdb_emulator::tds::Violation;

use super::client::{
    Azure, BATCH, Client, LOGIN7, Login, PRELOGIN, batch, packet, packets, prelogin,
};

/// Sends a login in these pieces, each a TLS record, and says what the server minded.
fn violation(azure: &Azure, records: &[Vec<u8>]) -> Vec<Violation> {
    let mut client = Client::encrypted(azure);
    for record in records {
        client.send(record);
    }
    client.assert_dropped();
    azure.emulator.tds().violations()
}

fn minded(change: impl FnOnce(&mut Login)) -> Vec<Violation> {
    let azure = Azure::new();
    let mut login = Login::good(azure.token());
    change(&mut login);
    violation(&azure, &packets(LOGIN7, &login.encode(), 4096))
}

#[test]
fn login_in_a_packet_of_more_than_4096_bytes() {
    let azure = Azure::new();
    let token = azure.token() + &"x".repeat(2000);
    let login = Login::good(token).encode();
    let records = packets(LOGIN7, &login, 16_000);
    assert_eq!(violation(&azure, &records), [Violation::LoginPacketTooLong]);
}

#[test]
fn two_packets_in_a_tls_record() {
    let azure = Azure::new();
    let login = Login::good(azure.token() + &"x".repeat(2000)).encode();
    let record = packets(LOGIN7, &login, 4096).concat();
    assert_eq!(
        violation(&azure, &[record]),
        [Violation::RecordNotOnePacket]
    );
}

#[test]
fn packet_in_two_tls_records() {
    let azure = Azure::new();
    let whole = packet(LOGIN7, true, &Login::good("a.b.c".to_owned()).encode());
    let (front, back) = whole.split_at(100);
    assert_eq!(
        violation(&azure, &[front.to_vec(), back.to_vec()]),
        [Violation::RecordNotOnePacket]
    );
}

#[test]
fn packet_in_two_tls_records_after_login() {
    let azure = Azure::new();
    let mut client = Client::encrypted(&azure);
    client.log_in(&Login::good(azure.token())).unwrap();
    let request = packet(BATCH, true, &batch("select 1"));
    let (front, back) = request.split_at(20);
    client.send(front);
    client.send(back);
    client.assert_dropped();
    assert_eq!(
        azure.emulator.tds().violations(),
        [Violation::RecordNotOnePacket]
    );
}

#[test]
fn short_packet_in_the_middle_of_a_request() {
    let azure = Azure::new();
    let mut client = Client::encrypted(&azure);
    client.log_in(&Login::good(azure.token())).unwrap();
    for packet in packets(BATCH, &batch(&"select 1 ".repeat(100)), 1000) {
        client.send(&packet);
    }
    client.assert_dropped();
    assert_eq!(azure.emulator.tds().violations(), [Violation::PacketSize]);
}

#[test]
fn echo_that_does_not_repeat_what_prelogin_said() {
    assert_eq!(minded(|login| login.echo = false), [Violation::WrongEcho]);
}

#[test]
fn user_or_password_beside_a_token() {
    let user = minded(|login| login.user = "sa".to_owned());
    assert_eq!(user, [Violation::CredentialsBesideToken]);
    let password = minded(|login| login.password = "secret".to_owned());
    assert_eq!(password, [Violation::CredentialsBesideToken]);
}

#[test]
fn integrated_security_beside_a_token() {
    assert_eq!(
        minded(|login| login.flags2 = 0x80),
        [Violation::IntegratedSecurity]
    );
}

#[test]
fn version_of_tds_that_azure_does_not_speak() {
    assert_eq!(
        minded(|login| login.version = 0x7100_0001),
        [Violation::TdsVersion(0x7100_0001)]
    );
}

#[test]
fn login_without_encryption() {
    let azure = Azure::new();
    for wish in [0, 2] {
        let mut client = Client::connect(&azure);
        client.send(&packet(PRELOGIN, true, &prelogin(wish, Some(1))));
        let (_, answer) = client.message().unwrap();
        let encryption = answer[usize::from(answer[7])];
        assert_eq!(encryption, 3, "required");
        client.send(&packet(
            LOGIN7,
            true,
            &Login::good("a.b.c".to_owned()).encode(),
        ));
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
    let mut client = Client::encrypted(&azure);
    client.log_in(&Login::good(azure.token())).unwrap();
}
