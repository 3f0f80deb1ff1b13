//! Rows that show the present.

use rusqlite::Connection;

use super::{Written, insert};
use crate::postgres::cancel::SessionInfo;
use crate::postgres::catalog::DATABASE;

/// Writes `pg_settings` anew.
pub(in crate::postgres) fn show_settings(
    connection: &Connection,
    settings: &[(String, String)],
) -> Written {
    connection.execute("delete from pg_catalog.pg_settings", [])?;
    for (name, value) in settings {
        insert(
            connection,
            "pg_catalog.pg_settings",
            &[
                ("name", name),
                ("setting", value),
                ("context", &"user"),
                ("vartype", &"string"),
                ("source", &"default"),
                ("reset_val", value),
                ("pending_restart", &false),
            ],
        )?;
    }
    Ok(())
}

/// Writes `pg_stat_activity` and `pg_stat_ssl` anew.
pub(in crate::postgres) fn show_sessions(
    connection: &Connection,
    sessions: &[SessionInfo],
) -> Written {
    connection.execute("delete from pg_catalog.pg_stat_activity", [])?;
    connection.execute("delete from pg_catalog.pg_stat_ssl", [])?;
    for session in sessions {
        insert(
            connection,
            "pg_catalog.pg_stat_activity",
            &[
                ("datid", &DATABASE),
                ("datname", &session.database),
                ("pid", &session.process),
                ("usename", &session.user),
                ("application_name", &session.application_name),
                ("backend_type", &"client backend"),
            ],
        )?;
        insert(
            connection,
            "pg_catalog.pg_stat_ssl",
            &[
                ("pid", &session.process),
                ("ssl", &true),
                ("version", &session.tls.0),
                ("cipher", &session.tls.1),
            ],
        )?;
    }
    Ok(())
}
