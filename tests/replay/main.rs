//! Replays what fuzzers are seeded with, and what they have found: see `scripts/fuzz`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail loudly"
)]

use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
#[expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a fuzzer wants to see it fail"
)]
mod fuzzed;

/// Runs a target on every file of its corpus.
#[track_caller]
fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus");
    for file in files {
        eprintln!("{}", file.display());
        run(&std::fs::read(file).unwrap());
    }
}

#[test]
fn codecs() {
    replay("codecs", fuzzed::codecs::run);
}

#[test]
fn watches() {
    replay("watches", fuzzed::watches::run);
}

#[test]
fn translations() {
    replay("translations", fuzzed::translations::run);
}

#[test]
fn logins() {
    replay("logins", fuzzed::logins::run);
}

#[test]
fn configuration() {
    replay("configuration", fuzzed::configuration::run);
}

#[test]
fn answers() {
    replay("answers", fuzzed::answers::run);
}

#[test]
fn envelopes() {
    replay("envelopes", fuzzed::envelopes::run);
}

#[test]
fn records() {
    replay("records", fuzzed::records::run);
}

#[test]
fn http() {
    replay("http", fuzzed::http::run);
}

#[test]
fn tls() {
    replay("tls", fuzzed::tls::run);
}
