//! What a request with RESETCONNECTION takes back, and what it leaves.

use azdb_emulator::TdsOptions;

use super::client::{Azure, BATCH, Client, Login, batch, has, packet};

/// ENVCHANGE 18.
const RESET: [u8; 6] = [0xe3, 3, 0, 18, 0, 0];

const ISOLATION: &str =
    "select transaction_isolation_level from sys.dm_exec_sessions where session_id = @@spid";

/// Asks with the status that resets before it answers.
fn ask_anew(client: &mut Client, sql: &str) -> (u8, Vec<u8>) {
    let mut packet = packet(BATCH, true, &batch(sql));
    packet[1] |= 0x08;
    client.send(&packet);
    client.message().unwrap()
}

/// Whether the answer is one row of one small number.
fn is_level(answer: &(u8, Vec<u8>), level: u8) -> bool {
    has(answer, &[0xd1, level, 0]) || has(answer, &[0xd1, 2, level, 0])
}

fn leave_things_behind(client: &mut Client) {
    for sql in [
        "create table #t (id int)",
        "set implicit_transactions on",
        "set transaction isolation level serializable",
        "set textsize 2",
    ] {
        let answer = client.ask(sql).unwrap();
        assert!(!has(&answer, &RESET), "{sql}");
    }
    let answer = client.ask(ISOLATION).unwrap();
    assert!(is_level(&answer, 4), "{answer:?}");
    // It begins a transaction, whose number requests behind it would have to name.
    client.ask("delete from orders").unwrap();
}

#[test]
fn a_reset_is_acknowledged_and_takes_back_transaction_tables_and_options() {
    let azure = Azure::new();
    let mut client = Client::admitted(&azure);
    leave_things_behind(&mut client);
    let answer = ask_anew(&mut client, "select * from #t");
    assert!(has(&answer, &RESET), "{answer:?}");
    // There is no such table: error 208, of class 16.
    assert!(has(&answer, &[208, 0, 0, 0, 1, 16]), "{answer:?}");
    for (sql, value) in [("select @@trancount", 0_u8), (ISOLATION, 2)] {
        let answer = client.ask(sql).unwrap();
        let int = [0xd1, 4, value, 0, 0, 0];
        assert!(is_level(&answer, value) || has(&answer, &int), "{answer:?}");
    }
    let answer = client.ask("select count(*) from orders").unwrap();
    assert!(!has(&answer, &[0xd1, 4, 0, 0, 0, 0]), "{answer:?}");
    assert_eq!(azure.emulator.tds().asked().resets, 1);
}

#[test]
fn a_developers_server_keeps_the_isolation_level_as_sql_server_does() {
    let azure = Azure::with(TdsOptions::development("sa", "secret"));
    let mut client = Client::encrypted(&azure);
    client.log_in(&Login::password("sa", "secret")).unwrap();
    leave_things_behind(&mut client);
    let answer = ask_anew(&mut client, ISOLATION);
    assert!(has(&answer, &RESET) && is_level(&answer, 4), "{answer:?}");
}
