//! Words that a page quotes are those that people read.

use azdb_emulator::Behaviour;
use azdb_tests::{Emulated, Program, Proxy};

use super::commands::reads;
use super::page::{Block, Page};

/// A proxy on a machine whose IMDS knows no identity.
fn without_identity(emulated: &Emulated) -> Proxy {
    let imds = emulated.azure.identity();
    imds.set_default(Behaviour::status(
        400,
        r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
    ));
    let url = imds.url();
    let host = url.strip_suffix("/msi/token").unwrap();
    let configuration = format!("[identity]\nsource = \"imds\"\n\n{}", emulated.route());
    emulated
        .start(&configuration)
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", host)
        .start()
}

/// The block of a page with this command at its prompt.
fn console(page: &str, command: &str) -> Block {
    let mut blocks = Page::of(page).blocks().into_iter();
    let prompt = format!("$ {command}");
    let found = blocks.find(|block| block.language == "console" && block.text.starts_with(&prompt));
    found.unwrap()
}

/// Runs the command of a block with the proxy's port in place of the usual one, and compares what it says.
#[track_caller]
fn assert_reads(block: &Block, usual: u16, proxy: &Proxy, flag: &str) {
    let (command, shown) = block.text.split_once('\n').unwrap();
    let port = proxy.address().port();
    let command = format!("{} {flag}{port}", command.strip_prefix("$ ").unwrap());
    let ran = Program::new("sh").args(["-c", &command]).run();
    let said = ran.failed().replace(&port.to_string(), &usual.to_string());
    assert!(reads(&said, shown), "{}: {command}:\n{said}", block.place);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn the_readme_shows_what_psql_shows_of_a_refusal() {
    let emulated = Emulated::new();
    let proxy = without_identity(&emulated);
    let block = console("README.md", "psql -h 127.0.0.1 orders");
    assert_reads(&block, 5432, &proxy, "-p");
}
