//! PostgreSQL's types, as far as clients ask for them: ids, sizes, names.

mod table;

pub(in crate::postgres) use table::{BaseType, TYPES};

/// A type with its modifier, as a column has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) struct ColumnType {
    /// `pg_type.oid`.
    pub(in crate::postgres) oid: u32,
    /// `pg_attribute.atttypmod`; -1 for none.
    pub(in crate::postgres) modifier: i32,
}

pub(in crate::postgres) const BOOL: ColumnType = ColumnType::of(16);
pub(in crate::postgres) const BYTEA: ColumnType = ColumnType::of(17);
pub(in crate::postgres) const NAME: ColumnType = ColumnType::of(19);
pub(in crate::postgres) const INT8: ColumnType = ColumnType::of(20);
pub(in crate::postgres) const INT2: ColumnType = ColumnType::of(21);
pub(in crate::postgres) const INT4: ColumnType = ColumnType::of(23);
pub(in crate::postgres) const TEXT: ColumnType = ColumnType::of(25);
pub(in crate::postgres) const FLOAT4: ColumnType = ColumnType::of(700);
pub(in crate::postgres) const FLOAT8: ColumnType = ColumnType::of(701);
pub(in crate::postgres) const TEXT_ARRAY: ColumnType = ColumnType::of(1009);
pub(in crate::postgres) const VARCHAR: ColumnType = ColumnType::of(1043);
pub(in crate::postgres) const BPCHAR: ColumnType = ColumnType::of(1042);
pub(in crate::postgres) const DATE: ColumnType = ColumnType::of(1082);
pub(in crate::postgres) const TIME: ColumnType = ColumnType::of(1083);
pub(in crate::postgres) const TIMESTAMP: ColumnType = ColumnType::of(1114);
pub(in crate::postgres) const TIMESTAMPTZ: ColumnType = ColumnType::of(1184);
pub(in crate::postgres) const NUMERIC: ColumnType = ColumnType::of(1700);
pub(in crate::postgres) const OID: ColumnType = ColumnType::of(26);
pub(in crate::postgres) const JSON: ColumnType = ColumnType::of(114);
pub(in crate::postgres) const JSONB: ColumnType = ColumnType::of(3802);
pub(in crate::postgres) const REGCLASS: ColumnType = ColumnType::of(2205);
pub(in crate::postgres) const REGTYPE: ColumnType = ColumnType::of(2206);
pub(in crate::postgres) const REGNAMESPACE: ColumnType = ColumnType::of(4089);
pub(in crate::postgres) const REGROLE: ColumnType = ColumnType::of(4096);
pub(in crate::postgres) const UUID: ColumnType = ColumnType::of(2950);
pub(in crate::postgres) const INTERVAL: ColumnType = ColumnType::of(1186);
pub(in crate::postgres) const CHAR: ColumnType = ColumnType::of(18);
pub(in crate::postgres) const VOID: ColumnType = ColumnType::of(2278);

/// PostgreSQL adds the size of a length word to the modifiers of strings and numbers.
const HEADER: i32 = 4;

impl ColumnType {
    /// The type without modifier.
    pub(in crate::postgres) const fn of(oid: u32) -> Self {
        Self { oid, modifier: -1 }
    }

    /// `numeric` that is shown with so many digits behind the point, though nobody declared it: what
    /// PostgreSQL carries in each value, and SQLite does not. Its modifier has precision 0, which no
    /// column can have.
    pub(in crate::postgres) fn numeric_shown(scale: usize) -> Self {
        let scale = i32::try_from(scale).unwrap_or(0) & 0xffff;
        Self {
            modifier: scale + HEADER,
            ..NUMERIC
        }
    }

    /// The type as clients are told it.
    pub(in crate::postgres) fn told(self) -> Self {
        let is_shown_only = self.oid == NUMERIC.oid && (self.modifier - HEADER) >> 16 == 0;
        if is_shown_only { NUMERIC } else { self }
    }

    /// Reads a type's name as SQL and `CREATE TABLE` have it: `varchar(40)`, `numeric(10,2)`,
    /// `timestamp(3) with time zone`, `int[]`, `"char"`, `pg_catalog.int4`.
    pub(in crate::postgres) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(open) = text.find('[') {
            let element = Self::parse(text.get(..open)?)?;
            return element.array();
        }
        let mut name = text.to_ascii_lowercase();
        let mut arguments = Vec::new();
        if let Some((before, rest)) = name.split_once('(') {
            let (inside, after) = rest.split_once(')')?;
            for argument in inside.split(',') {
                arguments.push(argument.trim().parse::<i32>().ok()?);
            }
            name = format!("{before} {after}");
        }
        let words: Vec<&str> = name.split_whitespace().collect();
        let name = words.join(" ");
        let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
        if name == "\"char\"" {
            return Some(CHAR);
        }
        let known = table::SYNONYMS.iter().find(|(synonym, _)| *synonym == name);
        let oid = known.map(|(_, oid)| *oid);
        let oid = oid.or_else(|| TYPES.iter().find(|t| t.name == name).map(|t| t.oid))?;
        Some(Self::of(oid).modified(name, &arguments))
    }

    fn modified(self, name: &str, arguments: &[i32]) -> Self {
        let modifier = match (self.oid, arguments) {
            (1042, []) if name != "bpchar" => 1 + HEADER,
            (1042 | 1043, [length]) => length + HEADER,
            (1700, [precision]) => (precision << 16) + HEADER,
            (1700, [precision, scale]) => (precision << 16 | scale) + HEADER,
            (1083 | 1114 | 1184 | 1266, [precision]) => *precision,
            _ => -1,
        };
        Self { modifier, ..self }
    }

    /// The array type of this element type.
    pub(in crate::postgres) fn array(self) -> Option<Self> {
        let array = self.base()?.array;
        (array != 0).then_some(Self::of(array))
    }

    /// The element type of this array type.
    pub(in crate::postgres) fn element(self) -> Option<Self> {
        let element = self.base()?.element;
        (element != 0).then_some(Self::of(element))
    }

    /// The row of `pg_type`.
    pub(in crate::postgres) fn base(self) -> Option<&'static BaseType> {
        TYPES.iter().find(|base| base.oid == self.oid)
    }

    /// What `format_type` says: `numeric(10,2)`, `timestamp without time zone`.
    pub(in crate::postgres) fn title(self) -> String {
        let Some(base) = self.base() else {
            return "???".to_owned();
        };
        let title = base.title;
        match (self.oid, self.told().modifier) {
            (_, -1) => title.to_owned(),
            (1042 | 1043, modifier) => format!("{title}({})", modifier - HEADER),
            (1700, modifier) => {
                let modifier = modifier - HEADER;
                format!("{title}({},{})", modifier >> 16, modifier & 0xffff)
            }
            (1083 | 1114 | 1184 | 1266, precision) => match title.split_once(' ') {
                Some((word, rest)) => format!("{word}({precision}) {rest}"),
                None => title.to_owned(),
            },
            _ => title.to_owned(),
        }
    }

    /// `typlen`.
    pub(in crate::postgres) fn size(self) -> i16 {
        self.base().map_or(-1, |base| base.size)
    }

    /// Digits behind the point of a `numeric(p,s)`.
    pub(in crate::postgres) fn scale(self) -> Option<usize> {
        if self.oid != NUMERIC.oid || self.modifier < HEADER {
            return None;
        }
        usize::try_from((self.modifier - HEADER) & 0xffff).ok()
    }

    /// Characters of a `char(n)`.
    pub(in crate::postgres) fn padded_length(self) -> Option<usize> {
        if self.oid != BPCHAR.oid || self.modifier < HEADER {
            return None;
        }
        usize::try_from(self.modifier - HEADER).ok()
    }

    /// The same type as any other of its kind: without modifier.
    pub(in crate::postgres) fn unmodified(self) -> Self {
        Self::of(self.oid)
    }

    /// `smallint`, `integer` or `bigint`.
    pub(in crate::postgres) fn is_integer(self) -> bool {
        matches!(self.oid, 20 | 21 | 23)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> String {
        ColumnType::parse(text).map_or_else(|| "-".to_owned(), ColumnType::title)
    }

    #[test]
    fn names_are_read_and_written_as_postgresql_does() {
        for (text, expected) in [
            ("int", "integer"),
            ("INTEGER", "integer"),
            ("bigserial", "bigint"),
            ("varchar(40)", "character varying(40)"),
            ("character varying ( 7 )", "character varying(7)"),
            ("char(2)", "character(2)"),
            ("char", "character(1)"),
            ("bpchar", "character"),
            ("\"char\"", "\"char\""),
            ("numeric(10,2)", "numeric(10,2)"),
            ("decimal(5)", "numeric(5,0)"),
            ("numeric", "numeric"),
            ("timestamp", "timestamp without time zone"),
            (
                "timestamp (3) with time zone",
                "timestamp(3) with time zone",
            ),
            ("timestamptz", "timestamp with time zone"),
            ("double precision", "double precision"),
            ("text[]", "text[]"),
            ("int4[3]", "integer[]"),
            ("pg_catalog.int2", "smallint"),
            ("nonsense", "-"),
        ] {
            assert_eq!(title(text), expected, "{text}");
        }
    }

    #[test]
    fn scale_is_that_of_the_modifier() {
        assert_eq!(
            ColumnType::parse("numeric(10,2)").and_then(ColumnType::scale),
            Some(2)
        );
        assert_eq!(
            ColumnType::parse("numeric").and_then(ColumnType::scale),
            None
        );
    }

    #[test]
    fn every_array_leads_back_to_its_element() {
        for base in &TYPES {
            if base.array != 0 {
                let array = ColumnType::of(base.array);
                assert_eq!(
                    array.element(),
                    Some(ColumnType::of(base.oid)),
                    "{}",
                    base.name
                );
            }
        }
    }
}
