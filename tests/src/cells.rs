//! Cells of `docs/drivers.md`: read, and compared with those before.

use std::collections::BTreeMap;

/// Of the columns that a run fills.
pub const WAYS: [&str; 4] = [
    "as it comes",
    "told to use no TLS",
    "told to use TLS, our authority unknown",
    "`azdb-proxy ca` trusted, name verified",
];

/// A row's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// With its version.
    pub driver: String,
    /// One for each way.
    pub cells: [String; WAYS.len()],
}

/// Lines by the names of their rows.
pub type Lines = BTreeMap<String, Line>;

/// Text as it is, in a cell.
#[must_use]
pub fn code(text: &str) -> String {
    let text = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// The steps that a line's program can't do.
fn without(cell: &str) -> Vec<&str> {
    let list = cell.split_once(", without ").map(|(_, list)| list);
    list.into_iter().flat_map(|list| list.split(", ")).collect()
}

/// What is worse in a line than it was.
#[must_use]
pub fn worse(before: &Line, now: &Line) -> Vec<String> {
    let mut problems = Vec::new();
    for (way, (before, now)) in WAYS.iter().zip(before.cells.iter().zip(&now.cells)) {
        let lost = before.starts_with("works") && !now.starts_with("works");
        let lost_a_way = before.contains("; works with") && !now.contains("works");
        let lost_steps = without(now)
            .iter()
            .any(|step| !without(before).contains(step));
        if lost || lost_a_way || lost_steps && before.starts_with("works") {
            problems.push(format!("{way}: it was {before}\n    now it is {now}"));
        }
    }
    problems
}

/// The lines of a file's text.
#[must_use]
pub fn read(text: &str) -> Lines {
    text.lines().filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<(String, Line)> {
    let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<&str> = line.split(" | ").collect();
    let [_language, link, driver, cells @ ..] = cells.as_slice() else {
        return None;
    };
    let (name, _) = link.strip_prefix('[')?.split_once(']')?;
    let cells: [&str; WAYS.len()] = cells.try_into().ok()?;
    let line = Line {
        driver: (*driver).to_owned(),
        cells: cells.map(str::to_owned),
    };
    Some((name.to_owned(), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: [&str; 4]) -> Line {
        Line {
            driver: "psql 15".to_owned(),
            cells: cells.map(str::to_owned),
        }
    }

    #[test]
    fn a_line_reads_as_it_was_written() {
        let text = "# Drivers\n\n| language | program | driver | a | b | c | d |\n|---|---|---|---|---|---|---|\n\
                    | Go | [pq](../rows) | lib/pq 1 | works over TLS | works | refuses: `a \\| b` | – (none) |\n";
        let lines = read(text);
        let expected = Line {
            driver: "lib/pq 1".to_owned(),
            cells: ["works over TLS", "works", "refuses: `a \\| b`", "– (none)"].map(str::to_owned),
        };
        assert_eq!(lines, Lines::from([("pq".to_owned(), expected)]));
    }

    #[test]
    fn text_is_one_line_that_ends_no_cell() {
        assert_eq!(code("a | b\n  c"), "`a \\| b c`");
        assert_eq!(code("see `x`"), "`` see `x` ``");
    }

    #[test]
    fn what_is_as_good_or_better_is_not_worse() {
        let before = line([
            "works, without pool, cancel",
            "works with `off`",
            "refuses: `no`; works with `x`",
            "– (none)",
        ]);
        for now in [
            before.clone(),
            line([
                "works, without cancel",
                "works",
                "refuses: `never`; works with `y`",
                "works",
            ]),
            line([
                "works over TLS",
                "works with `another`",
                "works",
                "refuses: `no`",
            ]),
            line(["works", "works over TLS", "works with `x`", "– (none)"]),
        ] {
            assert_eq!(worse(&before, &now), [""; 0], "{now:?}");
        }
    }

    #[test]
    fn what_is_lost_is_worse() {
        let before = line([
            "works, without pool",
            "works",
            "refuses: `no`; works with `x`",
            "works with `ca`",
        ]);
        for now in [
            line([
                "refuses: `no`",
                "works",
                "refuses: `no`; works with `x`",
                "works with `ca`",
            ]),
            line([
                "works, without pool, cancel",
                "works",
                "refuses: `no`; works with `x`",
                "works with `ca`",
            ]),
            line([
                "works, without pool",
                "– (none)",
                "refuses: `no`; works with `x`",
                "works with `ca`",
            ]),
            line([
                "works, without pool",
                "works",
                "refuses: `no`",
                "works with `ca`",
            ]),
            line([
                "works, without pool",
                "works",
                "refuses: `no`; works with `x`",
                "works with `ca`, without large",
            ]),
        ] {
            assert_eq!(worse(&before, &now).len(), 1, "{now:?}");
        }
    }
}
