//! The server: its databases, its attributes, its types and its procedures.

use super::super::super::value::{Datum, SqlType};
use super::super::Engine;
use super::super::canned::Canned;
use super::arguments::Arguments;
use super::odbc::described;
use super::{Generation, INT, NAME, REMARK, SMALL, int, or_null, result};

const WORD: SqlType = SqlType::VarChar(Some(32));

const DATABASES: [(&str, SqlType); 3] = [
    ("DATABASE_NAME", NAME),
    ("DATABASE_SIZE", INT),
    ("REMARKS", REMARK),
];

const ATTRIBUTES: [(&str, SqlType); 3] = [
    ("ATTRIBUTE_ID", INT),
    ("ATTRIBUTE_NAME", SqlType::VarChar(Some(60))),
    ("ATTRIBUTE_VALUE", SqlType::VarChar(Some(255))),
];

const TYPES: [(&str, SqlType); 20] = [
    ("TYPE_NAME", NAME),
    ("DATA_TYPE", SMALL),
    ("PRECISION", INT),
    ("LITERAL_PREFIX", WORD),
    ("LITERAL_SUFFIX", WORD),
    ("CREATE_PARAMS", WORD),
    ("NULLABLE", SMALL),
    ("CASE_SENSITIVE", SMALL),
    ("SEARCHABLE", SMALL),
    ("UNSIGNED_ATTRIBUTE", SMALL),
    ("MONEY", SMALL),
    ("AUTO_INCREMENT", SMALL),
    ("LOCAL_TYPE_NAME", NAME),
    ("MINIMUM_SCALE", SMALL),
    ("MAXIMUM_SCALE", SMALL),
    ("SQL_DATA_TYPE", SMALL),
    ("SQL_DATETIME_SUB", SMALL),
    ("NUM_PREC_RADIX", INT),
    ("INTERVAL_PRECISION", SMALL),
    ("USERTYPE", SMALL),
];

const PROCEDURES: [(&str, SqlType); 8] = [
    ("PROCEDURE_QUALIFIER", NAME),
    ("PROCEDURE_OWNER", NAME),
    ("PROCEDURE_NAME", SqlType::NVarChar(Some(134))),
    ("NUM_INPUT_PARAMS", INT),
    ("NUM_OUTPUT_PARAMS", INT),
    ("NUM_RESULT_SETS", INT),
    ("REMARKS", REMARK),
    ("PROCEDURE_TYPE", SMALL),
];

const PROCEDURE_COLUMNS: [(&str, SqlType); 20] = [
    ("PROCEDURE_QUALIFIER", NAME),
    ("PROCEDURE_OWNER", NAME),
    ("PROCEDURE_NAME", SqlType::NVarChar(Some(134))),
    ("COLUMN_NAME", NAME),
    ("COLUMN_TYPE", SMALL),
    ("DATA_TYPE", SMALL),
    ("TYPE_NAME", NAME),
    ("PRECISION", INT),
    ("LENGTH", INT),
    ("SCALE", SMALL),
    ("RADIX", SMALL),
    ("NULLABLE", SMALL),
    ("REMARKS", REMARK),
    ("COLUMN_DEF", SqlType::NVarChar(Some(4000))),
    ("SQL_DATA_TYPE", SMALL),
    ("SQL_DATETIME_SUB", SMALL),
    ("CHAR_OCTET_LENGTH", INT),
    ("ORDINAL_POSITION", INT),
    ("IS_NULLABLE", REMARK),
    ("SS_DATA_TYPE", SqlType::TinyInt),
];

/// What `sp_server_info` says.
const KNOWN: [(i64, &str, &str); 8] = [
    (1, "DBMS_NAME", "Microsoft SQL Server"),
    (2, "DBMS_VER", "Microsoft SQL Azure (RTM) - 12.0.2000.8"),
    (10, "OWNER_TERM", "owner"),
    (11, "TABLE_TERM", "table"),
    (12, "MAX_OWNER_NAME_LENGTH", "128"),
    (13, "TABLE_LENGTH", "128"),
    (16, "IDENTIFIER_CASE", "MIXED"),
    (17, "TX_ISOLATION", "2"),
];

/// Types, with what a declaration may add to them, as long as they can be.
const ALL: [(SqlType, Option<&str>); 30] = [
    (SqlType::DateTimeOffset(7), Some("scale")),
    (SqlType::Time(7), Some("scale")),
    (SqlType::Xml, None),
    (SqlType::Variant, None),
    (SqlType::UniqueIdentifier, None),
    (SqlType::NText, None),
    (SqlType::NVarChar(Some(4000)), Some("max length")),
    (SqlType::NChar(4000), Some("length")),
    (SqlType::Bit, None),
    (SqlType::TinyInt, None),
    (SqlType::BigInt, None),
    (SqlType::Image, None),
    (SqlType::VarBinary(Some(8000)), Some("max length")),
    (SqlType::Binary(8000), Some("length")),
    (SqlType::Text, None),
    (SqlType::Char(8000), Some("length")),
    (SqlType::Decimal(38, 38), Some("precision,scale")),
    (SqlType::Money, None),
    (SqlType::SmallMoney, None),
    (SqlType::Int, None),
    (SqlType::SmallInt, None),
    (SqlType::Float, None),
    (SqlType::Real, None),
    (SqlType::VarChar(Some(8000)), Some("max length")),
    (SqlType::Date, None),
    (SqlType::DateTime2(7), Some("scale")),
    (SqlType::DateTime, None),
    (SqlType::SmallDateTime, None),
    (SqlType::VarChar(None), None),
    (SqlType::NVarChar(None), None),
];

impl Engine {
    /// The one database that a session can see, whose size nobody knows.
    pub(super) fn databases(&self) -> Canned {
        let row = vec![Datum::text(&self.database), Datum::Null, Datum::Null];
        result(&DATABASES, vec![row])
    }
}

pub(super) fn info(given: &Arguments) -> Canned {
    let wanted = given.number(0, "@attribute_id");
    let known = KNOWN.iter();
    let known = known.filter(|(id, _, _)| wanted.is_none_or(|wanted| wanted == *id));
    let rows = known.map(|(id, name, value)| vec![int(*id), Datum::text(name), Datum::text(value)]);
    result(&ATTRIBUTES, rows.collect())
}

pub(super) fn types(given: &Arguments, generation: Generation) -> Canned {
    let wanted = given.number(0, "@data_type").unwrap_or(0);
    let odbc = given.number(1, "@odbcver").unwrap_or(2);
    let known = ALL.iter();
    // Longer forms of a type are no types of their own.
    let known =
        known.filter(|(kind, _)| !matches!(kind, SqlType::VarChar(None) | SqlType::NVarChar(None)));
    let mut rows: Vec<(i64, Vec<Datum>)> = known
        .map(|(kind, parameters)| {
            let of = described(*kind, generation, odbc);
            (of.code, type_row(*kind, *parameters, generation, odbc))
        })
        .filter(|(code, _)| wanted == 0 || wanted == *code)
        .collect();
    rows.sort_by_key(|(code, _)| *code);
    result(&TYPES, rows.into_iter().map(|(_, row)| row).collect())
}

fn type_row(
    kind: SqlType,
    parameters: Option<&str>,
    generation: Generation,
    odbc: i64,
) -> Vec<Datum> {
    let of = described(kind, generation, odbc);
    let text = |text: Option<&str>| text.map_or(Datum::Null, Datum::text);
    let is_wide = matches!(
        kind,
        SqlType::NChar(_) | SqlType::NVarChar(_) | SqlType::NText
    );
    let quotes = match kind {
        kind if is_wide || kind == SqlType::Xml => (Some("N'"), Some("'")),
        kind if kind.is_text() || kind == SqlType::UniqueIdentifier || kind.is_moment() => {
            (Some("'"), Some("'"))
        }
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Image => (Some("0x"), None),
        SqlType::Money | SqlType::SmallMoney => (Some("$"), None),
        _ => (None, None),
    };
    let is_money = matches!(kind, SqlType::Money | SqlType::SmallMoney);
    let is_number = of.radix.is_some();
    let is_long = matches!(
        kind,
        SqlType::Text | SqlType::NText | SqlType::Image | SqlType::Xml
    );
    let is_whole = matches!(
        kind,
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt
    );
    let numeric = |value: bool| if is_number { int(value) } else { Datum::Null };
    let scales = match kind {
        SqlType::Decimal(..) => (Some(0), Some(38)),
        SqlType::Time(_) | SqlType::DateTime2(_) | SqlType::DateTimeOffset(_) => (Some(0), Some(7)),
        _ => (of.scale, of.scale),
    };
    let searchable = match (is_long, kind.is_text()) {
        (true, true) => 1,
        (true, false) => 0,
        (false, true) => 3,
        (false, false) => 2,
    };
    vec![
        Datum::text(kind.name()),
        int(of.code),
        int(of.precision),
        text(quotes.0),
        text(quotes.1),
        text(parameters),
        int(1),
        int(0),
        int(searchable),
        numeric(kind == SqlType::TinyInt),
        int(is_money),
        if is_whole || matches!(kind, SqlType::Decimal(..)) {
            int(0)
        } else {
            numeric(false)
        },
        Datum::text(kind.name()),
        or_null(scales.0),
        or_null(scales.1),
        int(of.verbose()),
        or_null(of.sub),
        or_null(of.radix),
        Datum::Null,
        int(0),
    ]
}

/// The sample has none of its own.
pub(super) fn procedures() -> Canned {
    result(&PROCEDURES, Vec::new())
}

pub(super) fn procedure_columns() -> Canned {
    result(&PROCEDURE_COLUMNS, Vec::new())
}
