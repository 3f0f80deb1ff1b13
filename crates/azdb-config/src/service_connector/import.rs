//! What stands in the variables as a configuration file, with what each app must be told from now on.

use std::fmt::Write as _;

use azdb_identity::Environment;

use super::connection::Connection;
use super::login::Login;
use super::{Environs, Found, apps, look};

/// A configuration file made of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of the file; it has no secret in it.
    pub document: String,
    /// How many routes it has.
    pub routes: usize,
    /// What was there and is not in it, and why.
    pub warnings: Vec<String>,
}

/// Makes a configuration file of what Azure Service Connector has told this environment.
pub fn import(env: &Environment) -> Imported {
    let Environs {
        found,
        left_out,
        problems,
        doubts,
    } = look(env);
    let mut document = HEAD.to_owned();
    for one in &found {
        document.push('\n');
        route(one, &mut document);
    }
    Imported {
        document,
        routes: found.len(),
        warnings: problems.into_iter().chain(left_out).chain(doubts).collect(),
    }
}

const HEAD: &str = "\
# Written by `azdb-proxy import-env` from Azure Service Connector's variables.
# Below each route stands what its apps must be told in place of those.
";

fn route(found: &Found<'_>, document: &mut String) {
    let Found {
        connection,
        sets,
        port,
        name,
    } = found;
    let mut line = |text: String| {
        document.push_str(&text);
        document.push('\n');
    };
    line("[[route]]".to_owned());
    if let Some(name) = name {
        line(format!("name = {}", quoted(name)));
    }
    line(format!("protocol = \"{}\"", connection.protocol));
    line(format!("listen = \"localhost:{port}\""));
    match sets.first().filter(|_| connection.login.has_secret()) {
        Some(set) => {
            line(format!(
                "from_env = {:<28} # its secret stays in the environment; upstream {}",
                quoted(&set.prefix),
                connection.upstream()
            ));
        }
        None => keys(connection).into_iter().for_each(&mut line),
    }
    for set in sets {
        for app in apps::of(set, connection.protocol, *port) {
            line(format!("#\n# {}:", app.client));
            for told in app.lines {
                line(format!("#   {}", told.replace(char::is_control, " ")));
            }
        }
    }
}

/// The keys of a route without a secret.
fn keys(connection: &Connection) -> Vec<String> {
    let mut lines = vec![format!("upstream = {}", quoted(&connection.upstream()))];
    let texts = [
        ("upstream_user", &connection.user),
        ("default_database", &connection.database),
    ];
    for (key, told) in texts {
        lines.extend(
            told.as_ref()
                .map(|told| format!("{key} = {}", quoted(&told.value))),
        );
    }
    if let Login::Identity(Some((key, id))) = &connection.login {
        lines.push(format!("identity = {{ {key} = {} }}", quoted(&id.value)));
    }
    lines
}

impl Login {
    fn has_secret(&self) -> bool {
        match self {
            Self::Identity(_) => false,
            Self::Principal { .. } | Self::Password(_) => true,
        }
    }
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
