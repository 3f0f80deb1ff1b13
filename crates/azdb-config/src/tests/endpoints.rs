use std::path::PathBuf;

use super::{Place, load, route};
#[cfg(unix)]
use crate::AdminListen;
use crate::Overrides;
use crate::route::ListenAddr;

fn tcp(addr: &str) -> ListenAddr {
    ListenAddr::Tcp(addr.parse().unwrap())
}

#[cfg(unix)]
#[test]
fn health_is_off_and_admin_a_socket_file_unless_somebody_says_otherwise() {
    let config = load(&route("")).unwrap();
    assert_eq!(config.health, []);
    assert_eq!(config.admin.listen, AdminListen::NoPlace);

    let text = "[health]\nlisten = \"0.0.0.0:9090\"\n[admin]\nlisten = \"unix:/run/azdb.sock\"\n";
    let config = load(&[text, &route("")].concat()).unwrap();
    assert_eq!(config.health, [tcp("0.0.0.0:9090")]);
    assert_eq!(
        config.admin.listen,
        AdminListen::At(ListenAddr::Unix("/run/azdb.sock".into()))
    );

    let config = load(&["[admin]\nlisten = \"off\"\n", &route("")].concat()).unwrap();
    assert_eq!(config.admin.listen, AdminListen::Off);
}

#[cfg(unix)]
#[test]
fn the_admin_socket_is_in_the_runtime_directory_else_where_state_is() {
    let state = ("HOME", "/home/ann");
    let of_user = ("XDG_RUNTIME_DIR", "/run/user/1000");
    let of_systemd = ("RUNTIME_DIRECTORY", "/run/azdb-proxy:/run/other");
    for (env, path) in [
        (&[state][..], "/home/ann/.local/state/azdb-proxy/admin.sock"),
        (&[state, of_user], "/run/user/1000/azdb-proxy/admin.sock"),
        (&[state, of_user, of_systemd], "/run/azdb-proxy/admin.sock"),
        (
            &[state, ("XDG_RUNTIME_DIR", "not/absolute")],
            "/home/ann/.local/state/azdb-proxy/admin.sock",
        ),
    ] {
        let place = Place::with(&route(""));
        let config = place.load_with(&Overrides::default(), env).unwrap();
        let usual = AdminListen::Default(ListenAddr::Unix(path.into()));
        assert_eq!(config.admin.listen, usual);
        assert_eq!(config.warnings, [""; 0]);
    }
}

#[cfg(unix)]
#[test]
fn the_end_of_the_process_over_tcp_is_switched_on_and_means_nothing_elsewhere() {
    let with = |admin: &str| load(&[&format!("[admin]\n{admin}\n"), &route("")[..]].concat());
    let tcp = "listen = \"127.0.0.1:9091\"";
    assert!(!with(tcp).unwrap().admin.ends_over_tcp);
    let on = with(&format!("{tcp}\nquitquitquit = true")).unwrap();
    assert!(on.admin.ends_over_tcp);
    for elsewhere in ["listen = \"unix:/run/azdb.sock\"", "listen = \"off\""] {
        assert_eq!(
            with(&format!("{elsewhere}\nquitquitquit = true")).unwrap_err(),
            "proxy.toml:3: [admin]: quitquitquit: is for ports, and listen has none"
        );
        assert!(with(&format!("{elsewhere}\nquitquitquit = false")).is_ok());
    }
}

/// A container that is configured by variables alone has probes.
#[cfg(unix)]
#[test]
fn health_is_a_list_and_a_flag_and_a_variable() {
    let text = "[health]\nlisten = [\"[::]:9090\", \"unix:/run/health\"]\n";
    let place = Place::with(&[text, &route("")].concat());
    let health = |overrides: &Overrides, env: &[(&str, &str)]| {
        place.load_with(overrides, env).unwrap().health
    };
    let of_file = [
        tcp("[::]:9090"),
        ListenAddr::Unix(PathBuf::from("/run/health")),
    ];
    assert_eq!(health(&Overrides::default(), &[]), of_file);
    let env = [("AZDB_PROXY_HEALTH_LISTEN", "127.0.0.1,[::1]:9")];
    let of_env = [tcp("127.0.0.1:9090"), tcp("[::1]:9")];
    assert_eq!(health(&Overrides::default(), &env), of_env);
    let flag = Overrides {
        health_listen: Some(vec![tcp("127.0.0.1:1")]),
        ..Overrides::default()
    };
    assert_eq!(health(&flag, &env), [tcp("127.0.0.1:1")]);
    let wrong = [("AZDB_PROXY_HEALTH_LISTEN", "everywhere")];
    assert_eq!(
        place
            .load_with(&Overrides::default(), &wrong)
            .unwrap_err()
            .to_string(),
        "AZDB_PROXY_HEALTH_LISTEN: listen: \"everywhere\" is not address:port, unix:/path or pipe:NAME"
    );
}

/// Whoever asks a proxy that runs needs none of its routes.
#[test]
fn where_a_process_is_asked_is_known_without_a_route() {
    let place = Place::with("[health]\nlisten = \"127.0.0.1:9\"\n[[route]]\nprotocol = 7\n");
    let overrides = Overrides {
        config: Some(place.path().join("proxy.toml")),
        state_dir: Some(PathBuf::from("/state")),
        ..Overrides::default()
    };
    let env = azdb_identity::Environment::default();
    let endpoints = crate::load_endpoints(&overrides, &env).unwrap();
    assert_eq!(endpoints.health, [tcp("127.0.0.1:9")]);
    #[cfg(unix)]
    assert_eq!(
        endpoints.admin.listen,
        AdminListen::Default(ListenAddr::Unix("/state/admin.sock".into()))
    );
}

#[test]
fn endpoints_have_their_own_mistakes() {
    for (text, problem) in [
        (
            "[health]\n",
            "proxy.toml:1: [health]: listen: is missing, for example \"127.0.0.1:9090\"",
        ),
        (
            "[health]\nlisten = \"everywhere\"\n",
            "proxy.toml:2: [health]: listen: \"everywhere\" is not address:port, unix:/path or pipe:NAME",
        ),
        (
            "[admin]\nlisten = \"10.0.0.1:9091\"\n",
            "proxy.toml:2: [admin]: listen: must be on loopback, a unix socket or a pipe: whoever reaches it can end the process",
        ),
        (
            "[admin]\npath = \"/status\"\n",
            "proxy.toml:2: [admin]: path: unknown key",
        ),
    ] {
        assert_eq!(
            load(&[text, &route("")].concat()).unwrap_err(),
            problem,
            "{text}"
        );
    }
}
