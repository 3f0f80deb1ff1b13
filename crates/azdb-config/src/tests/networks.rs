//! Who may come from other machines.

#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;

#[cfg(unix)]
use super::load;
use super::{accepted, problems_of};

#[test]
fn an_address_within_a_network_is_no_network() {
    let open = |allow: &str| format!("listen = \"0.0.0.0:5432\"\ntrust_network = true\n{allow}");
    for key in ["allow", "proxy_protocol_from"] {
        let problems = problems_of(&open(&format!("{key} = [\"10.1.0.5/16\"]")));
        let said = format!(
            "{key}: \"10.1.0.5/16\" is an address within a network: write \"10.1.0.5\" for that one, or \"10.1.0.0/16\" for all of them"
        );
        assert!(problems.contains(&said), "{problems}");
    }
    for right in [
        "10.1.0.0/16",
        "10.1.0.5",
        "10.1.0.5/32",
        "fd00::/8",
        "fd00::5",
    ] {
        let _ = accepted(&open(&format!("allow = [\"{right}\"]")));
    }
}

#[cfg(unix)]
#[test]
fn passwords_that_cross_a_network_in_the_clear_are_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passwords");
    fs::write(&file, "orders:secret\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let passwords = format!("app_password_file = {file:?}\n");
    for (protocol, upstream) in [
        (
            "postgres",
            "orders.postgres.database.azure.com\"\nupstream_user = \"u",
        ),
        (
            "mysql",
            "shop.mysql.database.azure.com\"\nupstream_user = \"u",
        ),
        ("tds", "stock.database.windows.net"),
    ] {
        let warnings = |more: &str| {
            let route = format!(
                "[[route]]\nprotocol = \"{protocol}\"\nupstream = \"{upstream}\"\n{passwords}{more}"
            );
            load(&route).unwrap().warnings
        };
        let open = "listen = \"0.0.0.0:5000\"\nallow = [\"10.1.0.0/16\"]\n";
        let [warning] = &warnings(open)[..] else {
            panic!("{protocol}: {:?}", warnings(open));
        };
        assert!(warning.contains("local_tls = \"require\""), "{warning}");
        for fine in [
            format!("{open}local_tls = \"require\"\n"),
            "listen = \"127.0.0.1:5000\"\n".to_owned(),
        ] {
            assert_eq!(warnings(&fine), [""; 0], "{protocol}: {fine}");
        }
    }
}
