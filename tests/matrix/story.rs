//! One run of a program, and what it says of itself.

use std::path::PathBuf;

use azdb_tests::{Process, Ran};

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
    /// Whether all of its sessions were, as the proxy saw them.
    pub(crate) over_tls: bool,
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
    let before = place.begun();
    let (ran, restarts) = act(row, tls, length, place.ca_file(), place);
    let failed =
        |problem: String| format!("{}: {problem}\n{}{}", tls.word(), ran.stdout, ran.stderr);
    if ran.code != Some(0) {
        let log = place.log();
        return Err(failed(format!("exit {:?}", ran.code)) + "\n--- log of the proxy\n" + &log);
    }
    let mut story = heard(&place.as_usual(&ran.stdout), tls, length.steps()).map_err(failed)?;
    if let End::Works { .. } = story.end {
        // A proxy that was restarted has had no others.
        let sessions = place.over_tls(if restarts > 0 { 0 } else { before });
        story.over_tls = sessions.iter().all(|over_tls| *over_tls);
        let is_true = match tls {
            Tls::Default => true,
            Tls::Off => !sessions.contains(&true),
            Tls::Asks | Tls::Trusting | Tls::Verified => story.over_tls,
        };
        if !is_true {
            return Err(failed(format!("sessions over TLS: {sessions:?}")));
        }
    }
    Ok(story)
}

/// Whether the row's program, told to verify, refuses the proxy where it knows another authority. The error says that it does not.
pub(crate) fn refuses_strangers(row: &Row, place: &mut Place<'_>) -> Result<(), String> {
    let (ran, _) = act(
        row,
        Tls::Verified,
        Length::Short,
        place.foreign_ca_file(),
        place,
    );
    if ran.stdout.contains("did: ") {
        return Err(format!(
            "it verifies nothing: with another authority it says\n{}",
            ran.stdout
        ));
    }
    Ok(())
}

/// Runs the row's program, which may trust this authority if it is to verify, and does what it wishes for. Returns how often that was.
fn act(
    row: &Row,
    tls: Tls,
    length: Length,
    ca_file: PathBuf,
    place: &mut Place<'_>,
) -> (Ran, usize) {
    let is_verified = tls == Tls::Verified;
    let mut program = place
        .told(row.program())
        .env(
            "DB_HOST",
            if is_verified {
                "localhost"
            } else {
                "127.0.0.1"
            },
        )
        .env("DB_TLS", tls.word())
        .env("DB_STORY", length.word());
    if is_verified {
        program = program.env("DB_CA", ca_file);
    }
    let mut process = program.interactive().start();
    let mut wishes = 0;
    while let Some(wish) = next_wish(&process, wishes) {
        wishes += 1;
        obey(place, &mut process, &wish);
    }
    (process.wait(), wishes)
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
