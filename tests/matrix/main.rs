//! The driver matrix: programs in every language, each on a driver that nobody here wrote, before real databases.
//!
//! ```text
//!   row      tests/apps/LANGUAGE/rows.toml: a driver, and the program on it
//!   place    a database, the proxy before it, both of them started again when the program asks for it
//!   story    one run of a program, and what it says
//!   table    docs/drivers.md, written; azdb_tests::cells compares it
//! ```
//!
//! `cargo test -p azdb-tests --test matrix -- psycopg2` runs rows by their names; `AZDB_WRITE=1` takes what they show into the table.
//! Without names it runs the first row of each language and protocol, with `AZDB_ROWS=all` all of them, which writes the table.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail loudly, and its runner says what it does"
)]

mod place;
mod row;
mod story;
mod table;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use azdb_tests::cells::{self, Line, Lines};

use crate::place::{Databases, Which};
use crate::row::Row;
use crate::story::{End, Length, Tls};
use crate::table::Stories;

/// Rows that are run at the same time. Each of these threads has databases of its own, which it restarts.
const SIDE_BY_SIDE: usize = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let names: Vec<String> = words
        .into_iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let all = std::env::var_os("AZDB_ROWS").is_some_and(|rows| rows == "all");
    let rows = Row::all();
    let is_wanted = |row: &&Row| match names.as_slice() {
        [] => all || row.first,
        names => names.contains(&row.name),
    };
    let (missing, there): (Vec<&Row>, Vec<&Row>) = rows
        .iter()
        .filter(is_wanted)
        .partition(|row| row.missing().is_some());
    for row in missing {
        println!(
            "matrix: SKIPPED {}: there is no {}",
            row.name,
            row.missing().unwrap_or_default()
        );
    }
    let (lines, mut problems) = run_all(there);

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/drivers.md");
    let mut known = std::fs::read_to_string(&file)
        .map(|text| cells::read(&text))
        .unwrap_or_default();
    for (name, line) in &lines {
        let Some(before) = known.get(name) else {
            continue;
        };
        problems.extend(
            cells::worse(before, line)
                .into_iter()
                .map(|problem| format!("{name} is worse {problem}")),
        );
    }
    let is_whole = all && names.is_empty() && problems.is_empty();
    if is_whole || std::env::var_os("AZDB_WRITE").is_some() {
        known.extend(lines);
        known.retain(|name, _| rows.iter().any(|row| row.name == *name));
        std::fs::write(file, table::write(&rows, &known)).unwrap();
    }
    for problem in &problems {
        println!("matrix: FAILED {problem}");
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs these rows, and returns their lines and what went wrong.
fn run_all(rows: Vec<&Row>) -> (Lines, Vec<String>) {
    let queue = Mutex::new(VecDeque::from(rows));
    let (lines, problems) = (Mutex::new(Lines::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                let mut databases = Databases::default();
                loop {
                    let Some(row) = queue.lock().unwrap().pop_front() else {
                        return;
                    };
                    let begun = Instant::now();
                    match run(row, &mut databases) {
                        Ok(line) => {
                            println!(
                                "matrix: {} ({:.1} s): {}: {}",
                                row.name,
                                begun.elapsed().as_secs_f32(),
                                line.driver,
                                line.cells.join(" | ")
                            );
                            lines.lock().unwrap().insert(row.name.clone(), line);
                        }
                        Err(problem) => problems
                            .lock()
                            .unwrap()
                            .push(format!("{}: {problem}", row.name)),
                    }
                }
            });
        }
    });
    (lines.into_inner().unwrap(), problems.into_inner().unwrap())
}

/// Runs a row in all ways.
fn run(row: &Row, databases: &mut Databases) -> Result<Line, String> {
    let mut line = None;
    for which in Which::of(row.protocol)
        .iter()
        .filter(|which| which.is_there())
    {
        let told = catch_unwind(AssertUnwindSafe(|| {
            run_against(row, *which, line.is_none(), databases)
        }));
        // What a panic says is on standard error.
        let told = told.unwrap_or_else(|_| Err("panicked".to_owned()));
        let told = told.map_err(|problem| format!("with {}: {problem}", which.name()))?;
        line = line.or(told);
    }
    line.ok_or_else(|| "no way to run it".to_owned())
}

/// Runs a row against this database: as it comes, and in all other ways if this is the first.
fn run_against(
    row: &Row,
    which: Which,
    is_first: bool,
    databases: &mut Databases,
) -> Result<Option<Line>, String> {
    let mut place = databases.place(which);
    let mut run = |tls, length| story::run(row, tls, length, &mut place);
    let default = run(Tls::Default, Length::Whole)?;
    // A driver that refuses as it comes tells all as soon as it trusts us.
    let length = match default.end {
        End::Refused(_) => Length::Whole,
        _ => Length::Short,
    };
    if !is_first {
        if length == Length::Whole {
            run(Tls::Verified, length)?;
        }
        return Ok(None);
    }
    let (off, asks) = (
        run(Tls::Off, Length::Short)?,
        run(Tls::Asks, Length::Short)?,
    );
    let trusting = match asks.end {
        End::Refused(_) => Some(run(Tls::Trusting, Length::Short)?),
        _ => None,
    };
    let verified = run(Tls::Verified, length)?;
    if let End::Works { .. } = verified.end {
        story::refuses_strangers(row, &mut place)?;
    }
    let stories = Stories {
        default,
        off,
        asks,
        trusting,
        verified,
    };
    Ok(Some(stories.line()))
}
