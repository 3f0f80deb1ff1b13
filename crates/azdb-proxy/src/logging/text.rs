//! Lines for people: `name=value`, with text that may repeat a peer's in one line.

use std::fmt;

use azdb_quote::OneLine;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// The fields of a line or a span.
pub(super) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut pairs = Pairs {
            gap: "",
            writer: &mut writer,
            outcome: Ok(()),
        };
        fields.record(&mut pairs);
        pairs.outcome
    }
}

struct Pairs<'a, 'w> {
    /// What stands before the next one.
    gap: &'static str,
    writer: &'a mut Writer<'w>,
    outcome: fmt::Result,
}

impl Pairs<'_, '_> {
    /// Every session has two dozen of these: what needs no formatting is written as it is.
    fn name(&mut self, field: &Field) -> fmt::Result {
        self.writer.write_str(self.gap)?;
        self.gap = " ";
        match field.name() {
            "message" => Ok(()),
            name => {
                self.writer.write_str(name)?;
                self.writer.write_char('=')
            }
        }
    }

    /// What can hold no text.
    fn number(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = self
            .name(field)
            .and_then(|()| write!(self.writer, "{value:?}"));
        self.outcome = self.outcome.and(written);
    }
}

impl Visit for Pairs<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = OneLine(format_args!("{value:?}"));
        let written = self
            .name(field)
            .and_then(|()| write!(self.writer, "{value}"));
        self.outcome = self.outcome.and(written);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, &value);
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::logging::lines_of;

    #[test]
    fn a_line_is_one_whatever_its_fields_say() {
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .fmt_fields(Fields);
        let evil = "}\n{ \u{1b}[2J eyJhbGciOi.e30.c2ln";
        let log = lines_of(
            |writer| layer.with_writer(writer).boxed(),
            || {
                let span = tracing::error_span!("session", peer = %evil, number = 7_u64);
                span.in_scope(|| {
                    tracing::info!(error = evil, left_s = 1.5, at_rest = true, "{evil}")
                });
            },
        );
        let shown = r"}\n{ \u{1b}[2J [token]";
        let quoted = r#""}\n{ \u{1b}[2J [token]""#;
        let expected = format!(
            " INFO session{{peer={shown} number=7}}: {shown} error={quoted} left_s=1.5 at_rest=true\n"
        );
        assert_eq!(log, expected);
    }
}
