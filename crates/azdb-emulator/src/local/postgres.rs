//! PostgreSQL.

use super::leash::{Leash, Program};
use super::place::Place;
use super::{DATABASE, LocalError, LocalServer, programs, sample};
use crate::{Behind, BehindProtocol, DEFAULT_ROLE};

/// Where packages put it: Debian, the PostgreSQL project's for Red Hat, Alpine, Homebrew, its own.
const PLACES: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
];

impl LocalServer {
    /// Starts PostgreSQL.
    ///
    /// # Errors
    ///
    /// [`LocalError`] when there is none, or it does not start.
    pub async fn postgres() -> Result<Self, LocalError> {
        let found = programs::directory_of(&["initdb", "postgres"], &PLACES);
        let programs = found.ok_or(LocalError::Missing("PostgreSQL"))?;
        let version = programs::version(&programs.join("postgres")).unwrap_or_default();
        let place = Place::new("postgres")?;
        // Each file has the name of the database in which it runs.
        place.write("postgres.sql", &role())?;
        place.write(&format!("{DATABASE}.sql"), &sample::for_postgres())?;
        place.write(
            "admission",
            &format!("local all \"{DEFAULT_ROLE}\" trust\n"),
        )?;
        let socket = place.path().join(".s.PGSQL.5432");
        let program = Program {
            script: include_str!("postgres.sh"),
            variables: vec![("programs", programs)],
            // Without waiting for sessions and without a checkpoint.
            signal: "QUIT",
            ready: "ready to accept connections",
        };
        Ok(Self {
            product: format!("PostgreSQL {version}"),
            behind: Behind::on_socket(BehindProtocol::Postgres, socket, DEFAULT_ROLE),
            leash: Leash::start(place, &program).await?,
        })
    }
}

fn role() -> String {
    format!(
        "create role \"{DEFAULT_ROLE}\" login createdb\ncreate database {DATABASE} owner \"{DEFAULT_ROLE}\"\n"
    )
}
