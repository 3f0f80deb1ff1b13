//! What drivers say before, between and after statements, and the answers to it: a table, no dialect.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::greeting::VERSION;
use crate::sample::{Dialect, Fault, items, unknown};

/// The longest text that may be chatter.
const LONGEST: usize = 4096;

/// What a text asks for.
pub(super) enum Order {
    /// Other values of variables.
    Set(Vec<(String, String)>),
    /// The names of the tables.
    Tables,
    /// These rows of text.
    Rows(Vec<&'static str>, Vec<Vec<String>>),
    /// This, by the sample.
    Statement(String),
}

/// What the chatter is about.
pub(super) struct Surroundings {
    pub(super) id: u32,
    pub(super) user: String,
    pub(super) database: String,
    /// Variables that the session has set, those of its own with `@`.
    pub(super) variables: HashMap<String, String>,
}

/// Whole statements, without regard to case, and their answers.
type Answer = fn(&Surroundings, &Captures<'_>) -> Result<Order, Fault>;
const STATEMENTS: [(&str, Answer); 6] = [
    (r".*/\*!.*", |_, _| {
        Err(unknown("comments with versions", Dialect::Mysql))
    }),
    (r"set\s+(.*)", |around, found| around.set(&found[1])),
    (r"show\s+tables", |_, _| Ok(Order::Tables)),
    (r"show\s+(?:databases|schemas)", |around, _| {
        let name = match around.database.as_str() {
            "" => "sample",
            name => name,
        };
        Ok(Order::Rows(vec!["Database"], vec![vec![name.to_owned()]]))
    }),
    (
        r"show\s+(?:session\s+|global\s+)?variables\s+like\s+'([^'%]*)'",
        |around, found| {
            let row = |value| vec![found[1].to_owned(), value];
            let rows = around.variable(&found[1]).into_iter().map(row);
            Ok(Order::Rows(vec!["Variable_name", "Value"], rows.collect()))
        },
    ),
    (r"select\s+(.*?)(\s+limit\s+1)?", |around, found| {
        let limit = found.get(2).map_or("", |limit| limit.as_str());
        around.select(&found[1], limit)
    }),
];

/// What may be set: the name and the value where somebody could ask for it, and what is as it is wished anyway.
const SETTINGS: [&str; 11] = [
    r"names\s+'?utf8(?:mb3|mb4)?'?(?:\s+collate\s+'?utf8\w+'?)?",
    r"role\s+(?:default|all)",
    r"optimizer_trace_offset\s*=\s*default",
    r"(?:character_set_(?:client|results)|collation_connection)\s*=\s*\d+",
    r"(?:session\s+)?transaction\s+isolation\s+level\s+read\s+committed",
    r"sql_mode\s*=\s*concat\(\s*@@sql_mode\s*,\s*',strict_trans_tables'\s*\)",
    r"(?:@@)?(?:session[\s.])?\s*(autocommit)\s*=\s*'?(0|1|on|off|true|false)'?",
    r"(?:@@)?(?:session[\s.])?\s*(character_set_results|character_set_server|collation_\w+|sql_mode|time_zone)\s*=\s*'?(utf8\w*|null|strict_trans_tables|\+00:00|utc)'?",
    r"(?:session\s+)?((?:net_write|net_read|wait|interactive)_timeout)\s*=\s*(\d+)",
    r"(?:session\s+)?(session_track_\w+)\s*=\s*(\d|on|off)",
    r"(@\w+)\s*:?=\s*(-?\d+|'[^'\\]*')",
];

/// An item of a select that is about the session, and the name that it is given.
const ITEM: &str = r"(@@(?:session\.|global\.)?\w+|@\w+|(?:current_user|session_user|user|system_user|database|schema|version|connection_id)\s*\(\s*\)|current_user)(?:\s+(?:as\s+)?[`'\x22]?(\w+)[`'\x22]?)?";

/// Variables that drivers ask for, as far as no session has set them.
const VARIABLES: [(&str, &str); 24] = [
    ("activate_all_roles_on_login", "0"),
    ("auto_increment_increment", "1"),
    ("autocommit", "1"),
    ("character_set_client", "utf8mb4"),
    ("character_set_connection", "utf8mb4"),
    ("character_set_results", "utf8mb4"),
    ("character_set_server", "utf8mb4"),
    ("collation_connection", "utf8mb4_general_ci"),
    ("collation_server", "utf8mb4_general_ci"),
    ("init_connect", ""),
    ("interactive_timeout", "28800"),
    ("license", ""),
    ("lower_case_table_names", "0"),
    ("max_allowed_packet", "67108864"),
    ("net_write_timeout", "60"),
    ("performance_schema", "0"),
    ("sql_mode", "STRICT_TRANS_TABLES"),
    ("system_time_zone", "UTC"),
    ("time_zone", "UTC"),
    ("transaction_isolation", "READ-COMMITTED"),
    ("transaction_read_only", "0"),
    ("version", VERSION),
    ("version_comment", "azdb-emulator"),
    ("wait_timeout", "28800"),
];

/// A pattern of a whole text, without regard to case.
fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!(r"(?is)^(?:{pattern})$")).ok()
}

/// What `text` asks for.
pub(super) fn order(text: &str, around: &Surroundings) -> Result<Order, Fault> {
    static TABLE: LazyLock<Vec<(Regex, Answer)>> = LazyLock::new(|| {
        let compile = |(pattern, answer): (&str, Answer)| Some((whole(pattern)?, answer));
        STATEMENTS.into_iter().filter_map(compile).collect()
    });
    let text = without_comment(text)
        .trim()
        .trim_end_matches(';')
        .trim_end();
    let mut table = TABLE.iter().filter(|_| text.len() <= LONGEST);
    match table.find_map(|(pattern, answer)| Some((pattern.captures(text)?, answer))) {
        Some((found, answer)) => answer(around, &found),
        None => Ok(Order::Statement(text.to_owned())),
    }
}

/// Drivers put their names in front.
fn without_comment(text: &str) -> &str {
    let text = text.trim_start();
    let comment = text.strip_prefix("/*");
    match comment.and_then(|rest| rest.split_once("*/")) {
        Some((comment, rest)) if !comment.starts_with('!') => rest,
        _ => text,
    }
}

impl Surroundings {
    /// One assignment or more.
    fn set(&self, text: &str) -> Result<Order, Fault> {
        static TABLE: LazyLock<Vec<Regex>> =
            LazyLock::new(|| SETTINGS.into_iter().filter_map(whole).collect());
        let mut set = Vec::new();
        for assignment in items(text, Dialect::Mysql) {
            let mut table = TABLE.iter();
            let found = table.find_map(|pattern| pattern.captures(assignment));
            let found =
                found.ok_or_else(|| unknown(&format!("`set {assignment}`"), Dialect::Mysql))?;
            if let (Some(name), Some(value)) = (found.get(1), found.get(2)) {
                let value = value.as_str().trim_matches('\'');
                let value = match value.to_ascii_lowercase().as_str() {
                    "on" | "true" => "1",
                    "off" | "false" => "0",
                    _ => value,
                };
                set.push((name.as_str().to_ascii_lowercase(), value.to_owned()));
            }
        }
        Ok(Order::Set(set))
    }

    /// A select without a table, whose variables and functions of the session become values under their names.
    fn select(&self, list: &str, limit: &str) -> Result<Order, Fault> {
        static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| whole(ITEM));
        let item = |item| {
            let found = PATTERN.as_ref().and_then(|pattern| pattern.captures(item));
            let Some(found) = found else {
                return Ok(Cow::Borrowed(item));
            };
            let name = found
                .get(2)
                .or(found.get(1))
                .map_or("", |name| name.as_str());
            let value = self.value(&found[1].to_ascii_lowercase())?;
            Ok(Cow::Owned(format!("{value} AS `{name}`")))
        };
        let list: Result<Vec<Cow<'_, str>>, Fault> =
            items(list, Dialect::Mysql).into_iter().map(item).collect();
        Ok(Order::Statement(format!(
            "select {}{limit}",
            list?.join(", ")
        )))
    }

    /// The literal that stands for a variable or a function of the session.
    fn value(&self, what: &str) -> Result<String, Fault> {
        let text = match what.split('(').next().unwrap_or_default().trim() {
            "database" | "schema" => Some(self.database.clone()).filter(|name| !name.is_empty()),
            "connection_id" => Some(self.id.to_string()),
            "version" => Some(VERSION.to_owned()),
            "current_user" => Some(format!("{}@%", self.user)),
            name => match name.strip_prefix("@@") {
                Some(name) => {
                    let name = name.rsplit('.').next().unwrap_or_default();
                    let refused = || unknown(&format!("the variable `{name}`"), Dialect::Mysql);
                    Some(self.variable(name).ok_or_else(refused)?)
                }
                None if name.starts_with('@') => self.variables.get(name).cloned(),
                None => Some(format!("{}@127.0.0.1", self.user)),
            },
        };
        Ok(match text {
            None => "NULL".to_owned(),
            Some(number) if number.parse::<i64>().is_ok() => number,
            Some(text) => format!("'{}'", text.replace('\\', r"\\").replace('\'', "''")),
        })
    }

    /// A variable of the session.
    fn variable(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        let known = || {
            let mut known = VARIABLES.into_iter();
            known.find_map(|(known, value)| (known == name).then(|| value.to_owned()))
        };
        self.variables.get(&name).cloned().or_else(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        let statements = STATEMENTS.into_iter().map(|(pattern, _)| pattern);
        for pattern in statements.chain(SETTINGS).chain([ITEM]) {
            assert!(whole(pattern).is_some(), "{pattern}");
        }
    }
}
