//! SQL Server: a user of the app's database that is made by the identity's name, and roles of the database.

use super::engine::{Engine, Level, Wanted, fit, head};
use super::grantee::{Kind, Known};
use super::script::{Create, Part, Place, Script, Step};
use super::shell::word;
use super::unfit::Unfit;

/// Characters of a name.
const LIMIT: usize = 128;

const LOOKED_UP: &str = "An administrator that is no person but an identity itself needs one more thing: the server's own identity, \
    with the role Directory Readers of Microsoft Entra, looks the name up.";

pub(super) struct SqlServer;

impl Engine for SqlServer {
    fn own_name<'a>(&self, identity: &'a Known) -> Option<Result<&'a str, Unfit>> {
        Some(identity.name())
    }

    fn knows_enough(&self, identity: &Known, needs_id: bool) -> bool {
        identity.name.is_some() && (!needs_id || identity.own_id().is_ok())
    }

    fn grant(&self, wanted: &Wanted) -> Result<Script, Unfit> {
        let names = Names::of(wanted)?;
        let parts = vec![principal(wanted, &names)?, rights(wanted, &names)];
        let client = format!(
            "  {} \\\n    | sqlcmd -b -x -f 65001 -S {},{} -d {} \\\n    --authentication-method ActiveDirectoryDefault",
            wanted.command,
            wanted.host,
            wanted.port,
            word(&wanted.database)
        );
        let how = [
            "Run it in the app's database, not in master, as the Microsoft Entra administrator of the server. -x: no variables in it.",
            &client,
        ];
        let mut head = head(wanted, "user      ");
        head.extend(how.map(str::to_owned));
        if let Some(file) = &wanted.ca_file {
            let file = file.display();
            head.push(format!(
                "sqlcmd has the system's roots: what is in {file} must be among them."
            ));
        }
        head.extend([String::new(), LOOKED_UP.to_owned()]);
        Ok(Script {
            head,
            ..script(parts)
        })
    }

    fn undo(&self, wanted: &Wanted) -> Result<Script, Unfit> {
        let names = Names::of(wanted)?;
        let principal = Part {
            title: "The user, and with it what it may do".to_owned(),
            database: place(&wanted.database),
            steps: vec![Step::Run(format!("drop user if exists {}", names.user))],
        };
        Ok(script(vec![principal]))
    }
}

fn script(parts: Vec<Part>) -> Script {
    Script {
        parts,
        end: ";\ngo",
        has_variables: true,
        ..Script::default()
    }
}

/// Azure SQL cannot change the database of a session.
fn place(database: &str) -> Place {
    Place {
        name: Some(database.to_owned()),
        enter: None,
    }
}

/// Quoted.
struct Names {
    user: String,
    database: String,
    schemas: Vec<String>,
}

impl Names {
    fn of(wanted: &Wanted) -> Result<Self, Unfit> {
        if !wanted.creators.is_empty() {
            let why = "SQL Server grants on a database or a schema, with every table that comes";
            return Err(Unfit::Flag("--creator", why));
        }
        let fitting = |what, name: &str| {
            let length = name.encode_utf16().count();
            fit(name, what, length, LIMIT).map(identifier)
        };
        let schemas = wanted.schemas.iter();
        Ok(Self {
            user: fitting("user", &wanted.principal)?,
            database: fitting("database", &wanted.database)?,
            schemas: schemas
                .map(|schema| fitting("schema", schema))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The user. Its name is looked up in Microsoft Entra, unless an object id says who is meant.
fn principal(wanted: &Wanted, names: &Names) -> Result<Part, Unfit> {
    if wanted.exists {
        let why = "SQL Server has no way to give a user that is there to an identity: drop user, and grant anew";
        return Err(Unfit::Flag("--existing-role", why));
    }
    let (user, name) = (&names.user, literal(&wanted.principal));
    let sid = match sid(&wanted.identity) {
        Ok(sid) => Some(sid),
        Err(missing) if wanted.by_id || wanted.is_proved => return Err(missing),
        Err(_) => None,
    };
    let external = format!("create user {user} from external provider");
    let by_sid = |sid: &Sid| format!("create user {user} with sid = {}, type = {}", sid.0, sid.1);
    let mut asides = Vec::new();
    if let Ok(id) = wanted.identity.object_id() {
        let why =
            "If several have this name in Microsoft Entra (error 33131), the object id says which:";
        asides.push((why, format!("{external} with object_id = '{id}'")));
    }
    let create = match (&sid, wanted.by_id) {
        (Some(sid), true) => {
            asides.clear();
            by_sid(sid)
        }
        (Some(sid), false) => {
            let why = "If it may not be looked up in Microsoft Entra (error 33134), its id will do, which nobody checks (--by-id):";
            asides.push((why, by_sid(sid)));
            external
        }
        (None, _) => external,
    };
    let mut steps = vec![Step::Create(Create {
        sql: format!(
            "if not exists (select 1 from sys.database_principals where name = {name})\n    {create}"
        ),
        look: format!(
            "select name, convert(varchar(100), sid, 1) as sid from sys.database_principals where name = {name}"
        ),
        columns: (&["name"], "sid"),
        name: wanted.principal.clone(),
        id: sid.map(|sid| sid.0),
        is_known_by: str::eq_ignore_ascii_case,
        remedy: "if it is of use to nobody else, --undo ends it, and then grant anew",
    })];
    for (why, sql) in asides {
        steps.push(Step::Remark(why.to_owned()));
        steps.push(Step::Aside(sql));
    }
    Ok(Part {
        title: format!("1. The user, in database {}", names.database),
        database: place(&wanted.database),
        steps,
    })
}

/// The number by which the server knows who comes with a token, and the type of those that are known so.
struct Sid(String, char);

/// Of services it is made of the client id, of everybody else of the object id.
fn sid(identity: &Known) -> Result<Sid, Unfit> {
    let kind = match identity.kind() {
        Kind::Service | Kind::User => 'E',
        Kind::Group => 'X',
    };
    Ok(Sid(identity.own_id()?.as_uniqueidentifier(), kind))
}

/// The roles of a whole database.
fn roles(level: Level) -> &'static [&'static str] {
    match level {
        Level::ReadOnly => &["db_datareader"],
        Level::ReadWrite => &["db_datareader", "db_datawriter"],
        Level::Owner => &["db_owner"],
    }
}

/// What it may do with a schema.
fn on_schema(level: Level) -> &'static str {
    match level {
        Level::ReadOnly => "select",
        Level::ReadWrite => "select, insert, update, delete",
        Level::Owner => "control",
    }
}

fn rights(wanted: &Wanted, names: &Names) -> Part {
    let (user, level) = (&names.user, wanted.level);
    let mut steps = Vec::new();
    for schema in &names.schemas {
        let privileges = on_schema(level);
        steps.push(Step::Run(format!(
            "grant {privileges} on schema::{schema} to {user}"
        )));
    }
    if names.schemas.is_empty() {
        let roles = roles(level).iter();
        steps.extend(roles.map(|role| Step::Run(format!("alter role {role} add member {user}"))));
    } else if level == Level::Owner {
        let makes = "grant create table, create view, create procedure, create function to";
        steps.push(Step::Run(format!("{makes} {user}")));
    }
    if level != Level::Owner {
        steps.push(Step::Remark("Where it calls stored procedures:".to_owned()));
        steps.push(Step::Aside(format!("grant execute to {user}")));
    }
    let name = literal(&wanted.principal);
    steps.push(Step::Remark("Who it is, and in which roles".to_owned()));
    steps.push(Step::Look(format!(
        "select p.name, p.type_desc, r.name as role from sys.database_principals p\n  \
         left join sys.database_role_members m on m.member_principal_id = p.principal_id\n  \
         left join sys.database_principals r on r.principal_id = m.role_principal_id\n \
         where p.name = {name}"
    )));
    Part {
        title: "2. What it may do: with the tables to come, too".to_owned(),
        database: place(&wanted.database),
        steps,
    }
}

/// A name as T-SQL has it.
fn identifier(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A text as T-SQL has it.
fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}
