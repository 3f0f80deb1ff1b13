//! Rows: what `tests/apps/LANGUAGE/rows.toml` says.
//!
//! ```toml
//! language = "Go"                    # as the table calls it
//!
//! [[row]]
//! name = "pq"                        # by which it is run alone, and which the table shows
//! protocol = "postgres"              # or mysql, or tds
//! run = "APPS/go_rows/rows pq"       # APPS is target/apps, FILES tests/apps; any other first word is looked for on the path
//! needs = ["APPS/go_rows/complete"]  # what must be there, or the row is skipped, which is said
//! env = { NAME = "APPS/value" }
//! first = true                       # run by plain `scripts/test`: one row of a language and a protocol
//! ```
//!
//! Its program finds `DB_HOST`, `DB_PORT`, `DB_USER`, `DB_PASSWORD` and `DB_NAME` in its environment, `DB_TLS` and `DB_STORY`
//! (`story.rs` has their words), and `DB_CA` where it is to verify. It prints lines:
//!
//! ```text
//! driver: NAME VERSION               once, first
//! setting: sslmode=require           once: what its users write for this way of TLS
//! did: STEP                          it was so; a value that is not as it must be ends the program with an error
//! cannot: STEP: WHY                  the driver has no such thing, or no such way of TLS
//! refused: TEXT                      there is no connection, and the person reads this; the last line
//! now: proxy restarts                or `upstream`; it goes on when a line has come on its standard input
//! ```

use std::path::{Path, PathBuf};

use azdb_tests::{Program, tools};
use toml::{Table, Value};

/// What a driver speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Postgres,
    Mysql,
    Tds,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::Mysql, Self::Tds];

    fn named(name: &str) -> Option<Self> {
        match name {
            "postgres" => Some(Self::Postgres),
            "mysql" => Some(Self::Mysql),
            "tds" => Some(Self::Tds),
            _ => None,
        }
    }
}

/// A driver and the program on it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// By which it is run alone.
    pub(crate) name: String,
    /// As the table calls it.
    pub(crate) language: String,
    /// Of `tests/apps`.
    pub(crate) directory: String,
    pub(crate) protocol: Protocol,
    /// One of those that are run each time, not on demand alone.
    pub(crate) first: bool,
    run: Vec<String>,
    needs: Vec<String>,
    env: Vec<(String, String)>,
}

/// A word in which the directories of drivers and of programs may stand.
fn placed(word: &str) -> String {
    let [apps, files] = [tools::installed(""), tools::app("")];
    let [apps, files] =
        [apps, files].map(|path| path.to_str().unwrap().trim_end_matches('/').to_owned());
    word.replace("APPS", &apps).replace("FILES", &files)
}

/// A program by its path, or by its name on the path.
fn is_there(program: &str) -> bool {
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join(program).exists())
    };
    Path::new(program).exists() || !program.contains('/') && on_path()
}

impl Row {
    /// All of them, in the order of the table: by protocol, then as the files have them.
    pub(crate) fn all() -> Vec<Self> {
        let languages = std::fs::read_dir(tools::app("")).unwrap();
        let mut files: Vec<PathBuf> = languages
            .map(|language| language.unwrap().path().join("rows.toml"))
            .filter(|file| file.exists())
            .collect();
        files.sort();
        let mut rows: Vec<Self> = files.iter().flat_map(|file| Self::of_file(file)).collect();
        rows.sort_by_key(|row| row.protocol);
        rows
    }

    fn of_file(file: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(file).unwrap();
        let table: Table = text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let rows = table["row"].as_array().unwrap();
        let directory = file.parent().and_then(Path::file_name).unwrap();
        let directory = directory.to_str().unwrap();
        let language = table["language"].as_str().unwrap();
        rows.iter()
            .map(|row| Self::of(language, directory, row))
            .collect()
    }

    fn of(language: &str, directory: &str, row: &Value) -> Self {
        let text = |key: &str| {
            row.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let words = |key: &str| -> Vec<String> {
            let list = row.get(key).and_then(Value::as_array);
            let list = list.into_iter().flatten();
            list.map(|word| placed(word.as_str().unwrap())).collect()
        };
        let env = row.get("env").and_then(Value::as_table);
        let name = text("name");
        Self {
            language: language.to_owned(),
            directory: directory.to_owned(),
            protocol: Protocol::named(&text("protocol"))
                .unwrap_or_else(|| panic!("{name}: which protocol?")),
            first: row.get("first").and_then(Value::as_bool).unwrap_or(false),
            run: text("run").split_whitespace().map(placed).collect(),
            needs: words("needs"),
            env: env
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), placed(value.as_str().unwrap())))
                .collect(),
            name,
        }
    }

    /// What is not here that it needs.
    pub(crate) fn missing(&self) -> Option<&str> {
        let needed = self.run.first().into_iter().chain(&self.needs);
        needed
            .map(String::as_str)
            .find(|program| !is_there(program))
    }

    /// Its program, which has been told nothing yet.
    pub(crate) fn program(&self) -> Program {
        let [program, arguments @ ..] = self.run.as_slice() else {
            panic!("{}: run is empty", self.name)
        };
        let program = Program::new(program).args(arguments);
        let env = self.env.iter();
        env.fold(program, |program, (name, value)| program.env(name, value))
    }
}
