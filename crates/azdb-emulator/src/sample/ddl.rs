//! `create table` and `drop table`.

use sqlparser::ast::{
    BinaryLength, CharacterLength, ColumnDef, ColumnOption, ColumnOptionDef, CreateTable, DataType,
    ExactNumberInfo, Expr, ForeignKeyConstraint, Statement as Tree, TableConstraint, TimezoneInfo,
};

use super::catalog::{find, folded, known, quoted, schema, table_name};
use super::expression::Writer;
use super::fault::Fault;
use super::parse::{Dialect, plain};
use super::types::{MAX_PRECISION, NUMBERED, Type};

/// The type that a column's type means, if the sample has it just so.
fn type_of(name: &DataType, dialect: Dialect) -> Option<Type> {
    use Dialect::{Postgres, Tds};
    match name {
        DataType::SmallInt(_) => Some(Type::SmallInt),
        DataType::Int(_) | DataType::Integer(_) => Some(Type::Int),
        DataType::BigInt(_) => Some(Type::BigInt),
        DataType::Bool | DataType::Boolean if dialect != Tds => Some(Type::Bool),
        DataType::Bit(None) if dialect == Tds => Some(Type::Bool),
        DataType::Numeric(ExactNumberInfo::PrecisionAndScale(precision, scale))
        | DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision, scale)) => {
            let (precision, scale) = (u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?);
            let has_room = (1..=MAX_PRECISION).contains(&precision) && scale <= precision;
            has_room.then_some(Type::Numeric(precision, scale))
        }
        DataType::Varchar(Some(CharacterLength::IntegerLength { length, unit: None }))
        | DataType::Nvarchar(Some(CharacterLength::IntegerLength { length, unit: None })) => {
            Some(Type::Text(Some(u32::try_from(*length).ok()?)))
        }
        DataType::Nvarchar(Some(CharacterLength::Max)) if dialect == Tds => Some(Type::Text(None)),
        DataType::Varbinary(Some(BinaryLength::Max)) if dialect == Tds => Some(Type::Bytes(None)),
        DataType::Text if dialect != Tds => Some(Type::Text(None)),
        DataType::Timestamp(None, TimezoneInfo::None) if dialect == Postgres => {
            Some(Type::Timestamp)
        }
        DataType::Custom(name, _) => match (dialect, name.to_string().to_lowercase().as_str()) {
            (Postgres, "serial") => Some(Type::Int),
            (Tds, "datetime2") => Some(Type::Timestamp),
            _ => None,
        },
        _ => None,
    }
}

fn is_serial(name: &DataType, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres && name.to_string().eq_ignore_ascii_case("serial")
}

impl Writer<'_> {
    /// Writes `create table`.
    pub(super) fn create(&mut self, mut create: CreateTable) -> Result<(), Fault> {
        let mut columns = std::mem::take(&mut create.columns);
        // `primary key (id)`, as generators of SQL write it, is the same as behind the column.
        for constraint in std::mem::take(&mut create.constraints) {
            let is_its_key = |column: &&mut ColumnDef| {
                constraint.to_string() == format!("PRIMARY KEY ({})", column.name)
            };
            let (Some(column), TableConstraint::PrimaryKey(key)) =
                (columns.iter_mut().find(is_its_key), &constraint)
            else {
                return Err(self.unknown(&format!("`{constraint}`")));
            };
            column.options.push(ColumnOptionDef {
                name: None,
                option: ColumnOption::PrimaryKey(key.clone()),
            });
        }
        let name = table_name(&create.name, self.dialect)?;
        let is_marked = self.dialect == Dialect::Tds && name.starts_with('#');
        let temporary = std::mem::take(&mut create.temporary) || is_marked;
        let is_plain = match plain("CREATE TABLE t (a int)") {
            Some(Tree::CreateTable(mut plain)) => {
                plain.columns.clear();
                plain.name = create.name.clone();
                plain == create
            }
            _ => false,
        };
        if !is_plain || columns.is_empty() || name.starts_with("sqlite") {
            return Err(self.unknown("a `create table` with more than columns"));
        }
        if known(self.connection, &name, temporary)?.is_some() {
            return Err(Fault::TableExists(name));
        }
        let columns = columns.iter().map(|one| self.column_of(one, temporary));
        let columns = columns.collect::<Result<Vec<String>, Fault>>()?;
        let (schema, name) = (schema(temporary), quoted(&name));
        self.push(&format!(
            "CREATE TABLE {schema}.{name} ({})",
            columns.join(", ")
        ));
        Ok(())
    }

    /// A column in SQLite's words.
    fn column_of(&self, column: &ColumnDef, temporary: bool) -> Result<String, Fault> {
        let kind = type_of(&column.data_type, self.dialect);
        let kind = kind.ok_or_else(|| self.unknown(&format!("the type `{}`", column.data_type)))?;
        let mut generated = is_serial(&column.data_type, self.dialect);
        let (mut required, mut keyed, mut rest) = (generated, false, String::new());
        for option in &column.options {
            match (option.option.to_string().as_str(), &option.option) {
                _ if option.name.is_some() => return Err(self.unknown(&format!("`{option}`"))),
                ("NULL", _) => {}
                ("NOT NULL", _) => required = true,
                ("PRIMARY KEY", _) => keyed = true,
                ("UNIQUE", _) => rest.push_str(" UNIQUE"),
                ("AUTO_INCREMENT", _) if self.dialect == Dialect::Mysql => generated = true,
                ("IDENTITY" | "IDENTITY(1, 1)", _) if self.dialect == Dialect::Tds => {
                    generated = true;
                }
                (_, ColumnOption::Default(value)) => {
                    rest.push_str(&format!(" DEFAULT {}", self.default_of(value, kind)?));
                }
                (_, ColumnOption::ForeignKey(key)) if !temporary => {
                    rest.push_str(&self.foreign_key(key)?);
                }
                (text, _) => return Err(self.unknown(&format!("`{text}`"))),
            }
        }
        if generated && !(keyed && kind == Type::Int) {
            return Err(self.unknown("a numbered column that is no primary key of type `int`"));
        }
        let name = quoted(&folded(&column.name, self.dialect));
        let (declared, key) = match (generated, keyed) {
            (true, _) => (NUMBERED.to_owned(), " PRIMARY KEY AUTOINCREMENT"),
            (false, true) => (kind.declared(), " NOT NULL PRIMARY KEY"),
            (false, false) if required => (kind.declared(), " NOT NULL"),
            (false, false) => (kind.declared(), ""),
        };
        let check = kind.check(&name).unwrap_or_default();
        Ok(format!("{name} {declared}{key}{rest} {check}"))
    }

    /// `references table (key)`.
    fn foreign_key(&self, key: &ForeignKeyConstraint) -> Result<String, Fault> {
        let table = find(self.connection, &key.foreign_table, self.dialect)?;
        let [column] = key.referred_columns.as_slice() else {
            return Err(self.unknown("a foreign key that names no column"));
        };
        let is_plain = key
            .to_string()
            .ends_with(&format!("{}({column})", key.foreign_table));
        let column = table.column(column, self.dialect)?;
        if !is_plain || !column.keyed || table.temporary {
            return Err(self.unknown(&format!("the foreign key `{key}`")));
        }
        let (table, column) = (quoted(&table.name), quoted(&column.name));
        Ok(format!(" REFERENCES {table} ({column})"))
    }

    /// A default: a literal, or the present time.
    fn default_of(&self, value: &Expr, kind: Type) -> Result<String, Fault> {
        let is_now = value.to_string().eq_ignore_ascii_case("current_timestamp");
        if is_now && kind == Type::Timestamp {
            return Ok("CURRENT_TIMESTAMP".to_owned());
        }
        match self.literal(value)? {
            Some(literal) => Ok(kind.fit(&literal)?.literal()),
            None => Err(self.unknown(&format!("`default {value}`"))),
        }
    }

    /// Writes `drop table`; nothing for one that may be absent.
    pub(super) fn drop(&mut self, dropped: &Tree) -> Result<(), Fault> {
        let Tree::Drop {
            names, if_exists, ..
        } = dropped
        else {
            return Err(self.unknown("such a `drop`"));
        };
        let absent = if *if_exists { "IF EXISTS " } else { "" };
        let one = names.first().filter(|_| names.len() == 1);
        let plain = one.map(|name| format!("DROP TABLE {absent}{name}"));
        let (Some(name), true) = (one, plain == Some(dropped.to_string())) else {
            return Err(self.unknown("a `drop` of anything but one table"));
        };
        match find(self.connection, name, self.dialect) {
            Ok(table) => self.push(&format!("DROP TABLE {}", table.quoted())),
            Err(Fault::NoTable(_)) if *if_exists => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    }
}
