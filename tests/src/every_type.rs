//! What the sample's view of all types, `dbo.every_type`, says, and what apps saw of it.

use serde_json::Value;

/// The view's columns: the first three rows. `9*x` is x nine times, `·` is nothing.
///
/// The fourth row is NULL where a column takes it; the fifth has empty texts and bytes, and is otherwise as the first.
const VALUES: &str = "
c_bit | 1 | 0 | 1
c_tinyint | 7 | 0 | 255
c_smallint | -7 | -32768 | 32767
c_int | -7 | -2147483648 | 2147483647
c_bigint | -7 | -9223372036854775808 | 9223372036854775807
c_real | 1.5 | -3.4028235e38 | 3.4028235e38
c_float | -1.5 | -1.7976931348623157e308 | 1.7976931348623157e308
c_smallmoney | -1.25 | -214748.3648 | 214748.3647
c_money | -1.25 | -922337203685477.5808 | 922337203685477.5807
c_decimal_10_2 | -1.25 | -99999999.99 | 99999999.99
c_decimal_38_0 | 12345678901234567890123456789012345678 | -99999999999999999999999999999999999999 | 99999999999999999999999999999999999999
c_decimal_38_38 | 0.00000000000000000000000000000000000001 | -0.99999999999999999999999999999999999999 | 0.99999999999999999999999999999999999999
c_smalldatetime | 2026-03-02 08:15:00 | 1900-01-01 00:00:00 | 2079-06-06 23:59:00
c_datetime | 2026-03-02 08:15:00.123 | 1753-01-01 00:00:00 | 9999-12-31 23:59:59.997
c_date | 2026-03-02 | 0001-01-01 | 9999-12-31
c_time_0 | 08:15:07 | 00:00:00 | 23:59:59
c_time_3 | 08:15:07.123 | 00:00:00.000 | 23:59:59.999
c_time_7 | 08:15:07.1234567 | 00:00:00.0000000 | 23:59:59.9999999
c_datetime2_0 | 2026-03-02 08:15:07 | 0001-01-01 00:00:00 | 9999-12-31 23:59:59
c_datetime2_3 | 2026-03-02 08:15:07.123 | 0001-01-01 00:00:00.000 | 9999-12-31 23:59:59.999
c_datetime2_7 | 2026-03-02 08:15:07.1234567 | 0001-01-01 00:00:00.0000000 | 9999-12-31 23:59:59.9999999
c_datetimeoffset_0 | 2026-03-02 08:15:07 -03:30 | 0001-01-01 00:00:00 +00:00 | 9999-12-31 23:59:59 +14:00
c_datetimeoffset_3 | 2026-03-02 00:15:07.123 +01:00 | 0001-01-01 00:00:00.000 -14:00 | 9999-12-31 23:59:59.999 +00:00
c_datetimeoffset_7 | 2026-03-02 23:15:07.1234567 -01:00 | 0001-01-01 00:00:00.0000000 +00:00 | 9999-12-31 23:59:59.9999999 +14:00
c_uniqueidentifier | 01234567-89AB-CDEF-0123-456789ABCDEF | 00000000-0000-0000-0000-000000000000 | FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF
c_char | naïve | · | 5*é
c_nchar | Łódź | · | 5*Ω
c_varchar | naïve € | x | 8000*é
c_nvarchar | Łódź 😀 | x | 4000*Ω
c_binary | 0102000000 | 0000000000 | 5*ff
c_varbinary | 010200 | 00 | 8000*fe
c_varchar_max | naïve € | x | 20000*é
c_nvarchar_max | Łódź 😀 | x | 20000*Ω
c_varbinary_max | 010200 | 00 | 20000*fe
c_text | naïve € | x | 20000*é
c_ntext | Łódź 😀 | x | 20000*Ω
c_image | 010200 | 00 | 20000*fe
c_xml | <a b=\"Łódź\">😀</a> | <a/> | 2000*<a>Ω</a>
c_variant | Łódź | -2147483648 | 9999-12-31 23:59:59.999
c_variant_of_date | 2026-03-02 | 08:15:07.123 | 2026-03-02 08:15:07.1234567 -03:30
c_variant_of_other | -1.25 | naïve | 01234567-89AB-CDEF-0123-456789ABCDEF
c_hierarchyid | 58 | · | 5ac0
c_geometry | 00000000010c000000000000f03f0000000000000040 | 00000000010c00000000000000000000000000000000 | 00000000010c0000000000001840000000000000f0bf
r_bit | 1 | 0 | 1
r_int | -7 | -2147483648 | 2147483647
r_float | -1.5 | 0 | 1.7976931348623157e308
r_datetime | 2026-03-02 08:15:00.123 | 1753-01-01 00:00:00 | 9999-12-31 23:59:59.997
";

/// The names of its columns, with commas between them.
#[must_use]
pub fn every_column() -> String {
    let names = columns().map(|(name, _)| name);
    names.collect::<Vec<_>>().join(",")
}

/// Whether its values are what no TDS before 7.3 has: dates and times that are no `datetime`.
#[must_use]
pub fn is_new_date(column: &str) -> bool {
    ["c_date_", "c_time_", "c_datetime2_", "c_datetimeoffset_"]
        .iter()
        .any(|start| format!("{column}_").starts_with(start))
}

/// That the app saw the view's values in these columns. What stands under `run` says which app, where it did not.
///
/// # Panics
///
/// When it saw others.
#[track_caller]
pub fn assert_every_value(seen: &Value, is_told: impl Fn(&str) -> bool) {
    let mut wrong = Vec::new();
    for (name, rows) in columns().filter(|(name, _)| is_told(name)) {
        let shown = |value: &Value| value.as_str().map(|text| plain(name, text));
        let found: Option<Vec<_>> = seen[name]
            .as_array()
            .map(|values| values.iter().map(shown).collect());
        let rows = rows.iter().map(Option::as_deref);
        let expected: Vec<_> = rows.map(|row| row.map(|text| plain(name, text))).collect();
        if found.as_ref() != Some(&expected) {
            wrong.push(differing(name, &seen[name], &format!("{expected:?}")));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", seen["run"], wrong.join("\n"));
}

/// That an app on the same driver sees the same where it reads an older version. Not of dates and times, which it sees as text unless
/// it is one that has them; nor of `bigint`, variants and types of the CLR, which a server may have as others in 7.0 and 7.1.
///
/// # Panics
///
/// When it sees something else.
#[track_caller]
pub fn assert_same_values(older: &Value, newer: &Value, has_dates: bool) {
    let differs = |name: &&str| {
        let is_other = ["bigint", "variant", "hierarchyid", "geometry"];
        let is_same = has_dates || !is_new_date(name);
        is_same && !is_other.iter().any(|word| name.contains(word)) && older[*name] != newer[*name]
    };
    let wrong: Vec<_> = columns()
        .map(|(name, _)| name)
        .filter(differs)
        .map(|name| differing(name, &older[name], &newer[name].to_string()))
        .collect();
    assert!(wrong.is_empty(), "{}\n{}", older["run"], wrong.join("\n"));
    if !has_dates {
        assert_every_value(older, is_new_date);
    }
}

fn differing(name: &str, found: &Value, expected: &str) -> String {
    let short = |text: &str| text.chars().take(300).collect::<String>();
    let (found, expected) = (short(&found.to_string()), short(expected));
    format!("{name}: {found}, not {expected}")
}

/// Names and rows.
fn columns() -> impl Iterator<Item = (&'static str, [Option<String>; 5])> {
    VALUES.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut cells = line.split(" | ");
        let name = cells.next().unwrap();
        let [usual, least, greatest] = [(); 3].map(|()| written(cells.next().unwrap()));
        let null = name.starts_with("r_").then(|| usual.clone());
        let is_variable = ["char", "text", "binary", "image", "xml"]
            .iter()
            .any(|word| name.contains(word));
        let empty = match name {
            "c_binary" => "0000000000".to_owned(),
            _ if is_variable => String::new(),
            _ => usual.clone(),
        };
        (
            name,
            [Some(usual), Some(least), Some(greatest), null, Some(empty)],
        )
    })
}

/// A value of the table above.
fn written(cell: &str) -> String {
    match cell.split_once('*') {
        Some((times, text)) => text.repeat(times.parse().unwrap()),
        None if cell == "·" => String::new(),
        None => cell.to_owned(),
    }
}

/// A value in the one form that all drivers' forms come down to.
fn plain(column: &str, text: &str) -> String {
    let is = |words: &[&str]| words.iter().any(|word| column.contains(word));
    if column == "c_real" {
        return format!("{:e}", text.parse::<f64>().unwrap_or(f64::NAN) as f32);
    }
    if column.contains("float") {
        return format!("{:e}", text.parse::<f64>().unwrap_or(f64::NAN));
    }
    if column == "c_uniqueidentifier" || column == "c_variant_of_other" {
        return without_zeros(&text.to_uppercase());
    }
    if is(&["money", "decimal", "smalldatetime", "_datetime"]) && !is_new_date(column)
        || column == "c_variant"
    {
        return without_zeros(text);
    }
    if is(&["char", "text"]) {
        return text.trim_end_matches(' ').to_owned();
    }
    text.to_owned()
}

/// Without zeros at the end of a number's or a second's fraction.
fn without_zeros(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}
