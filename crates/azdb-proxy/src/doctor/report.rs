//! Findings for people and for machines.

use serde_json::{Value, json};

use super::finding::{Finding, Findings, Verdict};
use super::way::milliseconds;

/// Where lines end, in a terminal as in a log.
const WIDTH: usize = 80;
/// Where what was found begins.
const INDENT: usize = 24;

/// A line per step, and more where it takes more.
pub(super) fn text(findings: &Findings) -> String {
    let marks = Marks::of_this_place();
    let mut lines = wrapped(&findings.title, 2);
    for finding in &findings.list {
        lines.extend(lines_of(finding, &marks));
    }
    lines.push(match findings.cross() {
        None => format!("  {}: an app can come", findings.route),
        Some(step) => format!(
            "  {}: no app can come, see {} (exit code {})",
            findings.route,
            step.word(),
            step.code()
        ),
    });
    lines.push(String::new());
    lines.join("\n")
}

fn lines_of(finding: &Finding, marks: &Marks) -> Vec<String> {
    let took = finding.took.map(milliseconds).unwrap_or_default();
    let mark = marks.of(finding.verdict);
    let head = format!("  {mark:<2} {:<11}{took:>7} ", finding.step.word());
    let mut lines = wrapped(&format!("{head:<INDENT$}{}", finding.said), INDENT);
    if let Some(remedy) = &finding.remedy {
        lines.extend(wrapped(
            &format!("{:INDENT$}{} {remedy}", "", marks.remedy),
            INDENT + 3,
        ));
    }
    lines
}

/// What stands before a step.
struct Marks {
    good: &'static str,
    doubtful: &'static str,
    bad: &'static str,
    untried: &'static str,
    remedy: &'static str,
}

impl Marks {
    const SIGNS: Self = Self {
        good: "✓",
        doubtful: "?",
        bad: "✗",
        untried: "·",
        remedy: "→",
    };
    const WORDS: Self = Self {
        good: "ok",
        doubtful: "?",
        bad: "NO",
        untried: "-",
        remedy: "=>",
    };

    /// A locale that says nothing of UTF-8, as that of an image from scratch, gets words.
    fn of_this_place() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        match locale.contains("utf-8") || locale.contains("utf8") {
            true => Self::SIGNS,
            false => Self::WORDS,
        }
    }

    fn of(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Good => self.good,
            Verdict::Doubtful => self.doubtful,
            Verdict::Bad => self.bad,
            Verdict::Untried => self.untried,
        }
    }
}

/// Lines of at most [`WIDTH`] characters, broken at spaces; all but the first begin with so many spaces. A longer word stays whole: it is
/// for copying.
fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        let length = line.chars().count() + word.trim_end().chars().count();
        if length > WIDTH && line.chars().count() > indent {
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(indent);
        }
        line.push_str(word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// One object, with a list of ways.
pub(super) fn json(all: &[Findings]) -> String {
    let ways: Vec<Value> = all.iter().map(way).collect();
    let code = all
        .iter()
        .find_map(Findings::cross)
        .map_or(0, |step| step.code());
    format!("{:#}", json!({ "exit_code": code, "ways": ways }))
}

fn way(findings: &Findings) -> Value {
    let steps: Vec<Value> = findings.list.iter().map(step).collect();
    json!({
        "route": findings.route,
        "way": findings.title,
        "cross": findings.cross().map(|step| step.word()),
        "steps": steps,
    })
}

fn step(finding: &Finding) -> Value {
    let verdict = match finding.verdict {
        Verdict::Good => "good",
        Verdict::Doubtful => "doubtful",
        Verdict::Bad => "bad",
        Verdict::Untried => "untried",
    };
    json!({
        "step": finding.step.word(),
        "verdict": verdict,
        "said": finding.said,
        "remedy": finding.remedy,
        "took_ms": finding.took.map(|took| (took.as_secs_f64() * 1_000_000.0).round() / 1000.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Step;

    #[test]
    fn lines_end_at_the_edge_and_long_words_stay_whole() {
        let long = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token";
        let finding = Finding::bad(Step::Token, format!("no answer from {long} since the day before yesterday, as it were, at all"))
            .remedy(Some("look at the way there, at the firewall, at the proxy, and at whatever else there may be".to_owned()));
        for marks in [Marks::SIGNS, Marks::WORDS] {
            let lines = lines_of(&finding, &marks);
            assert!(lines.len() > 3, "{lines:?}");
            for (number, line) in lines.iter().enumerate() {
                assert!(
                    line.chars().count() <= WIDTH || line.contains(long),
                    "{line}"
                );
                assert!(
                    number == 0 || line.starts_with(&" ".repeat(INDENT)),
                    "{line}"
                );
            }
        }
    }
}
