//! Files, and who may use them: Wine shows owner and mode of a file as an access control list.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use azdb_tests::Start;

const ROUTE: &str = "[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\nupstream = \"orders.postgres.database.azure.com\"\nupstream_user = \"orders-app\"\n";

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_of_passwords_that_others_may_read_is_refused_with_the_command_that_mends_it() {
    let place = tempfile::tempdir().unwrap();
    let (config, apps) = (place.path().join("proxy.toml"), place.path().join("apps"));
    write(
        &config,
        &format!("{ROUTE}app_password_file = \"apps\"\n"),
        0o600,
    );
    let check = || Start::new(&["check", "--config", config.to_str().unwrap()]).run();
    for (mode, may) in [(0o644, "read"), (0o666, "write")] {
        write(&apps, "ann:s3cret\n", mode);
        let told = check();
        let said = told.failed();
        let why = format!("Everyone may {may} it: icacls ");
        assert!(
            said.contains(&why) && said.contains("/inheritance:r /grant:r"),
            "{said}"
        );
        assert!(!said.contains("s3cret"), "{said}");
    }
    write(&apps, "ann:s3cret\n", 0o600);
    assert!(check().succeeded().contains("orders: postgres"));
}

#[test]
fn a_configuration_that_others_may_write_names_no_program() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("proxy.toml");
    let text = format!("{ROUTE}identity = {{ command = [\"token\"] }}\n");
    let check = || Start::new(&["check", "--config", config.to_str().unwrap()]).run();
    write(&config, &text, 0o666);
    let told = check();
    let said = told.failed();
    let why =
        "is not ours alone (Everyone may write it), so it must not name a secret file, a command";
    assert!(said.contains(why), "{said}");
    write(&config, &text, 0o644);
    assert!(check().succeeded().contains("orders: postgres"));
}
