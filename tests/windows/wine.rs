//! Windows programs, run by Wine.

use azdb_tests::Program;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/windows");

/// A program for Windows: a path of this machine, or one of Wine's own such as `cmd`, `reg` and `sc`. Its drive `Z:` is this machine's `/`.
pub(crate) fn wine(program: &str) -> Program {
    let wine = Program::new(SCRIPT).args(["wine", program]);
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => wine.env("CARGO_TARGET_DIR", target),
        None => wine,
    }
}
