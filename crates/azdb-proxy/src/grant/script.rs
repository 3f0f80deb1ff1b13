//! SQL in the order in which it runs, with what its reader should know.

use std::fmt;

/// SQL for one server.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// What it is, for whoever reads it first.
    pub(super) head: Vec<String>,
    /// What the client must hear before anything else, as it stands there.
    pub(super) prelude: Vec<String>,
    /// In the order in which they run.
    pub(super) parts: Vec<Part>,
    /// What stands behind a statement.
    pub(super) end: &'static str,
    /// Whether its client replaces `$(name)`, in comments, too.
    pub(super) has_variables: bool,
}

/// What runs in one database.
#[derive(Debug)]
pub(super) struct Part {
    /// What it does.
    pub(super) title: String,
    /// Where it runs.
    pub(super) database: Place,
    /// In their order.
    pub(super) steps: Vec<Step>,
}

/// A database, and how a client of the engine gets there.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its name; `None` where any will do.
    #[cfg_attr(not(feature = "doctor"), expect(dead_code, reason = "for --apply"))]
    pub(super) name: Option<String>,
    /// The line for the client, where it has one.
    pub(super) enter: Option<String>,
}

/// A step of a part. Statements stand without what ends them.
#[derive(Debug)]
pub(super) enum Step {
    /// For the reader alone.
    Remark(String),
    /// A statement for the reader alone, who may want it.
    Aside(String),
    /// Runs whatever was there before.
    Run(String),
    /// Makes the principal, which may be there already.
    Create(Create),
    /// Shows what there is now.
    Look(String),
}

/// How the principal is made, and how one sees whose it is.
#[cfg_attr(not(feature = "doctor"), expect(dead_code, reason = "for --apply"))]
#[derive(Debug)]
pub(super) struct Create {
    /// Makes it.
    pub(super) sql: String,
    /// Shows it: a row with [`Create::name`] and [`Create::id`] in it.
    pub(super) look: String,
    /// In which columns of that the name is, and in which the id.
    pub(super) columns: (&'static [&'static str], &'static str),
    /// As the server calls it.
    pub(super) name: String,
    /// What the server knows the identity by; `None` where that is not known here.
    pub(super) id: Option<String>,
    /// Whether what stands in the id's column says this id.
    pub(super) is_known_by: fn(&str, &str) -> bool,
    /// For whoever finds it to be somebody else's.
    pub(super) remedy: &'static str,
}

impl Script {
    /// The same as comments: to be read and not run.
    pub(super) fn as_remarks(&self) -> String {
        let mut text = String::new();
        let _ = self.write_body(&mut text);
        let mut remarks = String::new();
        let _ = self.remark(&mut remarks, text.trim_end());
        remarks
    }

    fn write_body(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let mut place = None;
        for part in &self.parts {
            writeln!(out)?;
            self.prose(out, &part.title)?;
            if let Some(enter) = part.database.enter.as_ref()
                && place.replace(enter) != Some(enter)
            {
                writeln!(out, "{enter}")?;
            }
            for step in &part.steps {
                match step {
                    Step::Remark(text) => self.prose(out, text)?,
                    Step::Aside(sql) => self.remark(out, &format!("  {sql}{}", self.end))?,
                    Step::Run(sql) | Step::Look(sql) | Step::Create(Create { sql, .. }) => {
                        writeln!(out, "{sql}{}", self.end)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A comment in lines that fit a page.
    fn prose(&self, out: &mut impl fmt::Write, text: &str) -> fmt::Result {
        self.remark(out, &wrapped(text))
    }

    /// A comment, whatever is in it.
    fn remark(&self, out: &mut impl fmt::Write, text: &str) -> fmt::Result {
        if self.has_variables {
            remark(out, &text.replace("$(", "$ ("))
        } else {
            remark(out, text)
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.head {
            // What begins with spaces is for a shell, or a table.
            match line.starts_with(' ') {
                true => self.remark(f, line)?,
                false => self.prose(f, line)?,
            }
        }
        if !self.prelude.is_empty() {
            writeln!(f)?;
        }
        for line in &self.prelude {
            writeln!(f, "{line}")?;
        }
        self.write_body(f)
    }
}

/// The same words, with breaks between them.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 97;
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        let fits = width + 1 + length <= WIDTH;
        match (lines.is_empty(), fits) {
            (true, _) => width = length,
            (false, true) => {
                lines.push(' ');
                width += 1 + length;
            }
            (false, false) => {
                lines.push('\n');
                width = length;
            }
        }
        lines.push_str(word);
    }
    lines
}

/// Every line behind the marks of a comment, which ends where the line does, for PostgreSQL also at a carriage return.
pub(super) fn remark(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    for line in text.split(['\n', '\r']) {
        writeln!(out, "{}", format!("-- {line}").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Were a line of it no comment, it would be run.
        #[test]
        fn every_line_of_a_remark_is_a_comment(text in "(\\PC|[\n\r\t]|[$][(]){0,80}") {
            for has_variables in [false, true] {
                let script = Script { has_variables, ..Script::default() };
                let mut out = String::new();
                script.remark(&mut out, &text).unwrap();
                script.prose(&mut out, &text.repeat(9)).unwrap();
                for line in out.lines() {
                    prop_assert!(line.starts_with("--"), "{line:?}");
                    prop_assert!(!line.contains('\r'), "{line:?}");
                    prop_assert!(!has_variables || !line.contains("$("), "{line:?}");
                }
            }
        }
    }
}
