//! A session that is logged in: its connection to SQLite, and the conversation of commands.
//!
//! `pgwire`'s codec reads and writes the messages; what they mean is decided here, because its
//! handlers keep no transaction state that is true for SQLite, and describe a statement without
//! result as one with an empty row.

mod conversation;
mod copy;
mod cursor;
mod execute;
mod extended;
mod portal;
mod prepare;
mod worker;

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use conversation::run;
use rusqlite::config::DbConfig;
use worker::Worker;

use tokio::task::JoinHandle;

use super::cancel::Sessions;
use super::catalog::{self, Place, SharedCatalog};
use super::error::SqlError;
use super::functions::{self, Surroundings};
use super::opening::Startup;
use super::settings::Settings;
use crate::sqlite::{Database, Interrupt, Reason};

/// A session: its worker, and what is known about it.
pub(super) struct Session {
    worker: Arc<Mutex<Worker>>,
    surroundings: Arc<Surroundings>,
}

impl Session {
    /// Opens a session for a client that has logged in.
    pub(super) fn open(
        database: &Database,
        sessions: &Arc<Sessions>,
        startup: &Startup,
        roles: Vec<String>,
    ) -> Result<Self, rusqlite::Error> {
        let connection = database.connect()?;
        // As in PostgreSQL: "x" is never a string, and LIKE tells upper from lower case.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        connection.pragma_update(None, "case_sensitive_like", true)?;
        rusqlite::vtab::series::load_module(&connection)?;
        let user = startup.parameter("user").unwrap_or_default().to_owned();
        let database = startup.parameter("database").unwrap_or(&user).to_owned();
        let surroundings = Arc::new(Surroundings {
            settings: Settings::new(startup, &user),
            user,
            place: Place { database, roles },
            catalog: SharedCatalog::default(),
            interrupt: Arc::new(Interrupt::new(&connection)),
            sessions: Arc::clone(sessions),
            process: AtomicI32::new(0),
        });
        functions::register(&connection, &surroundings)?;
        catalog::attach(&connection)?;
        let worker = Worker::new(connection, Arc::clone(&surroundings));
        Ok(Self {
            worker: Arc::new(Mutex::new(worker)),
            surroundings,
        })
    }

    pub(super) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.surroundings.interrupt)
    }

    pub(super) fn set_process(&self, process: i32) {
        self.surroundings.process.store(process, Ordering::Relaxed);
    }

    /// Settings that a client is told at login.
    pub(super) fn reported_parameters(&self) -> Vec<(String, String)> {
        self.surroundings.settings.reported()
    }

    /// Runs a job with the connection, on a thread that may block.
    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Worker) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        self.surroundings.interrupt.arm();
        let worker = Arc::clone(&self.worker);
        let done = tokio::task::spawn_blocking(move || {
            job(&mut worker.lock().unwrap_or_else(PoisonError::into_inner))
        });
        self.within_limit(done).await
    }

    /// Waits for a job, and interrupts it when `statement_timeout` is over.
    async fn within_limit<T>(
        &self,
        mut job: JoinHandle<Result<T, SqlError>>,
    ) -> Result<T, SqlError> {
        let limit = self.surroundings.settings.limit("statement_timeout");
        let done = match limit {
            None => job.await,
            Some(limit) => match tokio::time::timeout(limit, &mut job).await {
                Ok(done) => done,
                Err(_) => {
                    self.surroundings.interrupt.fire(Reason::Timeout);
                    job.await
                }
            },
        };
        match done {
            Ok(result) => result,
            Err(error) => Err(SqlError::new("XX000", error.to_string())),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.surroundings.interrupt.close();
    }
}
