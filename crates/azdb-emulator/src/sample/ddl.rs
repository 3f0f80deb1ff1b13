//! `create table` and `drop table`, and the types of each dialect.

use rusqlite::Connection;
use sqlparser::ast::{
    BinaryLength, CharacterLength, ColumnDef, ColumnOption, CreateTable, CreateTableOptions,
    DataType, ExactNumberInfo, Expr, FunctionArguments, IndexColumn, ObjectName, Statement,
    TableConstraint, TimezoneInfo,
};

use super::catalog::{self, Table, TableColumn, folded, quoted, table_name};
use super::fault::{Fault, unknown};
use super::parse::{Dialect, plain};
use super::types::{MAX_PRECISION, Type, Value, number};

const PRIMARY_KEY: &str = "PRIMARY KEY";

/// The type that a dialect's name means, if the sample has it just so.
pub(super) fn type_of(name: &DataType, dialect: Dialect) -> Result<Type, Fault> {
    use Dialect::{Mysql, Postgres, Tds};
    let found = match (dialect, name) {
        (_, DataType::SmallInt(_)) | (Postgres, DataType::Int2(_)) => Some(Type::SmallInt),
        (_, DataType::Int(_) | DataType::Integer(_)) | (Postgres, DataType::Int4(_)) => {
            Some(Type::Int)
        }
        (_, DataType::BigInt(_)) | (Postgres, DataType::Int8(_)) => Some(Type::BigInt),
        (Postgres | Mysql, DataType::Bool | DataType::Boolean)
        | (Mysql, DataType::TinyInt(Some(1)))
        | (Tds, DataType::Bit(None)) => Some(Type::Bool),
        (_, DataType::DoublePrecision)
        | (Postgres, DataType::Float8)
        | (Mysql, DataType::Double(ExactNumberInfo::None))
        | (Tds, DataType::Float(ExactNumberInfo::None)) => Some(Type::Float),
        (_, DataType::Numeric(digits) | DataType::Decimal(digits)) => digits_of(digits, dialect),
        (
            _,
            DataType::Varchar(length)
            | DataType::CharacterVarying(length)
            | DataType::CharVarying(length),
        )
        | (Tds, DataType::Nvarchar(length)) => length_of(*length, dialect),
        (Postgres | Mysql, DataType::Text) | (Mysql, DataType::LongText) => Some(Type::Text(None)),
        (Postgres, DataType::Bytea) | (Mysql, DataType::LongBlob) => Some(Type::Bytes(None)),
        (Mysql | Tds, DataType::Varbinary(Some(BinaryLength::IntegerLength { length }))) => {
            u32::try_from(*length)
                .ok()
                .map(|length| Type::Bytes(Some(length)))
        }
        (Tds, DataType::Varbinary(Some(BinaryLength::Max))) => Some(Type::Bytes(None)),
        (_, DataType::Date) => Some(Type::Date),
        (
            Postgres,
            DataType::Timestamp(None | Some(6), TimezoneInfo::None | TimezoneInfo::WithoutTimeZone),
        )
        | (Mysql, DataType::Datetime(Some(6))) => Some(Type::Timestamp),
        (Postgres, DataType::Uuid) => Some(Type::Uuid),
        (_, DataType::Custom(name, modifiers)) if modifiers.is_empty() => {
            match (dialect, name.to_string().to_ascii_lowercase().as_str()) {
                (Tds, "datetime2") => Some(Type::Timestamp),
                (Tds, "uniqueidentifier") => Some(Type::Uuid),
                (Postgres, "serial") => Some(Type::Int),
                (Postgres, "bigserial") => Some(Type::BigInt),
                _ => None,
            }
        }
        _ => None,
    };
    found.ok_or_else(|| unknown(&format!("the type `{name}`"), dialect))
}

fn digits_of(digits: &ExactNumberInfo, dialect: Dialect) -> Option<Type> {
    let (precision, scale) = match digits {
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::None => match dialect {
            Dialect::Postgres => return None,
            Dialect::Mysql => (10, 0),
            Dialect::Tds => (18, 0),
        },
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    let has_room = (1..=MAX_PRECISION).contains(&precision) && scale <= precision;
    has_room.then_some(Type::Numeric(precision, scale))
}

fn length_of(length: Option<CharacterLength>, dialect: Dialect) -> Option<Type> {
    match (dialect, length) {
        (_, Some(CharacterLength::IntegerLength { length, .. })) => u32::try_from(length)
            .ok()
            .map(|length| Type::Text(Some(length))),
        (Dialect::Tds, Some(CharacterLength::Max)) | (Dialect::Postgres, None) => {
            Some(Type::Text(None))
        }
        _ => None,
    }
}

/// What `create table` comes to.
pub(super) struct Creation {
    pub(super) table: Table,
    pub(super) sql: String,
    pub(super) if_not_exists: bool,
}

/// Reads `create table`.
pub(super) fn creation(mut create: CreateTable, dialect: Dialect) -> Result<Creation, Fault> {
    let columns = std::mem::take(&mut create.columns);
    let constraints = std::mem::take(&mut create.constraints);
    let name = table_name(&create.name, dialect)?;
    let temporary =
        std::mem::take(&mut create.temporary) || dialect == Dialect::Tds && name.starts_with('#');
    let if_not_exists = std::mem::take(&mut create.if_not_exists);
    if dialect == Dialect::Mysql {
        // Engine, character set and the like.
        create.table_options = CreateTableOptions::None;
    }
    let is_plain = match plain("CREATE TABLE t (a int)") {
        Some(Statement::CreateTable(mut plain)) => {
            plain.columns.clear();
            plain.name = create.name.clone();
            plain == create
        }
        _ => false,
    };
    let is_ours = name.starts_with("azdb_") || name.starts_with("sqlite_");
    if !is_plain || is_ours || columns.is_empty() {
        let what = "a `create table` with more than columns and keys";
        return Err(unknown(what, dialect));
    }
    let mut table = Table {
        name,
        temporary,
        columns: Vec::new(),
    };
    let mut keys = Vec::new();
    for constraint in &constraints {
        keys.push(key(constraint, dialect)?);
    }
    let primary = keys.iter().find(|(words, _)| *words == PRIMARY_KEY);
    let primary = primary.map_or_else(Vec::new, |(_, names)| names.clone());
    let mut parts = Vec::new();
    for definition in &columns {
        let (column, part) = column(definition, &primary, dialect)?;
        table.columns.push(column);
        parts.push(part);
    }
    // A key of one column stands beside that.
    keys.retain(|(words, names)| *words != PRIMARY_KEY || names.len() > 1);
    for (words, names) in keys {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        parts.push(format!("{words} ({})", names.join(", ")));
    }
    let sql = format!("CREATE TABLE {} ({})", table.quoted(), parts.join(", "));
    Ok(Creation {
        table,
        sql,
        if_not_exists,
    })
}

/// Reads a column, and says it to SQLite.
fn column(
    definition: &ColumnDef,
    primary: &[String],
    dialect: Dialect,
) -> Result<(TableColumn, String), Fault> {
    let kind = type_of(&definition.data_type, dialect)?;
    let is_serial = definition
        .data_type
        .to_string()
        .to_lowercase()
        .ends_with("serial");
    let mut column = TableColumn {
        name: folded(&definition.name, dialect),
        kind,
        required: is_serial,
        generated: is_serial,
        keyed: primary.contains(&folded(&definition.name, dialect)),
        preset: None,
    };
    let (mut key, mut rest) = (column.keyed && primary.len() == 1, String::new());
    for option in &definition.options {
        match &option.option {
            ColumnOption::Null => {}
            ColumnOption::NotNull => column.required = true,
            ColumnOption::PrimaryKey(_) => key = true,
            ColumnOption::Unique(_) => rest.push_str(" UNIQUE"),
            ColumnOption::Default(value) => {
                column.preset = Some(value.to_string());
                let value = default(value, kind, dialect)?;
                rest.push_str(&format!(" DEFAULT {value}"));
            }
            ColumnOption::ForeignKey(reference) => {
                let text = foreign_key(
                    &reference.foreign_table,
                    &reference.referred_columns,
                    dialect,
                )?;
                if reference.on_delete.is_some() || reference.on_update.is_some() {
                    return Err(unknown("a foreign key that acts", dialect));
                }
                rest.push_str(&text);
            }
            other if numbers_rows(&other.to_string(), dialect) => column.generated = true,
            other => return Err(unknown(&format!("`{other}`"), dialect)),
        }
    }
    if column.generated && !(key && kind.is_integer()) {
        return Err(unknown(
            "a numbered column that is not the primary key",
            dialect,
        ));
    }
    column.keyed |= key;
    column.required |= column.keyed;
    let name = quoted(&column.name);
    let (affinity, key) = match (column.generated, key) {
        // Only under this name does SQLite number the rows.
        (true, _) => ("INTEGER", " PRIMARY KEY AUTOINCREMENT"),
        (false, true) => (kind.affinity(), " NOT NULL PRIMARY KEY"),
        (false, false) if column.required => (kind.affinity(), " NOT NULL"),
        (false, false) => (kind.affinity(), ""),
    };
    let check = kind.check(&name).unwrap_or_default();
    Ok((column, format!("{name} {affinity}{key}{rest} {check}")))
}

/// Whether an option makes a column number its rows.
fn numbers_rows(option: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => option == "GENERATED BY DEFAULT AS IDENTITY",
        Dialect::Mysql => option == "AUTO_INCREMENT",
        Dialect::Tds => matches!(option, "IDENTITY" | "IDENTITY(1, 1)"),
    }
}

fn foreign_key(
    table: &ObjectName,
    columns: &[sqlparser::ast::Ident],
    dialect: Dialect,
) -> Result<String, Fault> {
    let name = quoted(&table_name(table, dialect)?);
    match columns {
        [] => Ok(format!(" REFERENCES {name}")),
        [column] => {
            let column = quoted(&folded(column, dialect));
            Ok(format!(" REFERENCES {name} ({column})"))
        }
        _ => Err(unknown("a foreign key of several columns", dialect)),
    }
}

/// A default: a literal, or the present time.
fn default(value: &Expr, kind: Type, dialect: Dialect) -> Result<String, Fault> {
    let literal = match value {
        Expr::Nested(inner) => return default(inner, kind, dialect),
        Expr::Function(function) if kind == Type::Timestamp => {
            let is_now = match (
                &function.args,
                function.name.to_string().to_lowercase().as_str(),
            ) {
                (FunctionArguments::None, "current_timestamp") => true,
                (FunctionArguments::List(list), "now") => list.args.is_empty(),
                _ => false,
            };
            if is_now {
                return Ok("CURRENT_TIMESTAMP".to_owned());
            }
            None
        }
        Expr::Value(value) => match &value.value {
            sqlparser::ast::Value::Null => Some(Value::Null),
            sqlparser::ast::Value::Boolean(bit) => Some(Value::Bool(*bit)),
            sqlparser::ast::Value::Number(digits, _) => number(digits),
            sqlparser::ast::Value::SingleQuotedString(text)
            | sqlparser::ast::Value::NationalStringLiteral(text) => Some(Value::Text(text.clone())),
            _ => None,
        },
        _ => None,
    };
    let literal = literal.ok_or_else(|| unknown(&format!("`default {value}`"), dialect))?;
    Ok(kind.fit(&literal)?.literal())
}

/// Reads a key of the whole table: SQLite's words for it, and its columns.
fn key(
    constraint: &TableConstraint,
    dialect: Dialect,
) -> Result<(&'static str, Vec<String>), Fault> {
    let (words, columns) = match constraint {
        TableConstraint::PrimaryKey(key) => (PRIMARY_KEY, &key.columns),
        TableConstraint::Unique(key) => ("UNIQUE", &key.columns),
        other => return Err(unknown(&format!("`{other}`"), dialect)),
    };
    let mut names = Vec::new();
    for IndexColumn { column, .. } in columns {
        let Expr::Identifier(name) = &column.expr else {
            return Err(unknown(&format!("`{constraint}`"), dialect));
        };
        names.push(folded(name, dialect));
    }
    Ok((words, names))
}

/// Drops tables; says so of none that may be absent.
pub(super) fn drop_tables(
    connection: &Connection,
    names: &[ObjectName],
    if_exists: bool,
    dialect: Dialect,
) -> Result<(), Fault> {
    for name in names {
        match catalog::find(connection, name, dialect) {
            Ok(table) => {
                connection.execute_batch(&format!("DROP TABLE {}", table.quoted()))?;
                table.delist(connection)?;
            }
            Err(Fault::NoTable(_)) if if_exists => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}
