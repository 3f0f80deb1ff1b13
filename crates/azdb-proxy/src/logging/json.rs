//! Lines for machines: one JSON object each, with the same keys at the top whatever the line is about.
//!
//! ```text
//!   {"timestamp":…,"level":…,"target":…,"message":…,  "route":…,"number":…,"peer":…,  and what the line itself has}
//! ```
//!
//! The library's own JSON has the fields of spans in objects of their own, twice, so that whoever looks for a route must know where a
//! line was said.
//!
//! # Invariants
//!
//! * Every line has `timestamp`, `level`, `target` and `message`, and no key twice.
//! * Text that may repeat a peer's goes through [`OneLine`], as it does in lines for people.

use std::fmt::{self, Write};

use azdb_quote::OneLine;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Keys that every line has.
const OF_EVERY_LINE: [&str; 4] = ["timestamp", "level", "target", "message"];

/// The fields of a span: `"name":value`, with a line break behind each, which is in no value.
pub(super) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut pairs = Pairs::behind("\n", &mut writer);
        fields.record(&mut pairs);
        pairs.outcome
    }

    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

/// A line.
pub(super) struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        let (level, target) = (metadata.level(), metadata.target());
        write!(
            writer,
            "\",\"level\":\"{level}\",\"target\":\"{target}\",\"message\":\""
        )?;
        let mut message = Message(&mut writer, Ok(()));
        event.record(&mut message);
        message.1?;
        writer.write_str("\"")?;
        let own = |name: &str| {
            OF_EVERY_LINE.contains(&name) || metadata.fields().iter().any(|own| own.name() == name)
        };
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<N>>() else {
                continue;
            };
            for pair in fields.fields.lines() {
                if !own(pair.split('"').nth(1).unwrap_or_default()) {
                    write!(writer, ",{pair}")?;
                }
            }
        }
        let mut pairs = Pairs::before(",", &mut writer);
        event.record(&mut pairs);
        pairs.outcome?;
        writer.write_str("}\n")
    }
}

/// Writes `"name":value`, with something before or behind each.
struct Pairs<'a, 'w> {
    before: &'static str,
    behind: &'static str,
    writer: &'a mut Writer<'w>,
    outcome: fmt::Result,
}

impl<'a, 'w> Pairs<'a, 'w> {
    fn before(before: &'static str, writer: &'a mut Writer<'w>) -> Self {
        Self {
            before,
            behind: "",
            writer,
            outcome: Ok(()),
        }
    }

    fn behind(behind: &'static str, writer: &'a mut Writer<'w>) -> Self {
        Self {
            behind,
            ..Self::before("", writer)
        }
    }

    fn pair(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        if name == "message" {
            return;
        }
        // A field of a library's may be called as what every line has.
        let mark = if OF_EVERY_LINE.contains(&name) {
            "_"
        } else {
            ""
        };
        let (before, behind) = (self.before, self.behind);
        let written = write!(self.writer, "{before}\"{mark}{name}\":{value}{behind}");
        self.outcome = self.outcome.and(written);
    }

    fn text(&mut self, field: &Field, value: &dyn fmt::Display) {
        self.pair(field, format_args!("\"{}\"", Escaped(OneLine(value))));
    }
}

impl Visit for Pairs<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.pair(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.pair(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.pair(field, format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.pair(field, format_args!("{value}")),
            false => self.pair(field, format_args!("null")),
        }
    }
}

/// Writes the message alone.
struct Message<'a, 'w>(&'a mut Writer<'w>, fmt::Result);

impl Visit for Message<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.1 = write!(self.0, "{}", Escaped(OneLine(format_args!("{value:?}"))));
        }
    }
}

/// What stands between the quotation marks of a string (RFC 8259, section 7).
struct Escaped<T>(T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\x1f')) {
            let (plain, escaped) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut escaped = escaped.chars();
            match escaped.next() {
                Some(c @ ('"' | '\\')) => write!(self.0, "\\{c}")?,
                Some(c) => write!(self.0, "\\u{:04x}", u32::from(c))?,
                None => {}
            }
            rest = escaped.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use serde_json::{Value, json};
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::logging::lines_of;

    /// The objects of a log.
    fn objects(act: impl FnOnce()) -> Vec<Value> {
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Line)
            .fmt_fields(Fields);
        let log = lines_of(|writer| layer.with_writer(writer).boxed(), act);
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn whatever_a_line_is_about_its_keys_stand_at_the_top() {
        let lines = objects(|| {
            tracing::info!(route = "orders", listen = %"127.0.0.1:1", "listening");
            let span =
                tracing::error_span!("session", route = %"orders", number = 7_u64, peer = %"ann");
            span.in_scope(|| {
                tracing::warn!(
                    error = "no",
                    peer = "bob",
                    took_ms = 1.5,
                    at_rest = true,
                    "refused"
                )
            });
        });
        for line in &lines {
            assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
            assert_eq!(line["target"], module_path!(), "{line}");
            assert_eq!(line["route"], "orders", "{line}");
        }
        let mut refused = lines[1].clone();
        refused.as_object_mut().unwrap().remove("timestamp");
        let expected = json!({
            "level": "WARN", "target": module_path!(), "message": "refused", "route": "orders", "number": 7, "peer": "bob",
            "error": "no", "took_ms": 1.5, "at_rest": true,
        });
        assert_eq!(refused, expected);
    }

    #[test]
    fn a_line_stays_one_object_whatever_its_fields_say() {
        let lines = objects(|| {
            let evil = "\"}\n{\\ \u{1b}[2J eyJhbGciOi.e30.c2ln";
            let span = tracing::error_span!("session", peer = %evil);
            span.in_scope(|| {
                tracing::info!(error = evil, target = "odd", number = f64::NAN, "{evil}")
            });
        });
        assert_eq!(lines.len(), 1);
        let shown = "\"}\\n{\\ \\u{1b}[2J [token]";
        for key in ["message", "error", "peer"] {
            assert_eq!(lines[0][key], shown, "{key}");
        }
        assert_eq!(lines[0]["_target"], "odd");
        assert_eq!(lines[0]["number"], Value::Null);
    }
}
