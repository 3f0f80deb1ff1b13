//! `/status` for a person: the same facts, in a page that a phone can show and that asks nobody for anything.
//!
//! Whatever stands in the JSON stands here. A list of objects is a section, an object a card, an object in it a part of that card; numbers
//! are spelled by what their names say they are.

use std::time::{Duration, UNIX_EPOCH};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

/// The page comes again by itself.
const SECONDS_BETWEEN_LOOKS: u8 = 5;
/// What may be loaded: nothing.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const STYLE: &str = include_str!("page.css");

/// Keys that say what their object is about, most telling first.
const TITLES: [&str; 3] = ["name", "identity", "state"];
/// Keys of what went wrong, and of what to do.
const WRONG: &str = "cause";
const REMEDY: &str = "remedy";

/// The page for what `/status` says.
pub(super) fn of(status: &Value) -> String {
    let none = Map::new();
    let facts = status.as_object().unwrap_or(&none);
    let state = facts.get("state").map(shown_alone).unwrap_or_default();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content=(SECONDS_BETWEEN_LOOKS);
                title { "azdb-proxy: " (state) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "azdb-proxy" }
                    span .state.(state) { (state) }
                    @for (key, value) in plain(facts) {
                        @if key != "state" { span .fact { (words(key)) " " b { (shown(key, value)) } } }
                    }
                }
                @for (key, items) in facts.iter().filter_map(|(key, value)| Some((key, cards(value)?))) {
                    section { h2 { (words(key)) } div .cards { @for item in items { (card(item)) } } }
                }
                @for (key, part) in facts.iter().filter_map(|(key, value)| Some((key, value.as_object()?))) {
                    section { h2 { (words(key)) } div .cards { article .wrong[is_wrong(part)] { (body(part)) } } }
                }
            }
        }
    };
    page.into_string()
}

/// The items of a list of objects.
fn cards(value: &Value) -> Option<&Vec<Value>> {
    value
        .as_array()
        .filter(|items| items.iter().any(Value::is_object))
}

/// Whether somebody must look after it.
fn is_wrong(facts: &Map<String, Value>) -> bool {
    let problems = facts.get("problems").and_then(Value::as_array);
    facts.get("failing") == Some(&Value::Bool(true))
        || problems.is_some_and(|problems| !problems.is_empty())
}

fn card(item: &Value) -> Markup {
    let none = Map::new();
    let facts = item.as_object().unwrap_or(&none);
    let title = TITLES.into_iter().find(|key| facts.contains_key(*key));
    let title = title.unwrap_or_default();
    html! {
        article .wrong[is_wrong(facts)] {
            h3 { (facts.get(title).map(shown_alone).unwrap_or_default()) }
            (body(&without(facts, &[title])))
        }
    }
}

/// The facts of a card, and then its parts.
fn body(facts: &Map<String, Value>) -> Markup {
    html! {
        dl {
            @for (key, value) in plain(facts) {
                dt { (words(key)) } dd .(key) { (shown(key, value)) }
            }
        }
        @for (key, value) in facts {
            @if let Value::Object(part) = value {
                div .part.wrong[part.contains_key(WRONG)] {
                    h4 { (words(key)) }
                    @if let Some(cause) = part.get(WRONG) { p .cause { (shown_alone(cause)) } }
                    @if let Some(remedy) = part.get(REMEDY) { p .remedy { "What to do: " (shown_alone(remedy)) } }
                    (body(&without(part, &[WRONG, REMEDY])))
                }
            }
        }
    }
}

fn without(part: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let rest = part.iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    rest.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What fits on a line.
fn plain(facts: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let is_plain = |value: &Value| match value {
        Value::Null | Value::Object(_) => false,
        Value::Array(items) => !items.is_empty() && !items.iter().any(Value::is_object),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    let facts = facts.iter().map(|(key, value)| (key.as_str(), value));
    facts.filter(move |(_, value)| is_plain(value))
}

/// A key as a person reads it: its unit stands with the value.
fn words(key: &str) -> String {
    const UNITS: [&str; 3] = ["_seconds", "_total", "_unix_time"];
    let bare = UNITS.iter().find_map(|unit| key.strip_suffix(unit));
    match bare.unwrap_or(key) {
        "unix_time" => "at".to_owned(),
        bare => bare.replace('_', " "),
    }
}

/// A value as a person reads it, by what its key says that it is.
fn shown(key: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(seconds) if key.ends_with("_seconds") => spelled(seconds),
        Some(at) if key.ends_with("unix_time") => {
            httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at))
        }
        Some(bytes) if key.starts_with("bytes_") => sized(bytes),
        _ => shown_alone(value),
    }
}

fn shown_alone(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown_alone).collect();
            items.join(", ")
        }
        Value::Object(_) => value.to_string(),
    }
}

/// The two largest units of a duration.
fn spelled(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A number of bytes with three digits at most.
fn sized(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = "B";
    let mut whole = bytes;
    let mut tenths = 0;
    for larger in UNITS {
        if whole < 1024 {
            break;
        }
        (tenths, whole, unit) = (whole % 1024 * 10 / 1024, whole / 1024, larger);
    }
    match whole {
        0..10 if unit != "B" => format!("{whole}.{tenths} {unit}"),
        _ => format!("{whole} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_the_json_says_stands_on_the_page() {
        let page = of(&json!({
            "version": "0.1.0",
            "state": "serving",
            "routes": [{
                "name": "orders",
                "upstream": ["a:1", "b:2"],
                "sessions_open": 7,
                "bytes_from_app_total": 5_000_000,
                "last_refusal": { "cause": "no token", "remedy": "assign it", "unix_time": 1_795_000_000 },
            }],
            "tokens": [{ "identity": "system", "expires_in_seconds": 86_000, "failing": true, "last_error": null }],
            "reload": { "state": "refused", "problems": ["proxy.toml:3: name: is empty"] },
        }));
        for part in [
            "0.1.0",
            "<h3>orders</h3>",
            "a:1, b:2",
            "sessions open",
            "4.7 MiB",
            "no token",
            "What to do: assign it",
            "Wed, 18 Nov 2026",
            "23 h 53 min",
            "proxy.toml:3: name: is empty",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("null") && !page.contains("<script"));
    }

    #[test]
    fn nothing_that_a_peer_said_becomes_a_tag() {
        let page = of(&json!({
            "state": "\"><script>alert(1)</script>",
            "routes": [{ "name": "<b>", "last_refusal": { "cause": "<img src=x onerror=alert(1)>", "a\"b": "'" } }],
        }));
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>&lt;b"));
        assert!(page.contains("&lt;img src=x"));
    }

    #[test]
    fn durations_and_sizes_are_read_at_a_glance() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (86_399, "23 h 59 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(spelled(seconds), text);
        }
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (15_000, "14 KiB"),
            (5_000_000_000, "4.6 GiB"),
        ] {
            assert_eq!(sized(bytes), text);
        }
    }
}
