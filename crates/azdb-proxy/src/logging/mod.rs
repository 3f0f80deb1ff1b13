//! The log: one line per event, for people or for machines.
//!
//! ```text
//!   event -- level -- folding (warnings that repeat) -- one line, escaped -- writer (a thread) --> standard error
//!                                                                        |-- writer (a thread) --> standard output, see log_to
//!                                                                        |-- writer (a thread) --> a file, see log_file
//!                    warnings, errors of a service of Windows, one line --'-- writer (a thread) --> the Event Log
//! ```

#[cfg(windows)]
mod events;
mod file;
mod folding;
mod json;
mod level;
mod text;
mod writer;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use azdb_config::{LogFormat, LogTo, Process};
use azdb_quote::OneLine;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::prelude::*;

use folding::Folding;
use level::Levels;
pub(crate) use writer::PATIENCE;
use writer::Writer;

static OUT: LazyLock<Writer> = LazyLock::new(Writer::default);
static ERR: LazyLock<Writer> = LazyLock::new(Writer::default);
static FILE: LazyLock<Writer> = LazyLock::new(Writer::default);
static FOLDING: LazyLock<Folding> = LazyLock::new(Folding::default);
static LEVELS: LazyLock<Levels> = LazyLock::new(Levels::default);

#[cfg(windows)]
pub(crate) use events::{open as open_event_log, report};

/// No other platform has an Event Log.
#[cfg(not(windows))]
mod events {
    pub(super) fn layer() -> Option<tracing_subscriber::layer::Identity> {
        None
    }

    pub(super) fn flush() {}
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The level is none.
    #[error("log_level: {0}")]
    Level(#[from] ParseError),
    /// The system has no thread to spare.
    #[error("cannot start a thread for the log: {0}")]
    Thread(#[from] io::Error),
    /// There is no such file to write to.
    #[error("log_file: cannot write {}: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// How and where a process logs.
pub(crate) struct Settings<'a> {
    pub(crate) level: &'a str,
    pub(crate) format: LogFormat,
    pub(crate) to: LogTo,
    pub(crate) file: Option<&'a Path>,
}

/// As the configuration says.
impl<'a> From<&'a Process> for Settings<'a> {
    fn from(process: &'a Process) -> Self {
        Self {
            level: &process.log_level,
            format: process.log_format,
            to: process.log_to,
            file: process.log_file.as_deref(),
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone, Copy)]
enum Place {
    Streams(LogTo),
    File,
}

impl Place {
    /// Gets ready for lines.
    fn of(settings: &Settings<'_>) -> Result<Self, LogError> {
        if let Some(path) = settings.file {
            let file = file::File::open(path).map_err(|source| LogError::File {
                path: path.to_owned(),
                source,
            })?;
            FILE.start(file)?;
            return Ok(Self::File);
        }
        if settings.to != LogTo::Stderr {
            OUT.start(io::stdout())?;
        }
        if settings.to != LogTo::Stdout {
            ERR.start(io::stderr())?;
        }
        Ok(Self::Streams(settings.to))
    }

    fn is_terminal(self) -> bool {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        match self {
            Self::Streams(LogTo::Stdout) => out,
            Self::Streams(LogTo::Stderr) => err,
            Self::Streams(LogTo::Split) => out && err,
            Self::File => false,
        }
    }
}

impl<'a> MakeWriter<'a> for Place {
    type Writer = writer::Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::Streams(LogTo::Stdout) => OUT.line(),
            Self::Streams(LogTo::Stderr | LogTo::Split) => ERR.line(),
            Self::File => FILE.line(),
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        match self {
            Self::Streams(LogTo::Split) if *metadata.level() > Level::WARN => OUT.line(),
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
pub(crate) fn start<'a>(settings: impl Into<Settings<'a>>) -> Result<Log, LogError> {
    let settings = settings.into();
    set_level(settings.level)?;
    let place = Place::of(&settings)?;
    let registry = tracing_subscriber::registry()
        .with(&*LEVELS)
        .with(&*FOLDING)
        .with(events::layer());
    let colours = place.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = fmt::layer().with_writer(place);
    // A log that has been turned on stays as it is; only the program's own start gets here.
    let _ = match settings.format {
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
    OUT.dropped() + ERR.dropped() + FILE.dropped()
}

impl Drop for Log {
    fn drop(&mut self) {
        FOLDING.tell();
        OUT.flush();
        ERR.flush();
        FILE.flush();
        events::flush();
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
