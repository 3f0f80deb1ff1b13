//! The table of `docs/drivers.md`, written.

use std::fmt::Write as _;

use azdb_tests::cells::{Line, Lines, WAYS, code};

use crate::row::{Protocol, Row};
use crate::story::{End, Story};

/// What stands above the tables.
const HEAD: &str = include_str!("head.md");

/// What became of a driver in each way.
pub(crate) struct Stories {
    pub(crate) default: Story,
    pub(crate) off: Story,
    pub(crate) asks: Story,
    /// Where the one before was refused.
    pub(crate) trusting: Option<Story>,
    pub(crate) verified: Story,
}

impl Stories {
    /// The row's line.
    pub(crate) fn line(&self) -> Line {
        let Self {
            default,
            off,
            asks,
            trusting,
            verified,
        } = self;
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
        Line {
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
