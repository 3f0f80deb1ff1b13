//! What a person does at a console.

use azdb_tests::{Emulated, Program, RawApp, lasting_directory};

use crate::wine::{Log, SCRIPT, exe, for_windows};

/// Closing the window is for a real Windows: Wine's own programs end without it.
#[test]
fn ctrl_c_drains() {
    let emulated = Emulated::new();
    let directory = lasting_directory("console-");
    let (file, log) = (directory.join("proxy.toml"), directory.join("log"));
    let settings = "[process]\nmax_sigterm_delay = \"0s\"\n[admin]\nlisten = \"off\"\n";
    let route = for_windows(&emulated.route());
    std::fs::write(&file, format!("{settings}{route}")).unwrap();
    let command = format!(
        "exec '{SCRIPT}' wine '{exe}' run --config 'Z:{file}' --log-file 'Z:{log}' --state-dir 'Z:{state}'",
        exe = exe().display(),
        file = file.display(),
        log = log.display(),
        state = directory.join("state").display(),
    );
    let mut console = Program::new("script").args(["-q", "-e", "-c", &command, "/dev/null"]);
    for (name, value) in emulated.environment() {
        console = console.env(name, value);
    }
    let mut console = console.interactive().start();
    let log = Log(log);
    let mut app = RawApp::connect(log.door());
    app.log_in("anyone");
    console.type_bytes(b"\x03");
    assert_eq!(app.error().field('C').as_deref(), Some("57P01"));
    log.until(|log| log.contains("why=CTRL_C_EVENT").then_some(()));
    assert_eq!(console.wait().code, Some(130), "a session was cut");
}
