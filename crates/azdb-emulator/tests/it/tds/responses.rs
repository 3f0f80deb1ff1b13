//! Responses that tests can ask for, and answers to requests, byte by byte.

use azdb_emulator::tds::{Dress, LoginScript, Refusal};

use super::client::{Azure, Client, Login, has, packet, told};

fn dressed(dress: Dress) -> (u8, Vec<u8>) {
    let azure = Azure::new();
    azure.emulator.tds().script(1, &LoginScript::Admit(dress));
    let login = Login::good(azure.token());
    Client::encrypted(&azure).log_in(&login).unwrap()
}

fn session(azure: &Azure) -> Client {
    let mut client = Client::encrypted(azure);
    client.log_in(&Login::good(azure.token())).unwrap();
    client
}

#[test]
fn done_in_proc_can_come_before_the_acknowledgement() {
    let response = dressed(Dress {
        done_in_proc: true,
        ..Dress::default()
    });
    assert_eq!(response.1[0], 0xff);
}

#[test]
fn features_can_be_acknowledged_apart_or_unasked_or_not_at_all() {
    let apart = dressed(Dress {
        unasked: vec![0x0d],
        acks_apart: true,
        ..Dress::default()
    });
    assert!(has(
        &apart,
        &[0xae, 2, 0, 0, 0, 0, 0xff, 0xae, 0x0d, 1, 0, 0, 0, 1, 0xff]
    ));
    let none = dressed(Dress {
        no_fedauth_ack: true,
        ..Dress::default()
    });
    assert!(!has(&none, &[0xae, 2]));
}

#[test]
fn packet_size_and_failover_partner_can_be_chosen() {
    let response = dressed(Dress {
        packet_size: Some(512),
        mirror_partner: Some("p".to_owned()),
        ..Dress::default()
    });
    assert!(has(&response, &[4, 3, b'5', 0, b'1', 0, b'2', 0]));
    assert!(has(&response, &[13, 1, b'p', 0, 0]));
}

#[test]
fn batch_gives_several_results() {
    let azure = Azure::new();
    let mut client = session(&azure);
    let response = client.ask("select 1; select null").unwrap();
    // COLMETADATA of one int column without name, ROW with 1, DONE of one row with more to come.
    let first = [
        0x81, 1, 0, 0, 0, 0, 0, 9, 0, 0x26, 4, 0, 0xd1, 4, 1, 0, 0, 0,
    ];
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
    let mut client = session(&azure);
    let response = client.ask("begin tran").unwrap();
    assert!(has(&response, &[0xe3, 11, 0, 8, 8]), "{response:02x?}");
    // `ask` says descriptor 0, "no transaction".
    let (number, _) = told(&client.ask("select 1").unwrap());
    assert_eq!(number, 3989);
}

#[test]
fn attention_ends_the_response_and_is_answered_in_a_message_of_its_own() {
    let azure = Azure::new();
    let mut client = session(&azure);
    let request = super::client::batch("waitfor delay '00:10:00'");
    client.send(&packet(super::client::BATCH, true, &request));
    client.send(&packet(6, true, &[]));
    let (_, broken_off) = client.message().unwrap();
    assert_eq!(broken_off[..3], [0xfd, 2, 0]);
    let (_, answer) = client.message().unwrap();
    assert_eq!(answer[..3], [0xfd, 0x20, 0]);
    client.ask("select 1").unwrap();
}

#[test]
fn attention_after_the_response_gets_one_answer() {
    let azure = Azure::new();
    let mut client = session(&azure);
    client.ask("select 1").unwrap();
    client.send(&packet(6, true, &[]));
    let (_, answer) = client.message().unwrap();
    assert_eq!(answer[..3], [0xfd, 0x20, 0]);
    let again = client.ask("select 1").unwrap();
    assert!(has(&again, &[0xd1, 4, 1]));
}

#[test]
fn session_whose_token_has_expired_reads_it_and_ends() {
    let azure = Azure::new();
    let mut client = session(&azure);
    let text = "Query cannot be executed, access token is expired.";
    azure
        .emulator
        .tds()
        .expire_sessions(&Refusal::new(37396, text));
    assert_eq!(
        told(&client.ask("select 1").unwrap()),
        (37396, text.to_owned())
    );
    client.assert_dropped();
}

#[test]
fn dropped_sessions_end_without_a_word() {
    let azure = Azure::new();
    let mut client = session(&azure);
    azure.emulator.tds().drop_sessions();
    client.assert_dropped();
}
