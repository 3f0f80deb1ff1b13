//! MariaDB.

use super::leash::{Leash, Program};
use super::place::Place;
use super::{DATABASE, LocalError, LocalServer, programs, sample};
use crate::{Behind, BehindProtocol, DEFAULT_ROLE};

/// Where packages put its programs: Linux, Homebrew, its own.
const PLACES: [&str; 7] = [
    "/usr/sbin",
    "/usr/libexec",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/mariadb*/bin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/mysql/bin",
];

impl LocalServer {
    /// Starts MariaDB.
    ///
    /// # Errors
    ///
    /// [`LocalError`] when there is none, or it does not start.
    pub async fn mariadb() -> Result<Self, LocalError> {
        let find = |program| {
            let found = programs::directory_of(&[program], &PLACES);
            let found = found.map(|directory| directory.join(program));
            found.ok_or(LocalError::Missing("MariaDB"))
        };
        let (server, installer) = (find("mariadbd")?, find("mariadb-install-db")?);
        let version = programs::version(&server).unwrap_or_default();
        let place = Place::new("mysql")?;
        place.write("sample.sql", &(administration() + &sample::for_mariadb()))?;
        let socket = place.path().join("socket");
        let program = Program {
            script: include_str!("mariadb.sh"),
            variables: vec![("server", server), ("installer", installer)],
            // One process, and its data need not survive it.
            signal: "KILL",
            ready: "ready for connections",
        };
        Ok(Self {
            product: format!("MariaDB {version}"),
            behind: Behind::on_socket(BehindProtocol::Mysql, socket, DEFAULT_ROLE),
            leash: Leash::start(place, &program).await?,
        })
    }
}

/// The one who can log in, and where: not in the server's own tables, and not in its files.
fn administration() -> String {
    format!(
        "alter user root@localhost account lock;\n\
         create database {DATABASE};\n\
         create user '{DEFAULT_ROLE}'@localhost;\n\
         grant all on `{DATABASE}%`.* to '{DEFAULT_ROLE}'@localhost;\n\
         grant process on *.* to '{DEFAULT_ROLE}'@localhost;\n\
         use {DATABASE};\n"
    )
}
