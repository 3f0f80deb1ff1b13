//! What a session asks about itself and its server.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{ANY, Functions, Registered, Surroundings, argument, integer_argument, text_argument};
use crate::postgres::error::SqlError;
use crate::postgres::settings::VERSION;
use crate::postgres::value::time::Moment;
use crate::sqlite::Slept;

pub(super) fn register(functions: &Functions<'_>, session: &Arc<Surroundings>) -> Registered {
    register_names(functions, session)?;
    register_settings(functions, session)?;
    register_control(functions, session)?;
    functions.constant(&["pg_is_in_recovery"], false)?;
    functions.constant(
        &[
            "has_table_privilege",
            "has_schema_privilege",
            "has_database_privilege",
            "has_column_privilege",
            "has_any_column_privilege",
            "has_function_privilege",
            "pg_has_role",
            "pg_try_advisory_lock",
            "pg_try_advisory_xact_lock",
            "pg_advisory_unlock",
        ],
        true,
    )?;
    functions.constant(
        &[
            "pg_advisory_lock",
            "pg_advisory_xact_lock",
            "pg_advisory_unlock_all",
        ],
        "",
    )?;
    functions.constant(&["inet_server_addr", "inet_client_addr"], "127.0.0.1")?;
    functions.constant(&["txid_current", "pg_current_xact_id"], 1)
}

fn register_names(functions: &Functions<'_>, session: &Arc<Surroundings>) -> Registered {
    let version = format!(
        "PostgreSQL {VERSION} (azdb-emulator on SQLite {})",
        rusqlite::version()
    );
    functions.constant(&["version"], version)?;
    let database = session.place.database.clone();
    functions.constant(&["current_database", "current_catalog"], database)?;
    let user = session.user.clone();
    functions.constant(
        &["current_user", "session_user", "current_role", "user"],
        user,
    )?;
    functions.constant(&["current_schema"], "public")?;
    functions.pure("current_schemas", 1, |context| {
        let implicit: Option<bool> = argument(context, 0)?;
        Ok(if implicit == Some(true) {
            "{pg_catalog,public}"
        } else {
            "{public}"
        })
    })?;
    functions.constant(&["pg_client_encoding", "getdatabaseencoding"], "UTF8")?;
    functions.pure("pg_encoding_to_char", 1, |context| {
        Ok(integer_argument(context, 0)?.map(|code| if code == 6 { "UTF8" } else { "SQL_ASCII" }))
    })?;
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let started = Moment::from_unix(i64::try_from(started.as_micros()).unwrap_or(0)).timestamp();
    functions.constant(&["pg_postmaster_start_time", "pg_conf_load_time"], started)?;
    let session = Arc::clone(session);
    functions.add("pg_backend_pid", 0, move |_| Ok(session.process()))
}

fn register_settings(functions: &Functions<'_>, session: &Arc<Surroundings>) -> Registered {
    let shown = Arc::clone(session);
    functions.add("current_setting", ANY, move |context| {
        let Some(name) = text_argument(context, 0)? else {
            return Ok(None);
        };
        let missing_ok: Option<bool> = argument(context, 1)?;
        match shown.settings.show(&name) {
            Ok(value) => Ok(Some(value)),
            Err(_) if missing_ok == Some(true) => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    let session = Arc::clone(session);
    functions.add("set_config", 3, move |context| {
        let name = text_argument(context, 0)?.unwrap_or_default();
        let value = text_argument(context, 1)?.unwrap_or_default();
        session.settings.set(&name, Some(&value))?;
        session.settings.show(&name)
    })
}

fn register_control(functions: &Functions<'_>, session: &Arc<Surroundings>) -> Registered {
    let interrupt = Arc::clone(&session.interrupt);
    functions.add("pg_sleep", 1, move |context| {
        let Some(seconds) = text_argument(context, 0)? else {
            return Ok(None);
        };
        let seconds: f64 = seconds
            .parse()
            .map_err(|_| SqlError::invalid_input("double precision", &seconds))?;
        let time = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        match interrupt.sleep(time) {
            Slept::Through => Ok(Some("")),
            Slept::Interrupted => Err(SqlError::canceled()),
        }
    })?;
    let sessions = Arc::clone(&session.sessions);
    functions.add("pg_cancel_backend", 1, move |context| {
        let process = integer_argument(context, 0)?.and_then(|id| i32::try_from(id).ok());
        Ok(process.map(|process| sessions.cancel_process(process)))
    })?;
    let sessions = Arc::clone(&session.sessions);
    functions.add("pg_terminate_backend", 1, move |context| {
        let process = integer_argument(context, 0)?.and_then(|id| i32::try_from(id).ok());
        Ok(process.map(|process| sessions.terminate(process)))
    })?;
    functions.add("pg_zero", 0, |_| -> Result<i64, SqlError> {
        Err(SqlError::new("22012", "division by zero"))
    })
}
