//! PostgreSQL: a role that Azure's functions make, by object id, and grants of the owner of the tables.
//!
//! Roles are of the server and the functions in database `postgres`; what a role may do is of the app's database.

use super::engine::{Engine, Level, Wanted, fit, head, token_in};
use super::grantee::Known;
use super::script::{Create, Part, Place, Script, Step};
use super::shell::word;
use super::unfit::Unfit;

/// Where the functions are.
const SYSTEM: &str = "postgres";
/// Whom the server knows, with the object ids.
const LIST: &str = "select * from pgaadauth_list_principals(false)";
/// Bytes of a name; of longer ones the server drops the rest.
const LIMIT: usize = 63;
/// Where tables are that nobody has put anywhere else.
const USUAL_SCHEMA: &str = "public";

pub(super) struct Postgres;

impl Engine for Postgres {
    fn own_name<'a>(&self, _identity: &'a Known) -> Option<Result<&'a str, Unfit>> {
        None
    }

    fn knows_enough(&self, identity: &Known, _needs_id: bool) -> bool {
        identity.object_id.is_some()
    }

    fn grant(&self, wanted: &Wanted) -> Result<Script, Unfit> {
        let names = Names::of(wanted)?;
        let parts = vec![principal(wanted, &names)?, rights(wanted, &names)];
        let roots = connection_value(&wanted.roots());
        let server = format!(
            "host={} port={} dbname=postgres user=ADMIN sslmode=verify-full sslrootcert={roots}",
            wanted.host, wanted.port
        );
        let client = format!("  {} \\\n    | psql {}", wanted.command, word(&server));
        let how = [
            "Run it as a Microsoft Entra administrator of the server (others may not make such roles), with a token as the password:",
            &token_in("PGPASSWORD"),
            &client,
        ];
        let mut head = head(wanted, "role      ");
        head.extend(how.map(str::to_owned));
        Ok(Script {
            head,
            ..script(parts)
        })
    }

    fn undo(&self, wanted: &Wanted) -> Result<Script, Unfit> {
        let names = Names::of(wanted)?;
        let role = &names.role;
        let mut steps = Vec::new();
        for schema in &names.schemas {
            for creator in names.creators() {
                for what in ["tables", "sequences"] {
                    steps.push(Step::Run(format!(
                        "alter default privileges{creator} in schema {schema} revoke all privileges on {what} from {role}"
                    )));
                }
            }
            for what in ["tables", "sequences"] {
                steps.push(Step::Run(format!(
                    "revoke all privileges on all {what} in schema {schema} from {role}"
                )));
            }
            steps.push(Step::Run(format!(
                "revoke all privileges on schema {schema} from {role}"
            )));
        }
        steps.push(Step::Run(format!(
            "revoke all privileges on database {} from {role}",
            names.database
        )));
        steps.push(Step::Remark(
            "If it has made tables of its own, they must go to somebody else first:".to_owned(),
        ));
        steps.push(Step::Aside(format!(
            "reassign owned by {role} to current_user"
        )));
        let rights = Part {
            title: format!("What it may do in database {}", names.database),
            database: place(&wanted.database),
            steps,
        };
        let principal = Part {
            title: "The role".to_owned(),
            database: place(SYSTEM),
            steps: vec![Step::Run(format!("drop role if exists {role}"))],
        };
        Ok(script(vec![rights, principal]))
    }
}

fn script(parts: Vec<Part>) -> Script {
    Script {
        prelude: vec!["\\set ON_ERROR_STOP on".to_owned()],
        parts,
        end: ";",
        ..Script::default()
    }
}

/// Quoted.
struct Names {
    role: String,
    database: String,
    schemas: Vec<String>,
    roles_that_create: Vec<String>,
}

impl Names {
    fn of(wanted: &Wanted) -> Result<Self, Unfit> {
        let usual = [USUAL_SCHEMA.to_owned()];
        let schemas = match wanted.schemas.as_slice() {
            [] => &usual,
            schemas => schemas,
        };
        let all = |what, names: &[String]| -> Result<Vec<String>, Unfit> {
            names.iter().map(|name| fitting(what, name)).collect()
        };
        Ok(Self {
            role: fitting("role", &wanted.principal)?,
            database: fitting("database", &wanted.database)?,
            schemas: all("schema", schemas)?,
            roles_that_create: all("role", &wanted.creators)?,
        })
    }

    /// Whose future tables are meant, as `alter default privileges` has it. Nothing stands for whoever runs it.
    fn creators(&self) -> Vec<String> {
        let named = self.roles_that_create.iter();
        let named = named.map(|role| format!(" for role {role}"));
        std::iter::once(String::new()).chain(named).collect()
    }
}

fn fitting(what: &'static str, name: &str) -> Result<String, Unfit> {
    fit(name, what, name.len(), LIMIT).map(identifier)
}

/// The role, mapped to the object id.
fn principal(wanted: &Wanted, names: &Names) -> Result<Part, Unfit> {
    let (name, role) = (literal(&wanted.principal), &names.role);
    let (id, kind) = (wanted.identity.object_id()?, wanted.identity.kind().word());
    let label = format!(
        "security label for \"pgaadauth\" on role {role} is {}",
        literal(&format!("aadauth,oid={id},type={kind}"))
    );
    let mut steps = Vec::new();
    if wanted.exists {
        steps.push(Step::Run(label));
    } else {
        steps.push(Step::Create(Create {
            sql: format!(
                "select * from pgaadauth_create_principal_with_oid({name}, '{id}', '{kind}', false, false)\n \
                 where not exists (select from pg_catalog.pg_roles where rolname = {name})"
            ),
            look: LIST.to_owned(),
            // Documents have the first one, servers have been seen with the other.
            columns: (&["rolname", "rolename"], "objectid"),
            name: wanted.principal.clone(),
            id: Some(id.to_string()),
            is_known_by: str::eq_ignore_ascii_case,
            remedy: "--existing-role gives it to this identity, with what it may do",
        }));
        steps.push(Step::Remark(
            "If there was such a role before (with a password, or of an identity that has been made anew), it still is what it was. \
             --existing-role gives it to this identity:"
                .to_owned(),
        ));
        steps.push(Step::Aside(label));
    }
    steps.push(Step::Remark(format!(
        "The line of {role} must have the object id {id}"
    )));
    steps.push(Step::Look(LIST.to_owned()));
    Ok(Part {
        title:
            "1. The role: of the server, made in database \"postgres\", where Azure's functions are"
                .to_owned(),
        database: place(SYSTEM),
        steps,
    })
}

/// What each level may do with tables and sequences.
fn on_tables(level: Level) -> [(&'static str, &'static str); 2] {
    match level {
        Level::ReadOnly => [("tables", "select"), ("sequences", "select")],
        Level::ReadWrite => [
            ("tables", "select, insert, update, delete"),
            ("sequences", "usage, select"),
        ],
        Level::Owner => [
            ("tables", "all privileges"),
            ("sequences", "all privileges"),
        ],
    }
}

fn rights(wanted: &Wanted, names: &Names) -> Part {
    let (role, level) = (&names.role, wanted.level);
    let (on_database, on_schema) = match level {
        Level::ReadOnly | Level::ReadWrite => ("connect", "usage"),
        Level::Owner => ("all privileges", "all privileges"),
    };
    let mut steps = vec![Step::Run(format!(
        "grant {on_database} on database {} to {role}",
        names.database
    ))];
    for schema in &names.schemas {
        steps.push(Step::Run(format!(
            "grant {on_schema} on schema {schema} to {role}"
        )));
        steps.push(Step::Remark(
            "Tables that are there: only their owner can grant on them, so somebody else's stop here".to_owned(),
        ));
        for (what, privileges) in on_tables(level) {
            steps.push(Step::Run(format!(
                "grant {privileges} on all {what} in schema {schema} to {role}"
            )));
        }
        steps.push(Step::Remark(
            "Tables to come: those of whoever runs this, and of each --creator ROLE, the role that migrations run as".to_owned(),
        ));
        for creator in names.creators() {
            for (what, privileges) in on_tables(level) {
                steps.push(Step::Run(format!(
                    "alter default privileges{creator} in schema {schema} grant {privileges} on {what} to {role}"
                )));
            }
        }
        if level == Level::Owner {
            steps.push(Step::Remark(
                "What it makes it owns. Of tables that are there already it changes columns only when they are its own:".to_owned(),
            ));
            steps.push(Step::Aside(format!(
                "alter table {schema}.TABLE owner to {role}"
            )));
        }
    }
    Part {
        title: format!("2. What it may do in database {}", names.database),
        database: place(&wanted.database),
        steps,
    }
}

fn place(database: &str) -> Place {
    let connect = connect(database);
    // A script is UTF-8, whatever the terminal and the database are.
    let enter = format!("{connect}\nset client_encoding = 'UTF8';");
    Place {
        name: Some(database.to_owned()),
        enter: Some(enter),
    }
}

/// A name as SQL has it.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it, whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// psql's way to a database. A name that is not plain could be read as a connection string, so it is given as one, as pg_dump does.
fn connect(database: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if database.bytes().all(is_plain) {
        return format!("\\connect {}", identifier(database));
    }
    let string = identifier(&format!("dbname={}", quoted_value(database)));
    format!("\\connect -reuse-previous=on {string}")
}

/// A value of a connection string.
fn connection_value(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-:@".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        quoted_value(text)
    }
}

fn quoted_value(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
