//! Warnings and errors of a service for the Event Log, where its administrator looks.
//!
//! They are lines of the log, made as those are: in one line, without anything that looks like a token, those that repeat folded. A thread
//! of their own hands them over, since whoever keeps the Event Log may take its time.

use std::io::{self, Write};
use std::sync::{LazyLock, OnceLock};

use azdb_windows::event_log::{Source, Weight};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::text;
use super::writer::Writer;

static SOURCE: OnceLock<Source> = OnceLock::new();
static LINES: LazyLock<Writer> = LazyLock::new(Writer::default);

/// Has warnings and errors go to the Event Log, too, when the log is turned on.
///
/// # Errors
///
/// Whatever Windows reports.
pub(crate) fn open(source: &str) -> io::Result<()> {
    let source = Source::open(source)?;
    if SOURCE.set(source).is_ok() {
        LINES.start(Reports)?;
    }
    Ok(())
}

/// Writes a message of its own, at once, where the Event Log is open. What it cannot take stands in the log, too.
pub(crate) fn report(weight: Weight, message: &str) {
    if let Some(source) = SOURCE.get() {
        let _ = source.report(weight, message);
    }
}

/// Nothing, where the Event Log is not open.
pub(super) fn layer<S: Subscriber + for<'s> LookupSpan<'s>>() -> Option<impl Layer<S>> {
    SOURCE.get()?;
    let lines = BoxMakeWriter::new((|| LINES.line()).with_max_level(Level::WARN));
    let layer = fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .without_time();
    Some(layer.fmt_fields(text::Fields).with_writer(lines))
}

pub(super) fn flush() {
    LINES.flush();
}

/// Takes whole lines, each of which is a message.
struct Reports;

impl Write for Reports {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(lines).lines() {
            let (weight, message) = weighed(line);
            report(weight, message);
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a line weighs, which its level says, and the rest of it.
fn weighed(line: &str) -> (Weight, &str) {
    match line.trim_start().split_once(' ') {
        Some(("ERROR", message)) => (Weight::Error, message),
        Some(("WARN", message)) => (Weight::Warning, message),
        _ => (Weight::Information, line),
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::logging::lines_of;

    #[test]
    fn a_level_is_a_messages_weight() {
        let layer = fmt::layer()
            .with_ansi(false)
            .with_target(false)
            .without_time();
        let log = lines_of(
            |writer| {
                layer
                    .fmt_fields(text::Fields)
                    .with_writer(writer.with_max_level(Level::WARN))
                    .boxed()
            },
            || {
                tracing::info!("a session began");
                tracing::warn!(remedy = "wait", "refused");
                tracing::error!("it ends");
            },
        );
        let weighed: Vec<_> = log.lines().map(weighed).collect();
        let expected = [
            (Weight::Warning, "refused remedy=\"wait\""),
            (Weight::Error, "it ends"),
        ];
        assert_eq!(weighed, expected);
    }
}
