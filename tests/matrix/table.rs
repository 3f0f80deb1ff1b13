//! The table of `docs/drivers.md`: written, read, and compared with the one before.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::row::{Protocol, Row};
use crate::story::{End, Story};

/// What stands above the tables.
const HEAD: &str = include_str!("head.md");

/// Of the columns that a run fills.
const WAYS: [&str; 4] = [
    "as it comes",
    "told to use no TLS",
    "told to use TLS, our authority unknown",
    "`azdb-proxy ca` trusted, name verified",
];

/// A row's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// With its version.
    pub(crate) driver: String,
    /// One for each way.
    pub(crate) cells: [String; WAYS.len()],
}

/// Lines by the names of their rows.
pub(crate) type Lines = BTreeMap<String, Line>;

/// What became of a driver in each way.
pub(crate) struct Stories {
    pub(crate) default: Story,
    pub(crate) off: Story,
    pub(crate) asks: Story,
    /// Where the one before was refused.
    pub(crate) trusting: Option<Story>,
    pub(crate) verified: Story,
}

impl Line {
    pub(crate) fn of(stories: &Stories) -> Self {
        let Stories {
            default,
            off,
            asks,
            trusting,
            verified,
        } = stories;
        let mut comes = cell(default);
        if default.over_tls && comes.starts_with("works") {
            comes.insert_str("works".len(), " over TLS");
        }
        let mut asked = cell(asks);
        if let Some(Story {
            setting,
            end: End::Works { .. },
            ..
        }) = trusting
        {
            let _ = write!(asked, "; works with {}", code(setting));
        }
        Self {
            driver: default.driver.clone(),
            cells: [comes, cell(off), asked, cell(verified)],
        }
    }
}

fn cell(story: &Story) -> String {
    let setting = &story.setting;
    match &story.end {
        End::Works { cannot } => {
            let with = if setting.is_empty() {
                String::new()
            } else {
                format!(" with {}", code(setting))
            };
            let names: Vec<&str> = cannot.iter().map(|(name, _)| name.as_str()).collect();
            let without = if names.is_empty() {
                String::new()
            } else {
                format!(", without {}", names.join(", "))
            };
            format!("works{with}{without}")
        }
        End::Refused(text) if setting.is_empty() => format!("refuses: {}", code(text)),
        End::Refused(text) => format!("refuses with {}: {}", code(setting), code(text)),
        End::NoSuchMode(why) => format!("– ({})", why.replace('|', "\\|")),
    }
}

/// Text as it is, in a cell.
fn code(text: &str) -> String {
    let text = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// The steps that a line's program can't do.
fn without(cell: &str) -> Vec<&str> {
    let list = cell.split_once(", without ").map(|(_, list)| list);
    list.into_iter().flat_map(|list| list.split(", ")).collect()
}

/// What is worse in a line than it was.
pub(crate) fn worse(before: &Line, now: &Line) -> Vec<String> {
    let mut problems = Vec::new();
    for (way, (before, now)) in WAYS.iter().zip(before.cells.iter().zip(&now.cells)) {
        let lost = before.starts_with("works") && !now.starts_with("works");
        let lost_a_way = before.contains("; works with") && !now.contains("works with");
        let lost_steps = without(now)
            .iter()
            .any(|step| !without(before).contains(step));
        if lost || lost_a_way || lost_steps && before.starts_with("works") {
            problems.push(format!("{way}: it was {before}\n    now it is {now}"));
        }
    }
    problems
}

/// The file's text.
pub(crate) fn write(rows: &[Row], lines: &Lines) -> String {
    let mut text = HEAD.replace("{rows}", &lines.len().to_string());
    for protocol in Protocol::ALL {
        let _ = write!(text, "\n## {}\n\n", title(protocol));
        let _ = writeln!(
            text,
            "| language | program | driver | {} |",
            WAYS.join(" | ")
        );
        let _ = writeln!(text, "|---|---|---|{}", "---|".repeat(WAYS.len()));
        for row in rows.iter().filter(|row| row.protocol == protocol) {
            let Some(Line { driver, cells }) = lines.get(&row.name) else {
                continue;
            };
            let (language, name, directory) = (&row.language, &row.name, &row.directory);
            let link = format!("[{name}](../tests/apps/{directory}/rows)");
            let _ = writeln!(
                text,
                "| {language} | {link} | {driver} | {} |",
                cells.join(" | ")
            );
        }
    }
    text
}

fn title(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Postgres => "PostgreSQL",
        Protocol::Mysql => "MySQL and MariaDB",
        Protocol::Tds => "SQL Server",
    }
}

/// The lines of a file's text.
pub(crate) fn read(text: &str) -> Lines {
    text.lines().filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<(String, Line)> {
    let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<&str> = line.split(" | ").collect();
    let [_language, link, driver, cells @ ..] = cells.as_slice() else {
        return None;
    };
    let (name, _) = link.strip_prefix('[')?.split_once(']')?;
    let cells: [&str; WAYS.len()] = cells.try_into().ok()?;
    let line = Line {
        driver: (*driver).to_owned(),
        cells: cells.map(str::to_owned),
    };
    Some((name.to_owned(), line))
}
