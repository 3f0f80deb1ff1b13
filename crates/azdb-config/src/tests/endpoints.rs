use super::{load, route};
use crate::AdminListen;
use crate::route::ListenAddr;

fn tcp(addr: &str) -> ListenAddr {
    ListenAddr::Tcp(addr.parse().unwrap())
}

#[test]
fn health_is_off_and_admin_on_loopback_unless_somebody_says_otherwise() {
    let config = load(&route("")).unwrap();
    assert_eq!(config.health, None);
    assert_eq!(config.admin, AdminListen::Default(tcp("127.0.0.1:9091")));

    let text = "[health]\nlisten = \"0.0.0.0:9090\"\n[admin]\nlisten = \"unix:/run/azdb.sock\"\n";
    let config = load(&[text, &route("")].concat()).unwrap();
    assert_eq!(config.health, Some(tcp("0.0.0.0:9090")));
    assert_eq!(
        config.admin,
        AdminListen::At(ListenAddr::Unix("/run/azdb.sock".into()))
    );

    let config = load(&["[admin]\nlisten = \"off\"\n", &route("")].concat()).unwrap();
    assert_eq!(config.admin, AdminListen::Off);
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
            "proxy.toml:2: [health]: listen: \"everywhere\" is not address:port or unix:/path",
        ),
        (
            "[admin]\nlisten = \"10.0.0.1:9091\"\n",
            "proxy.toml:2: [admin]: listen: must be on loopback or a unix socket: whoever reaches it can end the process",
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
