//! One run of a program, and what it says of itself.

use azdb_tests::Process;

use crate::place::{Place, obey};
use crate::row::Row;

/// The ways in which a driver is told to use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Nobody has told it anything.
    Default,
    Off,
    /// It is to use TLS, and does not know our authority.
    Asks,
    /// It is to use TLS and to verify nothing.
    Trusting,
    /// It is to verify certificate and name, and knows our authority.
    Verified,
}

impl Tls {
    fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Off => "off",
            Self::Asks => "asks",
            Self::Trusting => "trusting",
            Self::Verified => "verified",
        }
    }
}

/// How much of it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Whole,
    Short,
}

impl Length {
    fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Short => "short",
        }
    }

    fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &STEPS,
            Self::Short => &SHORT,
        }
    }
}

/// The steps of a whole story, in their order.
pub(crate) const STEPS: [&str; 15] = [
    "connect",
    "create",
    "parameters",
    "prepared",
    "rollback",
    "large",
    "nulls",
    "unicode",
    "batch",
    "error",
    "cancel",
    "pool",
    "metadata",
    "proxy restart",
    "upstream restart",
];

/// Those of a short one.
const SHORT: [&str; 4] = ["connect", "parameters", "large", "error"];

/// What a program has said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// The driver with its version.
    pub(crate) driver: String,
    /// What it was told about TLS, as its users write it.
    pub(crate) setting: String,
    pub(crate) end: End,
}

/// How it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// All steps but these are done.
    Works { cannot: Vec<(String, String)> },
    /// There was no connection; the person reads this.
    Refused(String),
    /// The driver has no such mode.
    NoSuchMode(String),
}

impl Default for End {
    fn default() -> Self {
        Self::Works { cannot: Vec::new() }
    }
}

/// Runs the row's program in this way. The error says what is not as it must be.
pub(crate) fn run(
    row: &Row,
    tls: Tls,
    length: Length,
    place: &mut Place<'_>,
) -> Result<Story, String> {
    let host = if tls == Tls::Verified {
        "localhost"
    } else {
        "127.0.0.1"
    };
    let mut program = place
        .told(row.program())
        .env("DB_HOST", host)
        .env("DB_TLS", tls.word())
        .env("DB_STORY", length.word());
    if tls == Tls::Verified {
        program = program.env("DB_CA", place.ca_file());
    }
    let mut process = program.interactive().start();
    let mut wishes = 0;
    while let Some(wish) = next_wish(&process, wishes) {
        wishes += 1;
        obey(place, &mut process, &wish);
    }
    let ran = process.wait();
    if ran.code != Some(0) {
        return Err(format!(
            "{}: exit {:?}\n{}{}\n--- log of the proxy\n{}",
            tls.word(),
            ran.code,
            ran.stdout,
            ran.stderr,
            place.log()
        ));
    }
    heard(&place.as_usual(&ran.stdout), tls, length.steps())
        .map_err(|problem| format!("{}: {problem}\n{}", tls.word(), ran.stdout))
}

/// What the program waits for, after it has had so many wishes; `None` when it has ended.
fn next_wish(process: &Process, had: usize) -> Option<String> {
    process.stdout_or_end(|text| {
        let whole_lines = text.rsplit_once('\n')?.0;
        let mut wishes = whole_lines
            .lines()
            .filter_map(|line| line.strip_prefix("now: "));
        wishes.nth(had).map(str::to_owned)
    })
}

fn heard(printed: &str, tls: Tls, steps: &[&str]) -> Result<Story, String> {
    let mut story = Story::default();
    let (mut done, mut cannot) = (Vec::new(), Vec::new());
    for line in printed.lines() {
        match line
            .split_once(": ")
            .unwrap_or((line.trim_end_matches(':'), ""))
        {
            ("driver", text) => text.clone_into(&mut story.driver),
            ("setting", text) => text.clone_into(&mut story.setting),
            ("did", step) => done.push(step),
            ("cannot", text) => {
                let (what, why) = text.split_once(": ").ok_or("cannot: without why")?;
                if what == tls.word() {
                    story.end = End::NoSuchMode(why.to_owned());
                    return Ok(story);
                }
                cannot.push((what.to_owned(), why.to_owned()));
            }
            ("refused", text) if done.is_empty() => {
                story.end = End::Refused(text.to_owned());
                return Ok(story);
            }
            ("now", _) => {}
            _ => return Err(format!("what is this: {line}")),
        }
    }
    let mut said = steps
        .iter()
        .filter(|step| !done.contains(step) && !cannot.iter().any(|(what, _)| what == *step));
    if let Some(step) = said.next() {
        return Err(format!("no word about: {step}"));
    }
    if story.driver.is_empty() {
        return Err("no word about: driver".to_owned());
    }
    cannot.retain(|(what, _)| steps.contains(&what.as_str()));
    story.end = End::Works { cannot };
    Ok(story)
}
