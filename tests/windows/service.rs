//! The Windows service, on a machine of its own: installed, started, asked and removed as an administrator does, and found out as one does.
//!
//! Wine's service manager starts nothing again that has failed, and knows no account but its user: what of these is right, a real Windows
//! shows.

use std::fs;
use std::io::PipeWriter;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Instant;

use azdb_tests::{Emulated, PATIENCE, Process, Ran, RawApp, lasting_directory};

use crate::wine::{Log, exe, for_windows, wine_of};

/// A Windows machine, and an emulated Azure that its environment knows.
struct Machine {
    emulated: Emulated,
    prefix: PathBuf,
    /// Whoever is logged in: Windows goes down without.
    session: Process,
    _stays: PipeWriter,
}

impl Machine {
    fn new() -> Self {
        let emulated = Emulated::new();
        let prefix = lasting_directory("wine-");
        for (name, value) in emulated.environment() {
            let key = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
            let set = ["add", key, "/v", name, "/d", &value, "/f"];
            let _ = wine_of(&prefix, "reg").args(set).run().succeeded();
        }
        // Services have the environment of before.
        let _ = wine_of(&prefix, "wineboot").arg("-k").run();
        let (stays, quiet) = pipe();
        let session = wine_of(&prefix, "cmd").env("WINEDEBUG", "-all,+eventlog");
        let session = session.stdin_from(quiet).start();
        session.stderr_until(|log| log.contains("Event Log Service").then_some(()));
        Self {
            emulated,
            prefix,
            session,
            _stays: stays,
        }
    }

    /// The route to the emulated database, with more of the configuration in front of it.
    fn configuration(&self, more: &str) -> String {
        let route = for_windows(&self.emulated.route());
        format!("[admin]\nlisten = \"off\"\n[identity]\nsource = \"app-service\"\n{more}\n{route}")
    }

    fn configure(&self, configuration: &str) {
        fs::create_dir_all(self.home()).unwrap();
        fs::write(self.home().join("proxy.toml"), configuration).unwrap();
    }

    fn home(&self) -> PathBuf {
        self.prefix.join("drive_c/ProgramData/azdb-proxy")
    }

    fn service(&self, word: &str) -> Ran {
        let service = wine_of(&self.prefix, exe().to_str().unwrap());
        service.args(["service", word]).run()
    }

    fn log(&self) -> Log {
        Log(self.home().join("logs/azdb-proxy.log"))
    }

    /// Waits until the Event Log has a message of this weight, which Wine prints: `err`, `warn` or `trace`.
    #[track_caller]
    fn event(&self, weight: &str, message: &str) {
        self.session.stderr_until(|events| {
            let is_it = |event: &&str| {
                event.contains(&format!("{weight}:eventlog:ReportEventW"))
                    && event.contains(message)
            };
            events.lines().find(is_it).map(drop)
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = wine_of(&self.prefix, "wineboot").arg("-k").run();
    }
}

fn pipe() -> (PipeWriter, std::os::fd::OwnedFd) {
    let (reader, writer) = std::io::pipe().unwrap();
    (writer, reader.into())
}

#[test]
fn a_service_is_installed_serves_reads_its_configuration_again_drains_and_is_removed() {
    let machine = Machine::new();
    machine.configure(&machine.configuration("[process]\nmax_sigterm_delay = \"0s\"\n"));
    let installed = machine.service("install");
    let told = installed.succeeded();
    for part in [
        r"as NT SERVICE\azdb-proxy",
        r"C:\ProgramData\azdb-proxy\proxy.toml",
        r"C:\ProgramData\azdb-proxy\logs\azdb-proxy.log",
        "Next: azdb-proxy service start",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(machine.home().join("state").is_dir());
    let source = r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\azdb-proxy";
    let query = || {
        wine_of(&machine.prefix, "reg")
            .args(["query", source])
            .run()
    };
    assert!(query().succeeded().contains("EventCreate.exe"));
    let again = machine.service("install");
    assert!(again.succeeded().contains("is changed"), "{again:?}");

    let status = machine.service("status");
    assert!(
        status.stdout.contains("state          stopped"),
        "{status:?}"
    );
    assert_eq!(status.code, Some(1));
    let _ = machine.service("start").succeeded();
    machine.event("trace", " serves");
    let status = machine.service("status");
    assert!(
        status
            .succeeded()
            .contains("state          running\nprocess "),
        "{status:?}"
    );

    let mut app = RawApp::connect(machine.log().door());
    app.log_in("anyone");
    let _ = machine.service("reload").succeeded();
    machine.log().until(|log| {
        let (_, after) = log.split_once("again cause=SERVICE_CONTROL_PARAMCHANGE")?;
        after
            .contains("the configuration is in force")
            .then_some(())
    });

    let _ = machine.service("stop").succeeded();
    // The session that was there had its goodbye, and a service that was stopped has not failed.
    assert_eq!(app.error().field('C').as_deref(), Some("57P01"));
    machine.event("trace", "azdb-proxy has ended");
    let log = machine.log().text();
    assert!(log.contains("why=SERVICE_CONTROL_STOP"), "{log}");
    let status = machine.service("status");
    assert!(status.stdout.contains("exit code      0\n"), "{status:?}");

    let gone = machine.service("uninstall");
    assert!(gone.succeeded().contains("are still there"), "{gone:?}");
    assert_ne!(query().code, Some(0));
    assert!(machine.home().join("proxy.toml").is_file());
    let asked = machine.service("start");
    assert!(
        asked
            .failed()
            .contains("run azdb-proxy service install first"),
        "{asked:?}"
    );
}

#[test]
fn a_service_that_cannot_start_says_why_to_whoever_starts_it_in_its_log_and_in_the_event_log() {
    let machine = Machine::new();
    machine.configure("[[route]]\nnonsense = 1\n");
    let refused = machine.service("install");
    assert_eq!(refused.code, Some(78));
    assert!(
        refused.stderr.contains("nonsense: unknown key"),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains("the service was not installed"),
        "{refused:?}"
    );
    assert!(
        machine
            .service("status")
            .failed()
            .contains("service install")
    );

    // Whoever may write it says where tokens go.
    machine.configure(&machine.configuration(""));
    let file = machine.home().join("proxy.toml");
    let mode = |bits| fs::set_permissions(&file, fs::Permissions::from_mode(bits)).unwrap();
    mode(0o666);
    let refused = machine.service("install");
    assert_eq!(refused.code, Some(78));
    for words in [
        "Everyone may write it: icacls",
        "the service was not installed",
    ] {
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    mode(0o644);
    let _ = machine.service("install").succeeded();
    machine.configure("[[route]]\nnonsense = 1\n");
    let refused = machine.service("start");
    assert_eq!(refused.code, Some(78));
    let why = "nonsense: unknown key";
    assert!(refused.stderr.contains(why), "{refused:?}");
    assert!(machine.log().text().contains(why));
    machine.event("err", why);
    machine.event("err", "azdb-proxy has ended with exit code 78");
    let status = machine.service("status");
    assert!(
        status
            .stdout
            .contains("exit code      78 (bad configuration)"),
        "{status:?}"
    );

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let door = taken.local_addr().unwrap().to_string();
    machine.configure(&machine.configuration("").replace("127.0.0.1:0", &door));
    let failed = machine.service("start");
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains(&door), "{failed:?}");
    assert!(!failed.stderr.contains(why), "{failed:?}");
    machine.event("err", &door);

    // What was wrong is right now, and nothing of it is left.
    machine.configure(&machine.configuration(""));
    let _ = machine.service("start").succeeded();
    RawApp::connect(machine.log().door()).log_in("anyone");
}

#[test]
fn a_service_that_is_killed_is_told_from_one_that_was_stopped() {
    let machine = Machine::new();
    machine.configure(&machine.configuration(""));
    let _ = machine.service("install").succeeded();
    let _ = machine.service("start").succeeded();
    let kill = wine_of(&machine.prefix, "taskkill").args(["/f", "/im", "azdb-proxy.exe"]);
    let _ = kill.run().succeeded();
    let begun = Instant::now();
    loop {
        let status = machine.service("status");
        if status
            .stdout
            .contains("exit code      1067 (it ended without a word")
        {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{status:?}");
    }
    let _ = machine.service("start").succeeded();
    RawApp::connect(machine.log().door()).log_in("anyone");
    let _ = machine.service("stop").succeeded();
}
