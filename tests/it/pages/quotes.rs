//! Words that a page quotes are those that people read.

use azdb_emulator::Behaviour;
use azdb_tests::{Emulated, Program, Proxy, closed_port, tools};

use super::commands::reads;
use super::connection_strings::archives;
use super::page::{Block, Page, in_project};

/// A proxy with this configuration, on a machine whose IMDS knows no identity.
fn no_identity(emulated: &Emulated, configuration: &str) -> Proxy {
    let imds = emulated.azure.identity();
    imds.set_default(Behaviour::status(
        400,
        r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
    ));
    let url = imds.url();
    let host = url.strip_suffix("/msi/token").unwrap();
    emulated
        .start(configuration)
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
    let configuration = format!("[identity]\nsource = \"imds\"\n\n{}", emulated.route());
    let proxy = no_identity(&emulated, &configuration);
    let block = console("README.md", "psql -h 127.0.0.1 orders");
    assert_reads(&block, 5432, &proxy, "-p");
}

/// A proxy on such a machine, with a route of each protocol, and the ports of these.
fn without_identity_in_every_protocol() -> (Emulated, Proxy, [(&'static str, String); 3]) {
    let emulated = Emulated::new();
    let ca = emulated.ca_file();
    let ports = ["5432", "3306", "1433"].map(|usual| (usual, closed_port().to_string()));
    let mut configuration = "[identity]\nsource = \"imds\"\n".to_owned();
    for (protocol, (_, port)) in ["postgres", "mysql", "tds"].into_iter().zip(&ports) {
        let user = match protocol {
            "tds" => "",
            _ => "upstream_user = \"orders-app\"\n",
        };
        configuration += &format!(
            "\n[[route]]\nname = \"{protocol}\"\nprotocol = \"{protocol}\"\nupstream = \"localhost:1\"\n\
             listen = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca:?}\n{user}"
        );
    }
    let proxy = no_identity(&emulated, &configuration);
    for (_, port) in &ports {
        proxy.log_until(&format!("listen=127.0.0.1:{port}"));
    }
    (emulated, proxy, ports)
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_freetds)),
    ignore = "no psql, mariadb or tsql: see scripts/test"
)]
fn each_tool_shows_a_refusal_as_the_page_has_it() {
    let (_emulated, _proxy, ports) = without_identity_in_every_protocol();
    let page = Page::of("docs/troubleshooting.md");
    let blocks = page.blocks().into_iter();
    let shown = blocks.filter(|block| block.section == "How each tool shows a refusal");
    let mut seen = 0;
    for block in shown.filter(|block| block.language == "console") {
        let (command, shown) = block.text.split_once('\n').unwrap();
        let here = |text: &str| {
            ports.iter().fold(text.to_owned(), |text, (usual, port)| {
                text.replace(usual, port)
            })
        };
        let command = here(command.strip_prefix("$ ").unwrap());
        let ran = Program::new("sh").args(["-c", &command]).run();
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let said = ports
            .iter()
            .fold(said, |said, (usual, port)| said.replace(port, usual));
        assert!(reads(&said, shown), "{}: {command}:\n{said}", block.place);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
#[cfg_attr(not(has_java), ignore = "no drivers of Java: see scripts/test")]
fn exceptions_of_java_show_a_refusal_as_the_page_has_them() {
    let (_emulated, _proxy, ports) = without_identity_in_every_protocol();
    let urls = [
        "jdbc:postgresql://127.0.0.1:5432/orders?user=any&password=any&sslmode=disable",
        "jdbc:mysql://127.0.0.1:3306/orders?user=any&password=any&sslMode=DISABLED",
        "jdbc:sqlserver://127.0.0.1:1433;databaseName=orders;user=any;password=any;encrypt=false",
    ];
    let urls = urls.map(|url| {
        let here = ports.iter();
        here.fold(url.to_owned(), |url, (usual, port)| {
            url.replace(usual, port)
        })
    });
    let ran = Program::new("java")
        .args([tools::NO_TRACE, "-cp"])
        .arg(archives())
        .arg(tools::app("java/Connects.java"))
        .args(urls)
        .run();
    assert_ne!(ran.code, Some(0), "{ran:?}");
    let mut blocks = Page::of("docs/troubleshooting.md").blocks().into_iter();
    let shown = blocks.find(|block| block.text.contains("PSQLException"));
    let shown = shown.map(|block| block.text).unwrap_or_default();
    assert!(reads(&ran.stdout, &shown), "{}", ran.stdout);
}

/// Everything that the code says: of errors by the catalogue that is made of it, of the rest as it is written there.
fn words_of_the_code() -> String {
    let mut words = Page::of("docs/errors.md").text.to_lowercase();
    let mut directories = vec![in_project("crates")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                words.push_str(&text.replace("\\\"", "\"").to_lowercase());
            }
        }
    }
    words
}

/// What stands in backticks in the first cells of a page's tables.
fn quoted(page: &Page) -> Vec<String> {
    let lines = page.prose().into_iter();
    let rows = lines.filter_map(|line| line.trim_start().strip_prefix("| "));
    let cells = rows.map(|row| row.split(" | ").next().unwrap());
    let codes = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned));
    codes.collect()
}

#[test]
fn words_that_a_page_quotes_as_ours_are_in_the_code() {
    let words = words_of_the_code();
    let mut strange = Vec::new();
    for name in [
        "README.md",
        "docs/sql-server.md",
        "docs/troubleshooting.md",
        "docs/wordpress.md",
    ] {
        for text in quoted(&Page::of(name)) {
            // What has a space in it is a text; the rest are names. Causes stand behind each other with a colon between.
            let text = text.replace(": ", "…");
            let mut parts = text.split('…').map(|part| part.trim().to_lowercase());
            if text.contains(' ') && !parts.all(|part| words.contains(&part)) {
                strange.push(format!("{name}: {text}"));
            }
        }
    }
    assert!(strange.is_empty(), "{strange:#?}");
}
