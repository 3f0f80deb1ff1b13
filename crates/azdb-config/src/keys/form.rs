//! What values look like, for those who describe them.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use azdb_quote::Spelled;

use super::Table;

/// What values of a kind look like.
pub(crate) enum Form {
    /// A string; what stands in it, in Markdown.
    Text(&'static str),
    /// One of these.
    Words(Vec<&'static str>),
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Whole(RangeInclusive<u32>),
    /// A duration.
    Time(RangeInclusive<Duration>),
    /// The mode of a file.
    Octal,
    /// One or several.
    List(Box<Form>),
    /// A table with these keys.
    Table(&'static Table),
    /// Several tables with these keys: `[[NAME]]`.
    Tables(&'static Table),
    /// A table with any keys.
    Map(Box<Form>),
    /// One of these.
    Either(Vec<Form>),
}

/// In Markdown.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(form) => f.write_str(form),
            Self::Words(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
                f.write_str(&words.join(", "))
            }
            Self::Switch => f.write_str("`true`, `false`"),
            Self::Whole(range) => write!(f, "{} to {}", range.start(), range.end()),
            Self::Time(range) => {
                let (least, most) = (Spelled(*range.start()), Spelled(*range.end()));
                write!(f, "`\"{least}\"` to `\"{most}\"`")
            }
            Self::Octal => f.write_str("`\"0660\"` or `0o660`"),
            Self::List(item) => write!(f, "list: {item}"),
            Self::Table(table) => {
                let names: Vec<&str> = table.names().collect();
                match names.as_slice() {
                    [_, _, _, ..] => write!(f, "a table like `[{}]`", table.name),
                    few => write!(f, "`{{ {} }}`", few.join(", ")),
                }
            }
            Self::Tables(table) => write!(f, "any number of {}", table.title),
            Self::Map(item) => write!(f, "table: {item}"),
            Self::Either(forms) => {
                let forms: Vec<String> = forms.iter().map(ToString::to_string).collect();
                f.write_str(&forms.join(", "))
            }
        }
    }
}
