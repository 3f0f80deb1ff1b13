//! Who else logs in to this machine, and gets to the databases by it.

#[cfg(any(unix, test))]
use std::fs;
use std::sync::Arc;

use azdb_config::route::{ListenAddr, Route};
use azdb_quote::Quoted;

/// How a route is closed to them.
const REMEDY: &str = match cfg!(windows) {
    true => "set app_password_file, or listen on a pipe alone",
    false => "set app_password_file or allow_uids, or listen on a unix socket alone",
};

/// Users of people have numbers from here on, and below that of nobody (Debian's and Red Hat's `login.defs`).
#[cfg(any(unix, test))]
const PEOPLE: std::ops::Range<u32> = 1000..60_000;

/// Warns once, at the start, where others may log in to this machine and need nothing more to be the database's principal.
pub(crate) fn warn_of_neighbours(routes: &[Arc<Route>]) {
    let open: Vec<&str> = routes
        .iter()
        .filter(|route| is_open(route))
        .map(|route| &*route.name)
        .collect();
    let neighbours = others();
    let (Some(first), false) = (neighbours.first(), open.is_empty()) else {
        return;
    };
    tracing::warn!(
        routes = open.join(","),
        users = neighbours.len(),
        first = %Quoted(first.as_bytes()),
        "other users may log in to this machine, and get these databases without a password: {REMEDY}"
    );
}

/// Whether whoever is on this machine gets in over TCP.
fn is_open(route: &Route) -> bool {
    let has_port = route
        .listen
        .iter()
        .any(|listen| matches!(listen, ListenAddr::Tcp(_)));
    let are_users_known = cfg!(target_os = "linux") && route.admission.uids.is_some();
    has_port && route.app_passwords.is_none() && !are_users_known
}

/// The people who may log in but for our own user.
#[cfg(unix)]
fn others() -> Vec<String> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let neighbours = neighbours(&passwd, rustix::process::geteuid().as_raw());
    neighbours.into_iter().map(str::to_owned).collect()
}

/// The people who have logged in, but for our own user: each has a directory beside the public one.
#[cfg(not(unix))]
fn others() -> Vec<String> {
    let variable = |name| std::env::var_os(name).map(std::path::PathBuf::from);
    let directory = variable("PUBLIC").and_then(|public| public.parent()?.read_dir().ok());
    let names = directory.into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let own = variable("USERPROFILE");
    let own = own.as_ref().and_then(|own| own.file_name()?.to_str());
    profiles(names, own.unwrap_or_default())
}

/// Those names of directories that are people's, but for `own`.
#[cfg(any(not(unix), test))]
fn profiles(names: impl Iterator<Item = String>, own: &str) -> Vec<String> {
    let nobodys = [
        "Public",
        "Default",
        "Default User",
        "All Users",
        "desktop.ini",
        own,
    ];
    let is_persons = |name: &String| !nobodys.iter().any(|other| name.eq_ignore_ascii_case(other));
    names.filter(is_persons).collect()
}

/// The people of a password file who may log in, but for `own`.
#[cfg(any(unix, test))]
fn neighbours(passwd: &str, own: u32) -> Vec<&str> {
    let people = passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, _, _, _, shell] = fields.as_slice() else {
            return None;
        };
        let uid: u32 = uid.parse().ok()?;
        let logs_in = !["/nologin", "/false", "/sync"]
            .iter()
            .any(|end| shell.ends_with(end));
        (logs_in && uid != own && PEOPLE.contains(&uid)).then_some(*name)
    });
    people.collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use azdb_config::Overrides;
    use azdb_identity::Environment;

    use super::*;

    #[test]
    fn neighbours_are_people_with_a_shell_who_are_not_we() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
                      ann:x:1000:1000:,,,:/home/ann:/bin/bash\nbob:x:1001:1001::/home/bob:/usr/bin/zsh\n\
                      cyd:x:1002:1002::/home/cyd:/bin/false\nnobody:x:65534:65534::/:/usr/sbin/nologin\n+::::::\nhalf:x\n";
        assert_eq!(neighbours(passwd, 0), ["ann", "bob"]);
        assert_eq!(neighbours(passwd, 1000), ["bob"]);
        assert!(neighbours("", 0).is_empty());
    }

    #[test]
    fn on_windows_neighbours_are_whoever_has_logged_in() {
        let names = [
            "Public",
            "Default",
            "All Users",
            "desktop.ini",
            "ann",
            "Bob",
        ];
        let others = |own| profiles(names.into_iter().map(str::to_owned), own);
        assert_eq!(others("BOB"), ["ann"]);
        assert_eq!(others("azdb-proxy"), ["ann", "Bob"]);
    }

    #[test]
    fn a_door_is_open_to_them_without_a_password_a_list_of_users_or_a_socket() {
        let directory = tempfile::tempdir().unwrap();
        let passwords = directory.path().join("apps");
        #[cfg(windows)]
        drop(azdb_windows::acl::create_private(&passwords).unwrap());
        fs::write(&passwords, "ann:secret").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let file = format!("app_password_file={}", passwords.display());
        let no_port = match cfg!(windows) {
            true => "listen=pipe:azdb-test",
            false => "listen=unix:/run/azdb-test/",
        };
        let mut cases = vec![("", true), (no_port, false), (&*file, false)];
        // Of users there is nothing to say on Windows.
        cases.extend(cfg!(unix).then_some(("allow_uids=1000", !cfg!(target_os = "linux"))));
        for (more, expected) in cases {
            let url = format!("postgres://u@a.postgres.database.azure.com/?{more}");
            let overrides = Overrides {
                urls: vec![url],
                ..Overrides::default()
            };
            let nothing = Environment::from_iter(Vec::<(String, String)>::new());
            let config = azdb_config::load(&overrides, &nothing).unwrap();
            assert_eq!(is_open(config.routes.first().unwrap()), expected, "{more}");
        }
    }
}
