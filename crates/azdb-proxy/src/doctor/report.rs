//! Findings for people and for machines.

use serde_json::{Value, json};

use super::finding::{Finding, Findings, Verdict};
use super::way::milliseconds;

/// Where lines end, in a terminal as in a log.
const WIDTH: usize = 80;
/// Where what was found begins.
const INDENT: usize = 24;

/// A line per step, and more where it takes more.
pub(super) fn text(findings: &Findings, marks: &Marks) -> String {
    let mut lines = wrapped(&findings.title, 2);
    for finding in &findings.list {
        lines.extend(lines_of(finding, marks));
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
pub(super) struct Marks {
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
    pub(super) fn of_this_place() -> Self {
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
    use std::time::Duration;

    use super::*;
    use crate::doctor::finding::Step;

    /// A way whose firewall is closed.
    fn documented() -> Findings {
        let ms = |ms| Some(Duration::from_millis(ms));
        let title = "orders: postgres, orders.postgres.database.azure.com:5432, as orders-app";
        let mut findings = Findings::of("orders", title.to_owned());
        let identity = "from app-service (picked by auto), system-assigned";
        findings.add(Finding::good(Step::Identity, identity));
        let token = "for https://ossrdbms-aad.database.windows.net, good for 23 h";
        findings.add(Finding::good(Step::Token, token).took(ms(31)));
        let claims = "an identity, \"orders-app\", object id c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02, client id \
                      7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01, tenant 5ba9b9e1-5c5c-4f0e-9d0a-1d9b3c6f2a10";
        findings.add(Finding::good(Step::Claims, claims));
        let name = "orders.postgres.database.azure.com is 20.61.99.193 (public)";
        findings.add(Finding::good(Step::Name, name).took(ms(12)));
        let cause = "cannot connect to `orders.postgres.database.azure.com:5432` at 20.61.99.193: no answer in 9s";
        let remedy = "add this machine's outgoing address to the server's firewall rules, and let network security groups (NSG) here \
                      pass TCP 5432; where its public access is off: virtual network (VNet integration or peering), private endpoint and \
                      private DNS zone privatelink.postgres.database.azure.com";
        let cross = Finding::bad(Step::Connection, cause).remedy(Some(remedy.to_owned()));
        findings.add(cross.took(ms(9000)));
        findings.untried(&[Step::Tls, Step::Login, Step::Query]);
        findings
    }

    #[test]
    fn page_shows_what_is_printed_and_every_code() {
        let page = include_str!("../../../../docs/doctor.md");
        let printed = text(&documented(), &Marks::SIGNS);
        assert!(page.contains(printed.trim_end()), "{printed}");
        for step in Step::ALL {
            let (word, code) = (step.word(), step.code());
            let row = |line: &&str| {
                line.starts_with(&format!("| {code} |")) && line.contains(&format!("`{word}`"))
            };
            assert!(page.lines().any(|line| row(&line)), "{word} {code}");
        }
    }

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
