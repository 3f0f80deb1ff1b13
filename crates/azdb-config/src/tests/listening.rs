#[cfg(unix)]
use std::fs;
use std::path::Path;

#[cfg(unix)]
use super::Place;
use super::{accepted, load, problems_of, route};
#[cfg(unix)]
use crate::route::ListenAddr;
use crate::{Config, summary};

fn listen(config: &Config) -> Vec<String> {
    config
        .routes
        .iter()
        .flat_map(|route| route.listen.iter().map(ToString::to_string))
        .collect()
}

#[cfg(unix)]
#[test]
fn listen_takes_addresses_localhost_and_sockets() {
    for (text, expected) in [
        ("\"127.0.0.1\"", vec!["127.0.0.1:5432"]),
        ("\"127.8.0.1:6000\"", vec!["127.8.0.1:6000"]),
        ("\"[::1]:6000\"", vec!["[::1]:6000"]),
        ("\"::1\"", vec!["[::1]:5432"]),
        ("\"localhost:6000\"", vec!["127.0.0.1:6000", "[::1]:6000"]),
        (
            "[\"127.0.0.1:1\", \"unix:/no/such/dir/\"]",
            vec!["127.0.0.1:1", "unix:/no/such/dir/.s.PGSQL.1"],
        ),
        (
            "\"unix:/no/such/dir/\"",
            vec!["unix:/no/such/dir/.s.PGSQL.5432"],
        ),
        ("\"unix:/no/such/socket\"", vec!["unix:/no/such/socket"]),
    ] {
        assert_eq!(listen(&accepted(&format!("listen = {text}"))), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_directory_gets_the_socket_that_clients_look_for() {
    let place = Place::with("");
    let directory = place.path().join("sockets");
    fs::create_dir(&directory).unwrap();
    place.file(
        "proxy.toml",
        &route(&format!("listen = 'unix:{}'", directory.display())),
    );
    let config = place.load().unwrap();
    assert_eq!(
        config.routes[0].listen,
        [ListenAddr::Unix(directory.join(".s.PGSQL.5432"))]
    );
}

#[cfg(unix)]
#[test]
fn a_socket_path_has_its_limits() {
    let long = "x".repeat(120);
    assert_eq!(
        problems_of(&format!("listen = 'unix:/run/{long}'")),
        format!(
            "proxy.toml:5: route \"orders\": listen: the path /run/{long} is 125 bytes long, which is more than a unix socket can have"
        )
    );
    assert_eq!(
        problems_of("listen = 'unix:run/x'"),
        "proxy.toml:5: route \"orders\": listen: \"unix:run/x\" is not an absolute path"
    );
}

#[test]
fn no_address_beyond_loopback_is_served_unless_someone_says_who_may_come() {
    for address in [
        "0.0.0.0:5432",
        "10.1.0.4:5432",
        "[::]:5432",
        "[fe80::1]:5432",
        "[::ffff:10.0.0.1]:5432",
    ] {
        assert_eq!(
            problems_of(&format!("listen = \"{address}\"")),
            format!(
                "proxy.toml:5: route \"orders\": listen: {address} is reached from other machines: \
                 say who may come, for example allow = [\"10.1.0.0/16\"], and app_password_file"
            )
        );
        let allow = match address.contains('.') {
            true => "10.1.0.0/16",
            false => "fd00::/8",
        };
        let config = accepted(&format!(
            "listen = \"{address}\"\nallow = \"{allow}\"\ntrust_network = true"
        ));
        assert_eq!(config.warnings, [""; 0]);
    }
    assert_eq!(
        listen(&accepted("listen = \"[::ffff:127.0.0.1]:1\"")),
        ["[::ffff:127.0.0.1]:1"]
    );
    assert_eq!(
        problems_of("listen = \"0.0.0.0:1\"\ntrust_network = false"),
        "proxy.toml:5: route \"orders\": listen: 0.0.0.0:1 is reached from other machines: say who may come, \
         for example allow = [\"10.1.0.0/16\"], and app_password_file"
    );
}

#[test]
fn letting_everybody_in_is_a_warning_each_time() {
    for (more, setting) in [
        ("trust_network = true", "trust_network = true"),
        (
            "allow = \"0.0.0.0/0\"\ntrust_network = true",
            "allow = \"0.0.0.0/0\"",
        ),
    ] {
        let config = accepted(&format!("listen = \"0.0.0.0:5432\"\n{more}"));
        assert!(config.routes[0].admission.admits([203, 0, 113, 7].into()));
        let [warning] = config.warnings.as_slice() else {
            panic!("{:?}", config.warnings)
        };
        assert!(
            warning.ends_with(&format!(
                "proxy.toml:6: route \"orders\": {setting}: everybody who can reach this port gets the database without a password"
            )),
            "{warning}"
        );
    }
    assert!(
        accepted("listen = \"0.0.0.0:1\"\ntrust_network = true").routes[0]
            .admission
            .admits("2001:db8::1".parse().unwrap())
    );
}

#[test]
fn what_is_no_network_is_told() {
    assert_eq!(
        problems_of("listen = \"0.0.0.0:1\"\nallow = [\"10.0.0.0/33\", \"x\"]"),
        "proxy.toml:6: route \"orders\": allow: \"10.0.0.0/33\" is not a network, for example \"10.1.0.0/16\"\n\
         proxy.toml:6: route \"orders\": allow: \"x\" is not a network, for example \"10.1.0.0/16\""
    );
}

#[cfg(unix)]
#[test]
fn modes_are_octal_and_guard_sockets_only() {
    for (text, mode) in [
        ("0o660", 0o660),
        ("\"0660\"", 0o660),
        ("\"777\"", 0o777),
        ("\"0o600\"", 0o600),
    ] {
        let config = accepted(&format!(
            "listen = \"unix:/no/such/socket\"\nunix_mode = {text}"
        ));
        assert_eq!(config.routes[0].rights.mode, mode, "{text}");
    }
    for text in ["660", "\"888\"", "0o1777", "\"+600\"", "\"rw\""] {
        assert_eq!(
            problems_of(&format!(
                "listen = \"unix:/no/such/socket\"\nunix_mode = {text}"
            )),
            "proxy.toml:6: route \"orders\": unix_mode: is not an octal mode from 0o000 to 0o777, for example \"0660\""
        );
    }
    assert_eq!(
        problems_of("unix_mode = \"0660\"\nunix_group = 0"),
        "proxy.toml:5: route \"orders\": unix_mode: guards unix sockets, and listen has none\n\
         proxy.toml:6: route \"orders\": unix_group: guards unix sockets, and listen has none"
    );
    assert_eq!(
        problems_of("listen = \"unix:/no/such/socket\"\nallow_uids = [1, \"root\"]"),
        "proxy.toml:6: route \"orders\": allow_uids: \"root\" is not a whole number from 0 to 4294967295"
    );
}

#[cfg(unix)]
#[test]
fn apps_that_a_balancer_announces_are_of_other_machines() {
    let through = "proxy_protocol_from: apps of other machines come through proxy_protocol_from";
    for (more, problem) in [
        (
            "",
            "say who may come, for example allow = [\"10.1.0.0/16\"], and app_password_file",
        ),
        (
            "allow = \"10.1.0.0/16\"",
            "say with which password apps come in (app_password_file), or that allow is enough (trust_network = true)",
        ),
    ] {
        assert_eq!(
            problems_of(&format!("proxy_protocol_from = \"127.0.0.1\"\n{more}")),
            format!("proxy.toml:5: route \"orders\": {through}: {problem}")
        );
    }
    // Of whatever family, and by whichever door.
    let config = accepted(
        "proxy_protocol_from = [\"127.0.0.1\", \"fd00::/64\"]\nallow = [\"10.1.0.0/16\", \"fd01::/64\"]\ntrust_network = true",
    );
    assert_eq!(config.warnings, [""; 0]);
    let admission = &config.routes[0].admission;
    let ip = |text: &str| text.parse().unwrap();
    assert!(admission.announces(ip("127.0.0.1")) && admission.announces(ip("::ffff:127.0.0.1")));
    assert!(!admission.announces(ip("10.1.0.1")));
    assert!(admission.lists(ip("10.1.0.1")) && !admission.lists(ip("127.0.0.1")));
    assert_eq!(
        problems_of(
            "listen = \"unix:/no/such/socket\"\nproxy_protocol_from = \"10.0.0.1\"\nallow = \"10.1.0.1\"\ntrust_network = true"
        ),
        "proxy.toml:6: route \"orders\": proxy_protocol_from: is for ports, and listen has none"
    );
}

#[cfg(unix)]
#[test]
fn a_group_has_a_name_or_a_number() {
    let of_root = nix::unistd::Group::from_gid(0.into()).unwrap().unwrap();
    for (group, id, more, mode) in [
        (&*of_root.name, 0, "", 0o660),
        ("12345", 12345, "", 0o660),
        (
            "12345",
            12345,
            "unix_mode = \"0666\"\nallow_uids = [1]",
            0o666,
        ),
    ] {
        let config = accepted(&format!(
            "listen = \"unix:/no/such/socket\"\nunix_group = \"{group}\"\n{more}"
        ));
        let rights = &config.routes[0].rights;
        assert_eq!((rights.group, rights.mode), (Some(id), mode));
    }
    assert_eq!(
        problems_of("listen = \"unix:/no/such/socket\"\nunix_group = \"no such group\""),
        "proxy.toml:6: route \"orders\": unix_group: there is no group \"no such group\""
    );
}

#[cfg(unix)]
#[test]
fn no_two_routes_share_an_address() {
    for (first, second, clash) in [
        ("127.0.0.1:5432", "127.0.0.1:5432", true),
        ("localhost:5432", "[::1]:5432", true),
        ("0.0.0.0:5432", "127.0.0.1:5432", true),
        ("127.0.0.1:5432", "0.0.0.0:5432", true),
        ("unix:/no/such/a", "unix:/no/such/a", true),
        ("127.0.0.1:5432", "127.0.0.1:5433", false),
        ("127.0.0.1:5432", "127.0.0.2:5432", false),
        ("127.0.0.1:5432", "[::]:5432", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
        ("unix:/no/such/a", "unix:/no/such/b", false),
    ] {
        let allow = |listen: &str| match listen {
            "0.0.0.0:5432" | "[::]:5432" => "trust_network = true\nallow = \"10.0.0.0/8\"\n",
            _ => "\n\n",
        };
        let named = |name: &str, listen: &str| {
            let more = format!("name = \"{name}\"\n{}listen = \"{listen}\"", allow(listen));
            route(&more)
        };
        let text = named("a", first) + &named("b", second);
        let expected = format!(
            "proxy.toml:16: route \"b\": listen: {second} is taken by route \"a\": choose another address or port"
        );
        assert_eq!(
            load(&text).err(),
            clash.then_some(expected),
            "{first} {second}"
        );
    }
}

#[test]
fn two_routes_that_say_nothing_clash_once() {
    let text = format!("{}{}", route("name = \"a\""), route("name = \"b\""));
    assert_eq!(
        load(&text).unwrap_err(),
        "proxy.toml:6: route \"b\": listen: 127.0.0.1:5432 is taken by route \"a\": choose another address or port"
    );
}

#[test]
fn no_route_dials_the_proxy_itself() {
    for (more, key, endpoint) in [
        (
            "connect_to = \"127.0.0.1:5432\"",
            "connect_to",
            "127.0.0.1:5432",
        ),
        (
            "connect_to = \"localhost:5432\"",
            "connect_to",
            "localhost:5432",
        ),
        ("connect_to = \"[::1]:5432\"", "connect_to", "[::1]:5432"),
        (
            "connect_to = \"127.0.0.1:5432\"\nlisten = \"0.0.0.0:5432\"\ntrust_network = true\nallow = \"10.0.0.0/8\"",
            "connect_to",
            "127.0.0.1:5432",
        ),
    ] {
        assert_eq!(
            problems_of(more),
            format!(
                "proxy.toml:5: route \"orders\": {key}: {endpoint} is where route \"orders\" itself listens"
            )
        );
    }
    assert!(summary(&accepted("connect_to = \"127.0.0.1:5433\"")).contains("(at 127.0.0.1:5433)"));
}

#[test]
fn who_may_come_and_never_can_is_a_warning() {
    for (listen, allow, why) in [
        (
            "0.0.0.0:5432",
            "::ffff:10.0.0.0/104",
            "no app comes from there, because the address is IPv4's: write \"10.0.0.0/8\"",
        ),
        ("0.0.0.0:5432", "224.0.0.0/4", "no app comes from there"),
        ("0.0.0.0:5432", "0.0.0.0/32", "no app comes from there"),
        (
            "0.0.0.0:5432",
            "fd00::/8",
            "no app comes from there, because listen has no address of IPv6 that other machines reach",
        ),
        (
            "[::]:5432",
            "10.0.0.0/8",
            "no app comes from there, because listen has no address of IPv4 that other machines reach",
        ),
    ] {
        let config = accepted(&format!(
            "listen = \"{listen}\"\nallow = [\"{allow}\"]\ntrust_network = true"
        ));
        let [only] = config.warnings.as_slice() else {
            panic!("{allow}: {:?}", config.warnings)
        };
        let expected = format!("proxy.toml:6: route \"orders\": allow = \"{allow}\": {why}");
        assert!(only.ends_with(&expected), "{only}");
    }
    let both = "listen = [\"0.0.0.0:5432\", \"[::]:5432\"]\nallow = [\"10.0.0.0/8\", \"fd00::/8\", \"10.1.2.3\"]\ntrust_network = true";
    assert_eq!(accepted(both).warnings, [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_socket_that_everybody_may_open_is_a_warning_unless_users_are_named() {
    let warnings = |more: &str| {
        let socket = "listen = \"unix:/no/such/socket\"";
        accepted(&format!("{socket}\n{more}")).warnings
    };
    for mode in ["0666", "0602", "0777"] {
        let warnings = warnings(&format!("unix_mode = \"{mode}\""));
        let [only] = warnings.as_slice() else {
            panic!("{mode}: {warnings:?}")
        };
        let expected =
            format!("unix_mode = \"{mode}\": every user of this machine gets the database");
        assert!(only.contains(&expected), "{only}");
    }
    for fine in [
        "unix_mode = \"0660\"",
        "unix_mode = \"0604\"",
        "unix_mode = \"0666\"\nallow_uids = [1000]",
        "",
    ] {
        assert_eq!(warnings(fine), [""; 0], "{fine}");
    }
}

#[test]
fn a_summary_says_where_it_is_from_whose_tokens_are_taken_and_who_may_come() {
    let lines = |more: &str| {
        summary(&accepted(more))
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let usual = lines("");
    let file = usual[0].strip_prefix("configuration: ").unwrap();
    assert!(Path::new(file).is_absolute() && file.ends_with("proxy.toml"));
    assert_eq!(
        usual[2..],
        [
            "  identity: what the platform gives this process (auto), else on a terminal a sign-in",
            "  who may come: this machine, without a password"
        ]
    );
    let open = lines(
        "listen = \"0.0.0.0:5432\"\nallow = [\"10.1.0.0/16\"]\ntrust_network = true\nlocal_tls = \"require\"\n\
         identity = { source = \"imds\", client_id = \"11111111-2222-3333-4444-555555555555\" }",
    );
    assert_eq!(
        open[2..],
        [
            "  identity: imds, client_id `11111111-2222-3333-4444-555555555555`",
            "  who may come: this machine, 10.1.0.0/16, without a password, TLS required over TCP"
        ]
    );
}
