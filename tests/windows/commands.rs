//! The command line.

use azdb_tests::Start;

use crate::wine::wine;

#[test]
fn an_empty_machine_is_told_where_windows_keeps_a_configuration() {
    let told = Start::new(&["check"]).run();
    let place = r"C:\ProgramData\azdb-proxy\proxy.toml";
    assert!(told.failed().contains(place), "{told:#?}");
}

#[test]
fn wine_says_that_it_is_windows() {
    let version = wine("cmd").args(["/c", "ver"]).run();
    assert!(
        version.succeeded().contains("Microsoft Windows"),
        "{version:#?}"
    );
}
