//! What the variables of a set say, one by one, whether each says it alone or a connection string does.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::sets::Set;
use super::syntax::{ConnectionString, Syntax};
use super::words::Part;
use crate::route::ProtocolName;

/// One of them. It has no `Debug`: its value may be a secret.
pub(super) struct Statement<'e> {
    pub(super) part: Part,
    pub(super) value: Zeroizing<String>,
    /// The variable that says it.
    pub(super) variable: &'e str,
    /// A variable says it alone.
    pub(super) is_alone: bool,
}

/// All of a set.
pub(super) struct Statements<'e> {
    all: Vec<Statement<'e>>,
    /// What the variables' names or a connection string can only mean.
    pub(super) protocol: Option<ProtocolName>,
}

/// What platforms leave where they cannot resolve a reference.
const REFERENCES: [&str; 2] = ["@Microsoft.KeyVault(", "@Microsoft.AppConfiguration("];

impl<'e> Statements<'e> {
    /// # Errors
    ///
    /// What a variable holds is no connection string, or of another protocol than its name says.
    pub(super) fn of(set: &Set<'e>) -> Result<Self, String> {
        let mut read = Self {
            all: Vec::new(),
            protocol: set.protocol,
        };
        for (part, variable) in set.iter() {
            let value = variable.value.trim();
            if REFERENCES.iter().any(|begin| value.starts_with(begin)) {
                return Err(format!(
                    "{} is a reference that the platform has not resolved: let the identity read it",
                    variable.name
                ));
            }
            if part != Part::Whole {
                read.add(part, value, variable.name, true)?;
                continue;
            }
            let told = |problem: String| format!("{} {problem}", variable.name);
            let text = ConnectionString::parse(value).map_err(told)?;
            read.agree(&text, variable.name)?;
            for field in &text.fields {
                if let Some(part) = field.part() {
                    read.add(part, field.value.trim(), variable.name, false)?;
                }
            }
        }
        Ok(read)
    }

    fn agree(&mut self, text: &ConnectionString, variable: &str) -> Result<(), String> {
        match (self.protocol, text.protocol()) {
            (Some(named), Some(written)) if named != written => Err(format!(
                "{variable} is of {named} by its name and of {written} by what it holds"
            )),
            // Keys of libpq may be anybody's who has no other.
            (None, Some(ProtocolName::Postgres)) if text.syntax == Syntax::Libpq => Ok(()),
            (None, written) => {
                self.protocol = written;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Values come as people write them: a host with `tcp:` in front, and with a port behind a comma or a colon.
    fn add(
        &mut self,
        part: Part,
        value: &str,
        variable: &'e str,
        is_alone: bool,
    ) -> Result<(), String> {
        let mut push = |part, value: &str| {
            if !value.is_empty() {
                let value = Zeroizing::new(value.to_owned());
                self.all.push(Statement {
                    part,
                    value,
                    variable,
                    is_alone,
                });
            }
        };
        if part == Part::Port && !is_port(value) {
            return Err(format!("{variable} has a port that is none"));
        }
        if part != Part::Host {
            push(part, value);
            return Ok(());
        }
        let (host, port) = host_and_port(value).map_err(|why| format!("{variable} {why}"))?;
        push(Part::Host, &host.to_ascii_lowercase());
        push(Part::Port, port);
        Ok(())
    }

    /// Has every value of a part written as `write` does.
    pub(super) fn rewrite(&mut self, part: Part, write: impl Fn(&str) -> String) {
        for said in self.all.iter_mut().filter(|said| said.part == part) {
            said.value = Zeroizing::new(write(&said.value));
        }
    }

    /// What is said of this, by everybody the same.
    ///
    /// # Errors
    ///
    /// Several say different things; the message names them and no value.
    pub(super) fn one(&self, part: Part) -> Result<Option<&Statement<'e>>, String> {
        let mut said = self.all.iter().filter(|said| said.part == part);
        let Some(first) = said.next() else {
            return Ok(None);
        };
        let others: BTreeSet<&str> = said
            .filter(|other| other.value != first.value)
            .map(|other| other.variable)
            .collect();
        if others.is_empty() {
            return Ok(Some(first));
        }
        let mut names = others;
        names.insert(first.variable);
        let names: Vec<&str> = names.into_iter().collect();
        let what = part.in_words();
        Err(match names.as_slice() {
            [only] => format!("{only} says different things of {what}"),
            names => format!(
                "{} say different things of {what}: take one of them away, or write a [[route]] with \
                 from_env = \"{}\"",
                names.join(" and "),
                first.variable
            ),
        })
    }
}

/// Whether it can be dialled; where nothing is written it is the usual one.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok_and(|port| port != 0)
}

/// `H`, `H,1433`, `H:5432`, `tcp:H,1433`; no part of it stands in a message.
fn host_and_port(text: &str) -> Result<(&str, &str), &'static str> {
    let text = match text.split_at_checked("tcp:".len()) {
        Some((tcp, rest)) if tcp.eq_ignore_ascii_case("tcp:") => rest,
        _ => text,
    };
    if text.contains('\\') {
        return Err("names an instance of SQL Server: write its port in place of it");
    }
    let (host, port) = match text.split_once(',') {
        Some((host, port)) => (host.trim(), port.trim()),
        None => match crate::address::host_and_port(text) {
            Ok((host, Some(_))) => (host, text.rsplit(':').next().unwrap_or_default()),
            Ok((host, None)) => (host, ""),
            Err(_) => return Err("has no host in its place"),
        },
    };
    if !is_port(port) {
        return Err("has several hosts, or a port that is none: write a [[route]] with upstream");
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match crate::address::server_name(host) {
        Ok(_) => Ok((host, port)),
        Err(_) => Err("has no host in its place"),
    }
}
