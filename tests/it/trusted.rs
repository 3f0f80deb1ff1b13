//! `azdb-proxy ca --install`: an authority among those that the system's programs trust, where the system is the test's own.

use std::path::Path;

use azdb_tests::{Emulated, Program, Proxy, Ran, Start, binary};

/// A directory that is the system's for certificates, for as long as a command runs.
struct System {
    directory: tempfile::TempDir,
}

impl System {
    fn new() -> Self {
        let directory = tempfile::TempDir::new().unwrap();
        for (name, from) in [
            ("ssl", "/etc/ssl/."),
            ("added", "/usr/local/share/ca-certificates/."),
        ] {
            let to = directory.path().join(name);
            std::fs::create_dir(&to).unwrap();
            let copied = Program::new("cp").args(["-a", from]).arg(&to).run();
            let _ = copied.succeeded();
        }
        Self { directory }
    }

    /// Runs a script in which `ca` is ours, asked of that proxy's files.
    fn sh(&self, state: &Path, script: &str) -> Ran {
        let directory = self.directory.path().display();
        let program = binary("azdb-proxy");
        let script = format!(
            "mount --bind {directory}/ssl /etc/ssl
             mount --bind {directory}/added /usr/local/share/ca-certificates
             ca() {{ {program:?} ca \"$@\"; }}
             {script}"
        );
        Program::new("unshare")
            .args(["--mount", "sh", "-e", "-c", &script])
            .env("XDG_STATE_HOME", state)
            .run()
    }
}

fn state(proxy: &Proxy) -> std::path::PathBuf {
    proxy.directory().join("state")
}

#[test]
#[cfg_attr(not(has_namespaces), ignore = "no namespaces: see scripts/test")]
fn what_is_installed_is_trusted_by_openssl_until_it_is_uninstalled() {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.route()).start();
    let (system, state) = (System::new(), state(&proxy));
    let ran = system.sh(
        &state,
        "ca > $XDG_STATE_HOME/ca.pem
         openssl verify $XDG_STATE_HOME/ca.pem && exit 9
         ca --install --yes
         openssl verify $XDG_STATE_HOME/ca.pem
         ca --install --yes",
    );
    assert!(ran.succeeded().contains("ca.pem: OK"), "{ran:?}");
    for part in [
        "subject  `CN=azdb-proxy on this machine`",
        "can pose as 127.0.0.1, ::1, localhost before these programs, and as nobody else",
        "is trusted now: it is in /usr/local/share/ca-certificates",
        "is trusted already",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    // Without the proxy, by its files, which would go with its directory.
    let kept = system.directory.path().join("kept");
    let copied = Program::new("cp").arg("-a").args([&state, &kept]).run();
    let _ = copied.succeeded();
    assert_eq!(proxy.stop().code, Some(0));
    let ran = system.sh(
        &kept,
        "ca --uninstall
         openssl verify $XDG_STATE_HOME/ca.pem && exit 9
         ca --uninstall
         ca --uninstall --all",
    );
    let _ = ran.succeeded();
    for part in ["is no longer in", "nothing to take out of"] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    let left = std::fs::read_dir(system.directory.path().join("added")).unwrap();
    let ours = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("azdb-proxy")
    });
    assert_eq!(ours.count(), 0);
}

#[test]
#[cfg_attr(not(has_namespaces), ignore = "no namespaces: see scripts/test")]
fn nothing_is_trusted_without_a_yes_or_by_whoever_is_not_root() {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.route()).start();
    let (system, state) = (System::new(), state(&proxy));
    let ran = system.sh(&state, "ca --install </dev/null");
    assert_eq!(ran.code, Some(64), "{ran:?}");
    assert!(
        ran.stderr
            .contains("there is no terminal to ask at: say --yes"),
        "{ran:?}"
    );
    // By a user whose own authority it is: one may read it, and not write to the system's directory.
    let ran = system.sh(
        &state,
        &format!(
            "mkdir /etc/ssl/nobody && cp $XDG_STATE_HOME/azdb-proxy/local-tls.pem /etc/ssl/nobody/
             cp {:?} /etc/ssl/nobody/azdb-proxy
             chown -R 65534 /etc/ssl/nobody && chmod 755 /etc/ssl
             XDG_STATE_HOME=/nowhere setpriv --reuid 65534 --clear-groups /etc/ssl/nobody/azdb-proxy ca --install --yes --state-dir /etc/ssl/nobody",
            binary("azdb-proxy")
        ),
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("run it as root (sudo)"), "{ran:?}");
    let added = std::fs::read_dir(system.directory.path().join("added")).unwrap();
    let names = added.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with("azdb-proxy")));
}

#[test]
fn what_answers_at_a_port_is_not_trusted() {
    let ran = Start::new(&["ca", "--install", "--yes", "--at=127.0.0.1:9"]).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let why =
        "127.0.0.1:9 is not asked for what is to be trusted, since anybody could answer there";
    assert!(ran.stderr.contains(why), "{ran:?}");
}
