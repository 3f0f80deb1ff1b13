//! `session_reuse = "reset"`: what apps leave behind, all at once and half done.

use azdb_tests::{RawApp, Server, packets};

use super::{Keeping, RESETS, on_real_servers};

const REUSE: &str = "session_reuse = \"reset\"";

on_real_servers!(
    the_next_app_finds_nothing_of_everything_at_once,
    what_an_app_leaves_half_done_ends_with_it,
);

/// Everything that a session can be left with that a reset removes.
const LEFTOVERS: &str = "set application_name = 'left'; set timezone = 'Asia/Tokyo'; set search_path = nowhere; \
     set session characteristics as transaction isolation level serializable; \
     create temp table leftover (i int); prepare leftover as select 1; listen leftover; \
     select pg_advisory_lock(4711); declare leftover cursor with hold for select generate_series(1, 9); fetch leftover; \
     set role pg_monitor; select pg_backend_pid()";

/// What a session shows that has nothing of them: in one row, with its process in front.
const LOOK: &str = "select pg_backend_pid(), current_setting('application_name'), current_setting('TimeZone') = 'Asia/Tokyo', \
     current_setting('search_path'), current_setting('default_transaction_isolation'), to_regclass('pg_temp.leftover') is null, \
     (select count(*) from pg_prepared_statements), (select count(*) from pg_listening_channels()), \
     (select count(*) from pg_cursors where is_holdable), (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), \
     current_user = session_user";

/// What a row of psql has behind its first column.
fn behind_first(row: &str) -> (&str, &str) {
    row.trim().split_once('|').unwrap()
}

fn the_next_app_finds_nothing_of_everything_at_once(server: &'static Server) {
    let kept = Keeping::with(server, REUSE);
    let app = kept.proxy.app();
    let direct = app.query(LOOK);
    let fresh = behind_first(&direct).1.to_owned();
    kept.until_reset(1, "clean");
    server.admin(&format!("grant pg_monitor to {:?}", kept.azure.role));
    let said = app.query(LEFTOVERS);
    kept.until_reset(2, "clean");
    let process = said.lines().last().unwrap().trim();
    let seen = app.query(LOOK);
    let (same, seen) = behind_first(&seen);
    assert_eq!(
        same,
        process,
        "it is the same session: {}",
        kept.proxy.log()
    );
    assert_eq!(seen, fresh);
    kept.until_reset(3, "clean");
    assert_eq!(kept.count(RESETS, &[("outcome", "clean")]), 3);
}

fn what_an_app_leaves_half_done_ends_with_it(server: &'static Server) {
    let kept = Keeping::with(server, REUSE);
    for (left, goodbye) in [
        (packets::query("begin; select 1"), &packets::TERMINATE[..]),
        (packets::query("begin; select 1"), b""),
        // Half a message.
        (packets::query("select 1")[..9].to_vec(), b""),
        // An extended query without its Sync.
        (
            b"P\0\0\0\x10\0select 1\0\0\0".to_vec(),
            &packets::TERMINATE[..],
        ),
    ] {
        let mut app = RawApp::connect(kept.proxy.address());
        app.log_in("anyone");
        let before = kept.proxy.log().matches("session ended").count();
        let is_answered = left.starts_with(b"Q") && left.len() > 9;
        app.send(&left);
        if is_answered {
            app.until(b'Z');
        } else if left.starts_with(b"P") {
            app.send(b"H\0\0\0\x04");
            app.until(b'1');
        }
        app.send(goodbye);
        app.finish();
        let _ = app.rest();
        kept.proxy.log_until_times(before + 1, "session ended");
        assert_eq!(kept.count(RESETS, &[]), 0, "{left:?}");
        assert_eq!(kept.opened("reused"), 0);
    }
    kept.until_none_upstream();
}
