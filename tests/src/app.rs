//! Apps: programs that have been told where a database is and know nothing else.

use crate::process::{Program, Ran, tools};

/// What an app has been told, in the variables that libpq and most drivers read.
#[derive(Debug, Clone)]
pub struct App {
    settings: Vec<(&'static str, String)>,
}

impl App {
    /// An app with any user, any password and database `anydb`.
    #[must_use]
    pub fn at(host: &str, port: u16) -> Self {
        Self {
            settings: vec![
                ("PGHOST", host.to_owned()),
                ("PGPORT", port.to_string()),
                ("PGUSER", "anyone".to_owned()),
                ("PGPASSWORD", "any password".to_owned()),
            ],
        }
    }

    /// Tells it something else.
    #[must_use]
    pub fn told(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
        self
    }

    /// Tells it nothing of this.
    #[must_use]
    pub fn not_told(mut self, name: &'static str) -> Self {
        self.settings.retain(|(known, _)| *known != name);
        self
    }

    /// A program with what the app has been told.
    #[must_use]
    pub fn program(&self, path: impl AsRef<std::ffi::OsStr>) -> Program {
        let told = self.settings.iter();
        told.fold(Program::new(path), |program, (name, value)| {
            program.env(name, value)
        })
    }

    /// psql, quiet, unaligned and without headings. It stops at the first error.
    #[must_use]
    pub fn psql(&self) -> Program {
        self.program("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
    }

    /// Runs SQL with psql, in one go.
    #[must_use]
    pub fn sql(&self, sql: &str) -> Ran {
        self.psql().arg("-c").arg(sql).run()
    }

    /// Runs SQL with psql, and returns what it answers.
    #[must_use]
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        self.sql(sql).succeeded().to_owned()
    }

    /// One of the Python programs of `tests/apps`.
    #[must_use]
    pub fn python(&self, file: &str) -> Program {
        self.program(tools::installed("python/bin/python"))
            .arg(tools::app(&format!("python/{file}")))
    }

    /// One of the Node programs of `tests/apps`.
    #[must_use]
    pub fn node(&self, file: &str) -> Program {
        self.program("node")
            .env("NODE_PATH", tools::installed("node/node_modules"))
            .arg(tools::app(&format!("node/{file}")))
    }

    /// One of the Java programs of `tests/apps`, which Java compiles as it starts.
    #[must_use]
    pub fn java(&self, file: &str) -> Program {
        self.program("java")
            .arg(tools::NO_TRACE)
            .arg("-cp")
            .arg(tools::installed("java/postgresql.jar"))
            .arg(tools::app(&format!("java/{file}")))
    }
}
