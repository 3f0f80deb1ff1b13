//! A real PostgreSQL server that demands TLS, and from the roles of identities the token as their password.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::{Cluster, Release};
use crate::process::{Process, Program, Ran};

/// Whose certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// One for localhost and 127.0.0.1, signed by an authority of its own.
    Signed,
    /// The self-signed one for localhost of PostgreSQL's documentation.
    Documented,
    /// One of X.509 version 1 for localhost that signs itself.
    FirstVersion,
    /// None: the server has `ssl = off`.
    Absent,
}

/// How the server wants a password from a role. The word is that of `pg_hba.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// In the clear, as Azure wants a token: over TLS alone.
    Token,
    /// In the clear, with or without TLS.
    Password,
    /// As an MD5 hash.
    Md5,
    /// By SCRAM.
    ScramSha256,
}

impl Method {
    pub(crate) const ALL: [Self; 4] = [Self::Token, Self::Password, Self::Md5, Self::ScramSha256];

    /// The role whose members log in so.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::Token => "identities",
            Self::Password => "by_password",
            Self::Md5 => "by_md5",
            Self::ScramSha256 => "by_scram",
        }
    }
}

/// A running server.
pub struct Server {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// What to trust, to trust its certificate.
    pub ca_file: PathBuf,
    cluster: Cluster,
}

/// A server that was stopped.
pub struct Stopped<'a>(&'a Server);

impl<'a> Stopped<'a> {
    /// Starts it again, until the result is dropped.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> Again<'a> {
        self.0.cluster.control(&["start"]);
        Again(self.0)
    }
}

/// A server that was started again: not on its leash any more.
pub struct Again<'a>(&'a Server);

impl Drop for Again<'_> {
    fn drop(&mut self) {
        self.0.cluster.control(&["stop"]);
    }
}

impl Server {
    /// The server that all tests share. Each makes roles and databases of its own in it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Certificate::Signed))
    }

    /// The same of PostgreSQL 18.
    #[must_use]
    pub fn eighteen() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::of(Release::Eighteen, Certificate::Signed))
    }

    /// A PostgreSQL 18 of its own.
    #[must_use]
    pub fn start_eighteen() -> Self {
        Self::of(Release::Eighteen, Certificate::Signed)
    }

    /// Another server.
    #[must_use]
    pub fn start(certificate: Certificate) -> Self {
        Self::of(Release::Installed, certificate)
    }

    fn of(release: Release, certificate: Certificate) -> Self {
        let cluster = Cluster::start(release, certificate);
        let server = Self {
            port: cluster.port,
            ca_file: cluster.ca_file.clone(),
            cluster,
        };
        for method in Method::ALL {
            server.admin(&format!("create role {}", method.group()));
        }
        server
    }

    /// Runs SQL as the superuser, in database `postgres`, and returns what it answers: unaligned, without headings.
    #[track_caller]
    pub fn admin(&self, sql: &str) -> String {
        self.admin_in("postgres", sql)
    }

    /// Runs SQL as the superuser, once the server takes connections again.
    #[track_caller]
    pub fn admin_when_up(&self, sql: &str) -> String {
        let until = std::time::Instant::now() + crate::PATIENCE;
        loop {
            let ran = self.superuser("postgres", sql).run();
            if ran.code == Some(0) || std::time::Instant::now() > until {
                return ran.succeeded().to_owned();
            }
        }
    }

    /// Runs SQL as the superuser.
    #[track_caller]
    pub fn admin_in(&self, database: &str, sql: &str) -> String {
        self.superuser(database, sql).run().succeeded().to_owned()
    }

    /// Asks the superuser's question over and over again, until the result is dropped. Each answer is a line that it has printed.
    #[must_use]
    pub fn admin_watch(&self, sql: &str) -> Process {
        self.superuser("postgres", &format!("{sql} \\watch 0.02\n"))
            .start()
    }

    fn superuser(&self, database: &str, sql: &str) -> Program {
        Program::new("psql")
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"])
            .env("PGHOST", &self.cluster.sockets)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", database)
            .stdin(sql)
    }

    /// Stops it. Whoever has the result may start it again.
    #[must_use]
    #[track_caller]
    pub fn stop(&self) -> Stopped<'_> {
        self.cluster.control(&["stop"]);
        Stopped(self)
    }

    /// Stops it and starts it, and waits until it takes connections again.
    #[track_caller]
    pub fn restart(&self) {
        self.cluster.restart();
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.cluster.log()
    }

    /// Makes a role that logs in with `secret`. `name` is as it shall be, without quotes.
    #[track_caller]
    pub fn add_role(&self, name: &str, method: Method, secret: &str) {
        let encryption = match method {
            Method::Md5 => "md5",
            _ => "scram-sha-256",
        };
        self.admin(&format!(
            "set password_encryption = '{encryption}';
             create role \"{name}\" login replication password '{secret}' in role {}",
            method.group()
        ));
    }

    /// Gives a role another secret.
    #[track_caller]
    pub fn change_secret(&self, role: &str, secret: &str) {
        self.admin(&format!("alter role \"{role}\" password '{secret}'"));
    }

    /// Makes a database that `owner` owns.
    #[track_caller]
    pub fn add_database(&self, name: &str, owner: &str) {
        self.admin(&format!("create database \"{name}\" owner \"{owner}\""));
    }

    /// Waits until the superuser's query answers `t`.
    #[track_caller]
    pub fn admin_until(&self, condition: &str) {
        let until = std::time::Instant::now() + crate::PATIENCE;
        while self.admin(&format!("select {condition}")) != "t" {
            assert!(std::time::Instant::now() < until, "never true: {condition}");
        }
    }

    /// psql straight at the server, with its certificate verified: what the proxy's answers are compared with.
    #[must_use]
    pub fn direct(&self, user: &str, secret: &str, database: &str, sql: &str) -> Ran {
        Program::new("psql")
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .env("PGHOST", "localhost")
            .env("PGHOSTADDR", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &self.ca_file)
            .env("PGUSER", user)
            .env("PGPASSWORD", secret)
            .env("PGDATABASE", database)
            .run()
    }

    /// A number that no other test of this process has, for names.
    #[must_use]
    pub fn number() -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}
