//! Functions of T-SQL that SQLite has not.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

use super::super::value::{Moment, plain_text};
use super::Who;
use crate::random;

const PURE: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC);
const STATEFUL: FunctionFlags = FunctionFlags::SQLITE_UTF8;

/// Makes them known to a session's connection.
pub(super) fn register(connection: &Connection, who: &Who) -> Result<()> {
    text(connection)?;
    time(connection)?;
    session(connection, who)
}

fn text_at(context: &Context<'_>, at: usize) -> Option<String> {
    match context.get_raw(at) {
        ValueRef::Null => None,
        value => Some(plain_text(value)),
    }
}

/// A count; what is negative counts as none.
fn count_at(context: &Context<'_>, at: usize) -> Result<usize> {
    Ok(usize::try_from(context.get::<i64>(at)?).unwrap_or(0))
}

/// A count for SQLite.
fn counted(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn text(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("len", 1, PURE, |context| {
        let text = text_at(context, 0);
        Ok(text.map(|text| counted(text.trim_end_matches(' ').encode_utf16().count())))
    })?;
    connection.create_scalar_function("datalength", 1, PURE, |context| {
        Ok(match context.get_raw(0) {
            ValueRef::Null => None,
            ValueRef::Blob(value) => Some(counted(value.len())),
            ValueRef::Text(value) => Some(counted(
                String::from_utf8_lossy(value).encode_utf16().count() * 2,
            )),
            ValueRef::Integer(_) => Some(4),
            ValueRef::Real(_) => Some(8),
        })
    })?;
    connection.create_scalar_function("charindex", 2, PURE, |context| {
        let (Some(sought), Some(text)) = (text_at(context, 0), text_at(context, 1)) else {
            return Ok(None);
        };
        let text = text.to_lowercase();
        let before = text
            .split_once(&sought.to_lowercase())
            .map(|(before, _)| before);
        Ok(Some(counted(
            before.map_or(0, |before| before.chars().count() + 1),
        )))
    })?;
    connection.create_scalar_function("tsql_left", 2, PURE, |context| {
        let count = count_at(context, 1)?;
        let text = text_at(context, 0);
        Ok(text.map(|text| text.chars().take(count).collect::<String>()))
    })?;
    connection.create_scalar_function("tsql_right", 2, PURE, |context| {
        let count = count_at(context, 1)?;
        let text = text_at(context, 0);
        Ok(text.map(|text| {
            let chars: Vec<char> = text.chars().collect();
            chars[chars.len().saturating_sub(count)..]
                .iter()
                .collect::<String>()
        }))
    })?;
    connection.create_scalar_function("tsql_substring", 3, PURE, |context| {
        let (start, length) = (context.get::<i64>(1)?, context.get::<i64>(2)?);
        let end = usize::try_from(start + length - 1).unwrap_or(0);
        let skip = usize::try_from(start - 1).unwrap_or(0);
        let text = text_at(context, 0);
        Ok(text.map(|text| text.chars().take(end).skip(skip).collect::<String>()))
    })?;
    text_made(connection)
}

fn text_made(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("replicate", 2, PURE, |context| {
        let count = count_at(context, 1)?.min(8_000_000);
        Ok(text_at(context, 0).map(|text| text.repeat(count)))
    })?;
    connection.create_scalar_function("space", 1, PURE, |context| {
        Ok(" ".repeat(count_at(context, 0)?.min(8_000)))
    })?;
    connection.create_scalar_function("quotename", 1, PURE, |context| {
        Ok(text_at(context, 0).map(|text| format!("[{}]", text.replace(']', "]]"))))
    })?;
    connection
        .create_scalar_function("newid", 0, STATEFUL, |_| Ok(random::uuid().to_uppercase()))?;
    connection.create_scalar_function("tsql_decimal", 2, PURE, |context| {
        let scale = count_at(context, 1)?;
        Ok(match context.get_raw(0) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Text(format!(
                "{:.scale$}",
                format!("{value}.") + &"0".repeat(scale)
            )),
            ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
            value => {
                let number: f64 = plain_text(value)
                    .trim()
                    .parse()
                    .map_err(|_| unfit("numeric"))?;
                Value::Text(format!("{number:.scale$}"))
            }
        })
    })
}

fn unfit(kind: &str) -> Error {
    Error::UserFunctionError(format!("Error converting data type to {kind}.").into())
}

fn moment(context: &Context<'_>, at: usize) -> Result<Option<Moment>> {
    let text = text_at(context, at);
    let moment = text.map(|text| Moment::parse(&text)).transpose();
    moment.map_err(|_| unfit("datetime"))
}

fn time(connection: &Connection) -> Result<()> {
    for name in ["getdate", "getutcdate"] {
        connection.create_scalar_function(name, 0, STATEFUL, |_| Ok(Moment::now(3).text()))?;
    }
    for name in ["sysdatetime", "sysutcdatetime"] {
        connection.create_scalar_function(name, 0, STATEFUL, |_| Ok(Moment::now(7).text()))?;
    }
    connection.create_scalar_function("tsql_date", 1, PURE, |context| {
        Ok(moment(context, 0)?.map(Moment::date_text))
    })?;
    connection.create_scalar_function("tsql_time", 1, PURE, |context| {
        Ok(moment(context, 0)?.map(Moment::time_text))
    })?;
    connection.create_scalar_function("tsql_datetime", 1, PURE, |context| {
        Ok(moment(context, 0)?.map(Moment::text))
    })?;
    connection.create_scalar_function("tsql_dateadd", 3, PURE, |context| {
        let part = text_at(context, 0).unwrap_or_default();
        let count = context.get::<i64>(1)?;
        let moment = moment(context, 2)?;
        let added = moment.map(|moment| moment.plus(&part, count).ok_or_else(|| unfit("datetime")));
        Ok(added.transpose()?.map(Moment::text))
    })?;
    connection.create_scalar_function("tsql_datediff", 3, PURE, |context| {
        let part = text_at(context, 0).unwrap_or_default();
        let (Some(from), Some(to)) = (moment(context, 1)?, moment(context, 2)?) else {
            return Ok(None);
        };
        let (from, to) = (from.counted(&part), to.counted(&part));
        from.zip(to)
            .map(|(from, to)| Some(to - from))
            .ok_or_else(|| unfit("int"))
    })?;
    for name in ["tsql_datepart", "tsql_datename"] {
        connection.create_scalar_function(name, 2, PURE, |context| {
            let part = text_at(context, 0).unwrap_or_default();
            Ok(moment(context, 1)?.and_then(|moment| moment.part(&part)))
        })?;
    }
    for part in ["year", "month", "day"] {
        connection.create_scalar_function(part, 1, PURE, move |context| {
            Ok(moment(context, 0)?.and_then(|moment| moment.part(part)))
        })?;
    }
    Ok(())
}

fn session(connection: &Connection, who: &Who) -> Result<()> {
    let constants = [
        ("db_name", who.database.clone()),
        ("user_name", "dbo".to_owned()),
        ("schema_name", "dbo".to_owned()),
        ("suser_sname", who.user.clone()),
        ("suser_name", who.user.clone()),
        ("original_login", who.user.clone()),
        ("host_name", who.host.clone()),
        ("app_name", who.app.clone()),
    ];
    for (name, value) in constants {
        connection.create_scalar_function(name, -1, PURE, move |_| Ok(value.clone()))?;
    }
    connection.create_scalar_function("db_id", -1, PURE, |_| Ok(5))?;
    connection.create_scalar_function("has_dbaccess", 1, PURE, |_| Ok(1))?;
    connection.create_scalar_function("serverproperty", 1, PURE, |context| {
        let property = text_at(context, 0).unwrap_or_default();
        Ok(match property.to_ascii_lowercase().as_str() {
            "productversion" => Value::Text("12.0.2000.8".to_owned()),
            "productlevel" => Value::Text("RTM".to_owned()),
            "edition" => Value::Text("SQL Azure".to_owned()),
            "engineedition" => Value::Integer(5),
            "servername" | "machinename" => {
                Value::Text(super::super::token::SERVER_NAME.to_owned())
            }
            "collation" => Value::Text("SQL_Latin1_General_CP1_CI_AS".to_owned()),
            "isclustered" | "ishadrenabled" => Value::Integer(0),
            _ => Value::Null,
        })
    })?;
    connection.create_scalar_function("databasepropertyex", 2, PURE, |context| {
        let property = text_at(context, 1).unwrap_or_default();
        Ok(match property.to_ascii_lowercase().as_str() {
            "collation" => Value::Text("SQL_Latin1_General_CP1_CI_AS".to_owned()),
            "updateability" => Value::Text("READ_WRITE".to_owned()),
            "status" => Value::Text("ONLINE".to_owned()),
            "edition" => Value::Text("GeneralPurpose".to_owned()),
            _ => Value::Null,
        })
    })
}

/// The catalog that apps look into, as views of this session.
pub(super) const CATALOG: &str = "
create temp view \"sys.objects\" as
    select rowid as object_id, name, 1 as schema_id, 'U ' as type, 'USER_TABLE' as type_desc
      from main.sqlite_master where type = 'table' and name not like 'sqlite_%'
    union all
    select rowid + 1000000, name, 1, 'U ', 'USER_TABLE' from temp.sqlite_master where type = 'table';
create temp view \"sys.tables\" as select * from \"sys.objects\";
create temp view \"sys.schemas\" as select 'dbo' as name, 1 as schema_id;
create temp view \"sys.databases\" as select 'master' as name, 1 as database_id
    union all select db_name(), 5;
create temp view \"sys.columns\" as
    select o.object_id, p.name, p.cid + 1 as column_id, p.\"notnull\" = 0 as is_nullable,
           'SQL_Latin1_General_CP1_CI_AS' as collation_name, 0 as is_computed
      from \"sys.objects\" o, pragma_table_info(o.name) p;
create temp view \"information_schema.tables\" as
    select db_name() as table_catalog, 'dbo' as table_schema, name as table_name,
           'BASE TABLE' as table_type from \"sys.objects\";
create temp view \"information_schema.columns\" as
    select db_name() as table_catalog, 'dbo' as table_schema, o.name as table_name,
           p.name as column_name, p.cid + 1 as ordinal_position,
           case p.\"notnull\" when 0 then 'YES' else 'NO' end as is_nullable,
           p.type as data_type, p.dflt_value as column_default
      from \"sys.objects\" o, pragma_table_info(o.name) p;
";
