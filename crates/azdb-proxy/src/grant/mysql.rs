//! MySQL: a user that is made by client id, and grants on a database.

use super::engine::{Engine, Level, Wanted, fit, head, token_in};
use super::grantee::{Kind, Known};
use super::script::{Create, Part, Place, Script, Step};
use super::shell::word;
use super::unfit::Unfit;

/// Characters of a user's name.
const USER_LIMIT: usize = 32;
/// Characters of a database's name.
const DATABASE_LIMIT: usize = 64;

pub(super) struct Mysql;

impl Engine for Mysql {
    fn own_name<'a>(&self, _identity: &'a Known) -> Option<Result<&'a str, Unfit>> {
        None
    }

    fn knows_enough(&self, identity: &Known, _needs_id: bool) -> bool {
        identity.own_id().is_ok()
    }

    fn grant(&self, wanted: &Wanted) -> Result<Script, Unfit> {
        let names = Names::of(wanted)?;
        let parts = vec![principal(wanted, &names)?, rights(wanted, &names)];
        let client = format!(
            "  {} \\\n    | mysql --host={} --port={} --user=ADMIN --enable-cleartext-plugin \\\n    \
             --ssl-mode=VERIFY_IDENTITY {}",
            wanted.command,
            wanted.host,
            wanted.port,
            word(&format!("--ssl-ca={}", wanted.roots()))
        );
        let how = [
            "Run it as the Microsoft Entra administrator of the server, with a token as the password:",
            &token_in("MYSQL_PWD"),
            &client,
            "",
            "The server has an identity of its own, by which it looks people and groups up in Microsoft Entra: it needs \
             User.Read.All, GroupMember.Read.All and Application.Read.All of Microsoft Graph, or the role Directory Readers. \
             By id, as here, and with aad_auth_validate_oids_in_tenant = OFF, it looks nobody up.",
        ];
        let mut head = head(wanted, "user      ");
        head.extend(how.map(str::to_owned));
        Ok(Script {
            head,
            ..script(parts)
        })
    }

    fn undo(&self, wanted: &Wanted) -> Result<Script, Unfit> {
        let names = Names::of(wanted)?;
        let mut steps = beginning(wanted);
        steps.push(Step::Run(format!("drop user if exists {}", names.user)));
        let principal = Part {
            title: "The user, and with it what it may do".to_owned(),
            database: anywhere(),
            steps,
        };
        Ok(script(vec![principal]))
    }
}

fn script(parts: Vec<Part>) -> Script {
    Script {
        parts,
        end: ";",
        ..Script::default()
    }
}

/// What a session must be told before names are.
fn beginning(wanted: &Wanted) -> Vec<Step> {
    // A script is UTF-8, whatever the terminal is.
    let mut steps = vec![Step::Run("set names utf8mb4".to_owned())];
    if wanted.principal.contains('\\') {
        // What a backslash in a text is depends on it.
        steps.push(Step::Run("set session sql_mode = ''".to_owned()));
    }
    steps
}

fn anywhere() -> Place {
    Place {
        name: None,
        enter: None,
    }
}

/// Quoted.
struct Names {
    /// With the machines that it may come from.
    user: String,
    /// As GRANT has a database.
    database: String,
}

impl Names {
    fn of(wanted: &Wanted) -> Result<Self, Unfit> {
        if !wanted.schemas.is_empty() {
            let why = "MySQL's schemas are its databases: --database names one";
            return Err(Unfit::Flag("--schema", why));
        }
        if !wanted.creators.is_empty() {
            let why = "MySQL grants on a database, with every table that comes";
            return Err(Unfit::Flag("--creator", why));
        }
        let (user, database) = (&wanted.principal, &wanted.database);
        let user = fit(user, "user", user.chars().count(), USER_LIMIT)?;
        let length = database.chars().count();
        let database = fit(database, "database", length, DATABASE_LIMIT)?;
        Ok(Self {
            user: format!("{}@'%'", literal(user)),
            database: pattern(database),
        })
    }
}

/// The user, mapped to the client id.
fn principal(wanted: &Wanted, names: &Names) -> Result<Part, Unfit> {
    if wanted.exists {
        let why = "MySQL has no way to give a user that is there to an identity: drop user, and grant anew";
        return Err(Unfit::Flag("--existing-role", why));
    }
    let id = wanted.identity.own_id()?;
    let kind = match wanted.identity.kind() {
        Kind::Service => "client",
        Kind::User | Kind::Group => "object",
    };
    let name = literal(&wanted.principal);
    let mut steps = beginning(wanted);
    steps.extend([
        Step::Run("set aad_auth_validate_oids_in_tenant = OFF".to_owned()),
        Step::Create(Create {
            sql: format!("create aaduser {name} identified by '{id}'"),
            // Of whoever is somebody else that is the hash of a password.
            look: format!(
                "select user, host, plugin, case when plugin = 'aad_auth' or authentication_string like 'AAD%' then authentication_string end as known_by \
                 from mysql.user where user = {name} and host = '%'"
            ),
            columns: (&["user"], "known_by"),
            name: wanted.principal.clone(),
            id: Some(id.to_string()),
            is_known_by: is_noted,
            remedy: "if it is of use to nobody else, --undo ends it, and then grant anew",
        }),
        Step::Remark(
            "If there was such a user before, it stops here (error 1396), and it still is what it was"
                .to_owned(),
        ),
        Step::Remark(format!(
            "The line of {} must have the {kind} id {id}",
            names.user
        )),
        Step::Look("select * from mysql.user where plugin = 'aad_auth'".to_owned()),
    ]);
    Ok(Part {
        title: "1. The user".to_owned(),
        database: anywhere(),
        steps,
    })
}

fn rights(wanted: &Wanted, names: &Names) -> Part {
    let Names { user, database } = names;
    let privileges = match wanted.level {
        Level::ReadOnly => "select, show view",
        Level::ReadWrite => {
            "select, insert, update, delete, show view, create temporary tables, lock tables"
        }
        Level::Owner => "all privileges",
    };
    let mut steps = vec![Step::Run(format!(
        "grant {privileges} on {database}.* to {user}"
    ))];
    if wanted.level != Level::Owner {
        steps.push(Step::Remark(
            "Where it calls stored procedures and functions:".to_owned(),
        ));
        steps.push(Step::Aside(format!(
            "grant execute on {database}.* to {user}"
        )));
    }
    steps.push(Step::Look(format!("show grants for {user}")));
    Part {
        title: "2. What it may do: with every table of the database, those to come, too".to_owned(),
        database: anywhere(),
        steps,
    }
}

/// Whether this id is noted with a user: Azure's notes are `AADSP:ID:upn:NAME`, on servers of another age `AADApp:ID`.
fn is_noted(note: &str, id: &str) -> bool {
    const KINDS: [&str; 4] = ["AADSP", "AADApp", "AADUser", "AADGroup"];
    let mut parts = note.split(':');
    parts.next().is_some_and(|kind| KINDS.contains(&kind))
        && parts
            .next()
            .is_some_and(|noted| noted.eq_ignore_ascii_case(id))
}

/// A text as SQL has it where a backslash escapes.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A database as GRANT has it, where `_` and `%` stand for others.
fn pattern(database: &str) -> String {
    let mut escaped = String::from("`");
    for letter in database.chars() {
        match letter {
            '_' | '%' | '\\' => escaped.extend(['\\', letter]),
            '`' => escaped.push_str("``"),
            letter => escaped.push(letter),
        }
    }
    escaped.push('`');
    escaped
}
