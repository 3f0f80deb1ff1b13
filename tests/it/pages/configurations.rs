//! Every configuration in a page is one: the real `check` reads it. What a page says that `check` says, it says.

use azdb_tests::{Ran, Start};
use tempfile::TempDir;

use super::page::{Block, Page, pages};

/// The least that a page may leave out where it shows a part of a configuration.
const ROUTE: &str = "\n[[route]]\nprotocol = \"tds\"\nupstream = \"stock.database.windows.net\"\n";

/// A configuration of a page, in which files are those of a directory of the test's; they are there.
fn with_files_in(directory: &TempDir, text: &str) -> String {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut here = text.to_owned();
    for (index, part) in text.split("_file = \"").enumerate().skip(1) {
        let path = part.split('"').next().unwrap();
        let before = text.split("_file = \"").nth(index - 1).unwrap();
        let content = if before.ends_with("cert") {
            certified.cert.pem()
        } else if before.ends_with("key") {
            certified.signing_key.serialize_pem()
        } else {
            "orders:a password\n".to_owned()
        };
        let file = directory.path().join(path.replace('/', "-"));
        std::fs::write(&file, content).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, private).unwrap();
        here = here.replace(path, file.to_str().unwrap());
    }
    here
}

fn checked(block: &Block) -> Ran {
    let directory = TempDir::new().unwrap();
    let mut text = with_files_in(&directory, &block.text);
    if !text.contains("[[route]]") {
        text.push_str(ROUTE);
    }
    Start::command("check", &text).run()
}

#[test]
fn check_takes_every_configuration_in_a_page() {
    let blocks: Vec<Block> = pages().iter().flat_map(Page::blocks).collect();
    let all: Vec<&Block> = blocks
        .iter()
        .filter(|block| block.language == "toml")
        .collect();
    assert!(all.len() >= 5, "too few: {}", all.len());
    for block in all {
        let ran = checked(block);
        if block.manner.as_deref() == Some("on Windows") {
            // Of anything else here would be spoken, too.
            let mut said = ran.failed().lines();
            let is_all = said.all(|line| line.contains("a matter of Windows"));
            assert!(is_all, "{}: {ran:#?}", block.place);
            continue;
        }
        assert_eq!(ran.code, Some(0), "{}: {ran:#?}", block.place);
        assert!(!ran.stderr.contains("warning"), "{}: {ran:#?}", block.place);
    }
}

/// A file with fault in its last two lines, of which one is the twelfth.
const WRONG: &str = "[process]\nlog_level = \"info\"\n\n\n\n\n[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\n\
    upstream = \"orders.postgres.database.azure.com\"\nupstream_user = \"orders-app\"\n\
    upstream_tls = \"nope\"\nlissen = \"127.0.0.1:5433\"\n";

#[test]
fn check_finds_fault_as_the_page_says_it_does() {
    let blocks = Page::of("docs/configuration.md").blocks();
    let mut shown = blocks.iter().filter(|block| block.language == "text");
    let shown = shown.find(|block| block.text.contains("did you mean"));
    let start = Start::command("check", WRONG);
    let ran = start.env("AZDB_PROXY_LOG_FORMAT", "xml").run();
    assert_eq!(ran.code, Some(78), "{ran:#?}");
    for problem in shown.unwrap().text.lines() {
        let mut said = ran.stderr.lines();
        assert!(
            said.any(|line| line.ends_with(problem)),
            "{problem}: {ran:#?}"
        );
    }
}

/// The variables of the proxy in a manifest: `{ name: AZDB_PROXY_…, value: "…" }`.
fn variables(manifest: &str) -> Vec<(&str, &str)> {
    let items = manifest.split("{ name: ").skip(1);
    let variables = items.filter_map(|item| {
        let (name, rest) = item.split_once(", value: \"")?;
        Some((name, rest.split('"').next()?))
    });
    variables
        .filter(|(name, _)| name.starts_with("AZDB_PROXY_"))
        .collect()
}

#[test]
fn check_takes_the_variables_of_every_manifest_in_a_page() {
    let blocks: Vec<Block> = pages().iter().flat_map(Page::blocks).collect();
    let manifests = blocks.iter().filter(|block| block.language == "yaml");
    let mut seen = 0;
    for block in manifests.filter(|block| block.text.contains("AZDB_PROXY_")) {
        let pairs = variables(&block.text);
        assert!(!pairs.is_empty(), "{}", block.place);
        let start = pairs
            .iter()
            .fold(Start::new(&["check"]), |start, (name, value)| {
                start.env(name, value)
            });
        let ran = start.run();
        assert_eq!(ran.code, Some(0), "{}: {ran:#?}", block.place);
        seen += 1;
    }
    assert!(seen > 0);
}
