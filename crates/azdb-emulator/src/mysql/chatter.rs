//! What drivers say before, between and after statements, and the answers to it: a table, no dialect.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use regex_lite::{Captures, Regex};

use super::greeting::VERSION;
use crate::sample::{Dialect, Fault, unknown};

/// The longest text that may be chatter.
const LONGEST: usize = 4096;

/// What a text asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// Other values of variables.
    Set(Vec<(String, String)>),
    /// The tables, with their kind or without.
    Tables { full: bool },
    /// These rows of text.
    Rows(Vec<&'static str>, Vec<Vec<String>>),
    /// A pause.
    Sleep(Duration),
    /// The end of a session, or of what it runs.
    Kill { id: u32, query: bool },
    /// A default database.
    Use(String),
    /// This, by the sample.
    Statement(String),
}

/// What the chatter is about.
pub(super) struct Surroundings {
    pub(super) id: u32,
    pub(super) user: String,
    pub(super) database: String,
    /// The cipher of the app's TLS.
    pub(super) cipher: String,
    /// Variables that the session has set, those of its own with `@`.
    pub(super) variables: HashMap<String, String>,
}

/// Beginnings of statements, without regard to case, and their answers.
type Answer = fn(&Surroundings, &Captures<'_>) -> Result<Order, Fault>;
const STATEMENTS: [(&str, Answer); 11] = [
    (r".*/\*!.*", |_, _| {
        Err(unknown("comments with versions", Dialect::Mysql))
    }),
    (r"set\s+(.*)", |around, found| around.set(&found[1])),
    (r"use\s+`?(\w+)`?", |_, found| {
        Ok(Order::Use(found[1].to_owned()))
    }),
    (r"kill\s+(query\s+|connection\s+)?(\d+)", |_, found| {
        let query = found
            .get(1)
            .is_some_and(|word| word.as_str().starts_with(['q', 'Q']));
        let id = found[2].parse().unwrap_or_default();
        Ok(Order::Kill { id, query })
    }),
    (r"select\s+sleep\s*\(\s*([\d.]+)\s*\)", |_, found| {
        let time = found[1].parse().ok();
        let time = time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Order::Sleep(time.unwrap_or_default()))
    }),
    (r"show\s+(full\s+)?tables", |_, found| {
        let full = found.get(1).is_some();
        Ok(Order::Tables { full })
    }),
    (r"show\s+(?:databases|schemas)", |around, _| {
        let name = match around.database.as_str() {
            "" => "sample".to_owned(),
            name => name.to_owned(),
        };
        Ok(Order::Rows(vec!["Database"], vec![vec![name]]))
    }),
    (
        r"show\s+(?:session\s+|global\s+)?variables\s+like\s+'([^'%]*)'",
        |around, found| Ok(pair(&found[1], around.variable(&found[1]))),
    ),
    (
        r"show\s+(?:session\s+|global\s+)?status\s+like\s+'(ssl_cipher)'",
        |around, found| Ok(pair(&found[1], Some(around.cipher.clone()))),
    ),
    (r"show\s+(?:warnings|errors)(?:\s+limit\s+\d+)?", |_, _| {
        Ok(Order::Rows(vec!["Level", "Code", "Message"], Vec::new()))
    }),
    (r"select\s+(.*?)(\s+limit\s+1)?", |around, found| {
        let limit = found.get(2).map_or("", |limit| limit.as_str());
        around.select(&found[1], limit)
    }),
];

/// What may be set: the name and the value where somebody could ask for it, and what is as it is wished anyway.
const SETTINGS: [&str; 8] = [
    r"names\s+'?utf8(?:mb3|mb4)?'?(?:\s+collate\s+'?utf8\w+'?)?",
    r"(?:session\s+)?transaction\s+isolation\s+level\s+read\s+committed",
    r"sql_mode\s*=\s*concat\(\s*@@sql_mode\s*,\s*',strict_trans_tables'\s*\)",
    r"(?:@@)?(?:session[\s.])?\s*(autocommit)\s*=\s*'?(0|1|on|off|true|false)'?",
    r"(?:@@)?(?:session[\s.])?\s*(character_set_results|character_set_server|collation_\w+|sql_mode|time_zone)\s*=\s*'?(utf8\w*|null|strict_trans_tables|\+00:00|utc)'?",
    r"(?:session\s+)?((?:net_write|net_read|wait|interactive)_timeout)\s*=\s*(\d+)",
    r"(?:session\s+)?(session_track_\w+)\s*=\s*(\d|on|off)",
    r"(@\w+)\s*:?=\s*(-?\d+|'[^'\\]*')",
];

/// A pattern of a whole text, without regard to case.
fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!(r"(?is)^(?:{pattern})$")).ok()
}

fn pair(name: &str, value: Option<String>) -> Order {
    let rows = value.map(|value| vec![name.to_owned(), value]);
    Order::Rows(vec!["Variable_name", "Value"], rows.into_iter().collect())
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
    if text.len() > LONGEST {
        return Ok(Order::Statement(text.to_owned()));
    }
    let mut table = TABLE.iter();
    let found = table.find_map(|(pattern, answer)| Some((pattern.captures(text)?, answer)));
    match found {
        Some((found, answer)) => answer(around, &found),
        None => Ok(Order::Statement(text.to_owned())),
    }
}

/// Drivers put their names in front.
fn without_comment(text: &str) -> &str {
    let text = text.trim_start();
    match text
        .strip_prefix("/*")
        .and_then(|rest| rest.split_once("*/"))
    {
        Some((comment, rest)) if !comment.starts_with('!') => rest,
        _ => text,
    }
}

impl Surroundings {
    /// One assignment or more.
    fn set(&self, text: &str) -> Result<Order, Fault> {
        static TABLE: LazyLock<Vec<Regex>> = LazyLock::new(|| {
            let table = SETTINGS.into_iter();
            table.filter_map(whole).collect()
        });
        let mut set = Vec::new();
        for assignment in items(text) {
            let found = TABLE
                .iter()
                .find_map(|pattern| pattern.captures(assignment));
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
        static ITEM: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(
                r"(?is)^(@@(?:session\.|global\.)?\w+|@\w+|(?:current_user|session_user|user|system_user|database|schema|version|connection_id)\s*\(\s*\)|current_user)(?:\s+(?:as\s+)?[`'\x22]?(\w+)[`'\x22]?)?$",
            )
            .ok()
        });
        let mut list = items(list)
            .into_iter()
            .map(Cow::Borrowed)
            .collect::<Vec<_>>();
        for item in &mut list {
            let Some(found) = ITEM.as_ref().and_then(|one| one.captures(item)) else {
                continue;
            };
            let (what, name) = (
                &found[1],
                found.get(2).map_or(&found[1], |name| name.as_str()),
            );
            let value = self.value(what)?;
            *item = Cow::Owned(format!("{value} AS `{name}`"));
        }
        let list = list.join(", ");
        Ok(Order::Statement(format!("select {list}{limit}")))
    }

    /// The literal that stands for a variable or a function of the session.
    fn value(&self, what: &str) -> Result<String, Fault> {
        let what = what.to_ascii_lowercase();
        let text = if let Some(name) = what.strip_prefix("@@") {
            let name = name.rsplit('.').next().unwrap_or_default();
            let known = self.variable(name);
            known.ok_or_else(|| unknown(&format!("the variable `{name}`"), Dialect::Mysql))?
        } else if what.starts_with('@') {
            match self.variables.get(&what) {
                Some(value) => value.clone(),
                None => return Ok("NULL".to_owned()),
            }
        } else {
            match what.split('(').next().unwrap_or_default().trim() {
                "database" | "schema" if self.database.is_empty() => return Ok("NULL".to_owned()),
                "database" | "schema" => self.database.clone(),
                "connection_id" => self.id.to_string(),
                "version" => VERSION.to_owned(),
                "current_user" => format!("{}@%", self.user),
                _ => format!("{}@127.0.0.1", self.user),
            }
        };
        let is_number = text.parse::<i64>().is_ok();
        Ok(match is_number {
            true => text,
            false => format!("'{}'", text.replace('\\', r"\\").replace('\'', "''")),
        })
    }

    /// A variable of the session, as far as drivers ask for it.
    fn variable(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        if let Some(set) = self.variables.get(&name) {
            return Some(set.clone());
        }
        let value = match name.as_str() {
            "version" => VERSION,
            "version_comment" => "azdb-emulator",
            "max_allowed_packet" => "67108864",
            "net_buffer_length" => "16384",
            "auto_increment_increment" | "autocommit" => "1",
            "character_set_client"
            | "character_set_connection"
            | "character_set_results"
            | "character_set_server"
            | "character_set_database" => "utf8mb4",
            "collation_server" | "collation_connection" | "collation_database" => {
                "utf8mb4_general_ci"
            }
            "init_connect" | "license" => "",
            "interactive_timeout" | "wait_timeout" => "28800",
            "lower_case_table_names" | "performance_schema" | "query_cache_size" => "0",
            "query_cache_type" => "OFF",
            "net_write_timeout" => "60",
            "sql_mode" => "STRICT_TRANS_TABLES",
            "system_time_zone" | "time_zone" => "UTC",
            "tx_isolation" | "transaction_isolation" => "READ-COMMITTED",
            "transaction_read_only" | "tx_read_only" => "0",
            _ => return None,
        };
        Some(value.to_owned())
    }
}

/// What is not in quotes.
fn bare(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    text.char_indices().filter(move |(_, letter)| {
        let was = quote;
        match quote {
            Some(mark) if mark == *letter => quote = None,
            None if ['\'', '"', '`'].contains(letter) => quote = Some(*letter),
            _ => {}
        }
        was.is_none() && quote.is_none()
    })
}

/// How many places for parameters a text has.
pub(super) fn places(text: &str) -> usize {
    bare(text).filter(|(_, letter)| *letter == '?').count()
}

/// A list at its commas outside of quotes and brackets.
fn items(list: &str) -> Vec<&str> {
    let (mut items, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, letter) in bare(list) {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.extend(list.get(start..at).map(str::trim));
                start = at + 1;
            }
            _ => {}
        }
    }
    items.extend(list.get(start..).map(str::trim));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        for (pattern, _) in STATEMENTS {
            assert!(whole(pattern).is_some(), "{pattern}");
        }
        for pattern in SETTINGS {
            assert!(whole(pattern).is_some(), "{pattern}");
        }
    }

    #[test]
    fn a_list_is_cut_at_its_own_commas() {
        assert_eq!(
            items("a, 'b,c', f(d, e), `g,h`"),
            ["a", "'b,c'", "f(d, e)", "`g,h`"]
        );
        assert_eq!(places("select ?, '?', \"?\", `?`, ? from t"), 2);
    }
}
