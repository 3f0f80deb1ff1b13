//! The log: one line per event, for people or for machines.
//!
//! ```text
//!   event -- level -- folding (warnings that repeat) -- one line, escaped -- writer (a thread) --> standard error
//!                                                                        '-- writer (a thread) --> standard output, see log_to
//! ```

mod folding;
mod json;
mod level;
mod text;
mod writer;

use std::io::{self, IsTerminal as _};
use std::sync::LazyLock;

use azdb_config::{LogFormat, LogTo, Process};
use azdb_quote::OneLine;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::prelude::*;

use folding::Folding;
use level::Levels;
#[cfg(test)]
pub(crate) use writer::PATIENCE;
use writer::Writer;

static OUT: LazyLock<Writer> = LazyLock::new(Writer::default);
static ERR: LazyLock<Writer> = LazyLock::new(Writer::default);
static FOLDING: LazyLock<Folding> = LazyLock::new(Folding::default);
static LEVELS: LazyLock<Levels> = LazyLock::new(Levels::default);

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The level is none.
    #[error("log_level: {0}")]
    Level(#[from] ParseError),
    /// The system has no thread to spare.
    #[error("cannot start a thread for the log: {0}")]
    Thread(#[from] io::Error),
}

/// Where lines go.
#[derive(Debug, Clone, Copy)]
struct Streams(LogTo);

impl Streams {
    fn are_terminals(self) -> bool {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        match self.0 {
            LogTo::Stdout => out,
            LogTo::Stderr => err,
            LogTo::Split => out && err,
        }
    }
}

impl<'a> MakeWriter<'a> for Streams {
    type Writer = writer::Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self.0 {
            LogTo::Stdout => OUT.line(),
            LogTo::Stderr | LogTo::Split => ERR.line(),
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        match self.0 {
            LogTo::Split if *metadata.level() > Level::WARN => OUT.line(),
            _ => self.make_writer(),
        }
    }
}

/// The log, turned on. Its last lines are written when this is dropped.
#[must_use]
pub(crate) struct Log(());

/// Turns the log on, and sends panics to it.
///
/// # Errors
///
/// [`LogError`].
pub(crate) fn start(process: &Process) -> Result<Log, LogError> {
    set_level(&process.log_level)?;
    let streams = Streams(process.log_to);
    if streams.0 != LogTo::Stderr {
        OUT.start(io::stdout())?;
    }
    if streams.0 != LogTo::Stdout {
        ERR.start(io::stderr())?;
    }
    let registry = tracing_subscriber::registry()
        .with(&*LEVELS)
        .with(&*FOLDING);
    let colours = streams.are_terminals() && std::env::var_os("NO_COLOR").is_none();
    let layer = fmt::layer().with_writer(streams);
    // A log that has been turned on stays as it is; only the program's own start gets here.
    let _ = match process.log_format {
        LogFormat::Text => {
            let layer = layer.fmt_fields(text::Fields).with_ansi(colours);
            registry.with(layer.with_target(false)).try_init()
        }
        LogFormat::Json => {
            let layer = layer.event_format(json::Line).fmt_fields(json::Fields);
            registry.with(layer).try_init()
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let payload = panic.payload_as_str().unwrap_or("no text");
        complain_of_panic(&place.unwrap_or_default(), payload);
    }));
    Ok(Log(()))
}

/// A panic's payload may repeat what a peer sent.
fn complain_of_panic(place: &str, payload: &str) {
    let payload = OneLine(payload);
    tracing::error!(
        place,
        %payload,
        "a bug in azdb-proxy: this session ends, others go on"
    );
}

/// Logs at another level from now on.
///
/// # Errors
///
/// When the level is none.
pub(crate) fn set_level(level: &str) -> Result<(), ParseError> {
    LEVELS.set(level)?;
    // Who asks for everything gets everything.
    FOLDING.folds(!level::is_verbose(level));
    Ok(())
}

/// Tells how often a warning has come again, for the life of the process.
pub(crate) async fn tell_repetitions() {
    FOLDING.tell_forever().await;
}

/// Lines that were dropped because nobody read them.
pub(crate) fn dropped_lines() -> u64 {
    OUT.dropped() + ERR.dropped()
}

impl Drop for Log {
    fn drop(&mut self) {
        FOLDING.tell();
        OUT.flush();
        ERR.flush();
    }
}

/// What a log of this layer says while `act` runs.
#[cfg(test)]
fn lines_of(
    layer: impl FnOnce(
        fmt::writer::BoxMakeWriter,
    )
        -> Box<dyn tracing_subscriber::Layer<tracing_subscriber::Registry> + Send + Sync>,
    act: impl FnOnce(),
) -> String {
    use std::sync::{Arc, Mutex, PoisonError};

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            log.extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let log = Arc::new(Mutex::new(Vec::new()));
    let out = Arc::clone(&log);
    let writer = fmt::writer::BoxMakeWriter::new(move || Lines(Arc::clone(&out)));
    let subscriber = tracing_subscriber::registry().with(layer(writer));
    tracing::subscriber::with_default(subscriber, act);
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&log).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stays_one_short_line_without_secrets_whatever_it_says() {
        let payload = format!(
            "\n ERROR forged \u{1b}[2J eyJhbGciOi.e30.c2ln {}",
            "x".repeat(100_000)
        );
        let layer = fmt::layer().with_ansi(false);
        let log = lines_of(
            |writer| layer.with_writer(writer).boxed(),
            || complain_of_panic("relay/mod.rs:1", &payload),
        );
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(
            log.len() < 2500 && !log.contains(['\u{1b}', '\r']) && !log.contains("eyJ"),
            "{log}"
        );
        assert!(
            log.contains(r"\n ERROR forged \u{1b}[2J [token] xxx"),
            "{log}"
        );
    }
}
