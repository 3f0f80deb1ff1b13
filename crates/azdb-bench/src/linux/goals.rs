//! What was to be reached, and whether it is.

use std::collections::BTreeMap;

use super::figure::Figure;
use super::peer::Kind;
use super::report::{line, shown};
use super::samples::Samples;

/// The most that a figure of azdb-proxy may be.
struct Goal {
    figure: Figure,
    most: f64,
    measured: Measured,
}

/// By what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measured {
    /// As a part of what any HAProxy has.
    ByHaproxy,
    /// As a part of what HAProxy 2 has, which has least of it.
    ByHaproxy2,
    /// By itself.
    Alone,
}

const fn goal(figure: Figure, most: f64, measured: Measured) -> Goal {
    Goal {
        figure,
        most,
        measured,
    }
}

const GOALS: [Goal; 9] = [
    goal(Figure::CopyOutCpu, 0.5, Measured::ByHaproxy),
    goal(Figure::CopyInCpu, 0.55, Measured::ByHaproxy),
    goal(Figure::SelectCpu, 0.7, Measured::ByHaproxy),
    goal(Figure::PgbenchCpu, 0.8, Measured::ByHaproxy),
    goal(Figure::IdleFresh, 0.3, Measured::ByHaproxy2),
    goal(Figure::IdleUsed, 0.3, Measured::ByHaproxy2),
    goal(Figure::Latency, 0.85, Measured::ByHaproxy),
    goal(Figure::Start, 1.0, Measured::ByHaproxy),
    goal(Figure::Binary, 8.0, Measured::Alone),
];

/// The goals, those that were measured.
pub(super) fn table(out: &mut String, samples: &BTreeMap<(Kind, Figure), Samples>) {
    let rows: Vec<_> = GOALS.iter().flat_map(|goal| rows(goal, samples)).collect();
    if rows.is_empty() {
        return;
    }
    line(out, "\nGoals; ratios are taken round by round.\n");
    line(out, "| | azdb-proxy | at most | |\n|---|---:|---:|---|");
    rows.iter().for_each(|row| line(out, row));
}

fn rows(goal: &Goal, samples: &BTreeMap<(Kind, Figure), Samples>) -> Vec<String> {
    let name = goal.figure.shown().name;
    let of = |kind| samples.get(&(kind, goal.figure));
    let Some(ours) = of(Kind::Proxy) else {
        return Vec::new();
    };
    let beside: &[Kind] = match goal.measured {
        Measured::ByHaproxy => &[Kind::Haproxy2, Kind::Haproxy3],
        Measured::ByHaproxy2 => &[Kind::Haproxy2],
        Measured::Alone => {
            let unit = goal.figure.shown().unit;
            return row(&format!("{name}, {unit}"), ours, goal.most)
                .into_iter()
                .collect();
        }
    };
    let ratios = beside.iter().filter_map(|kind| {
        let name = format!("{name}, part of {}'s", kind.name());
        row(&name, &ours.over(of(*kind)?), goal.most)
    });
    ratios.collect()
}

fn row(name: &str, is: &Samples, most: f64) -> Option<String> {
    let verdict = verdict(is.median()?, most);
    Some(format!("| {name} | {} | {most} | {verdict} |", shown(is)))
}

fn verdict(is: f64, most: f64) -> String {
    match (is / most - 1.0) * 100.0 {
        beyond if beyond <= 0.0 => "met".to_owned(),
        beyond if beyond < 1.0 => "missed by less than 1 %".to_owned(),
        beyond => format!("missed by {beyond:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_missed_by_some_part_of_it() {
        assert_eq!(verdict(0.8, 0.8), "met");
        assert_eq!(verdict(0.88, 0.8), "missed by 10 %");
        assert_eq!(verdict(0.804, 0.8), "missed by less than 1 %");
    }

    #[test]
    fn a_goal_is_held_against_each_haproxy_that_took_part() {
        let samples = [
            (Kind::Proxy, 1.0),
            (Kind::Haproxy2, 2.0),
            (Kind::Haproxy3, 4.0),
        ]
        .map(|(kind, value)| ((kind, Figure::IdleFresh), Samples::from_iter([value])));
        let mut out = String::new();
        table(&mut out, &samples.clone().into());
        assert!(
            out.contains("HAProxy 2's | 0.50 | 0.3 | missed by 67 % |"),
            "{out}"
        );
        assert!(!out.contains("HAProxy 3"), "{out}");
        let samples = samples.map(|((kind, _), value)| ((kind, Figure::Start), value));
        let mut out = String::new();
        table(&mut out, &samples.into());
        assert!(out.contains("HAProxy 3's | 0.25 | 1 | met |"), "{out}");
    }
}
