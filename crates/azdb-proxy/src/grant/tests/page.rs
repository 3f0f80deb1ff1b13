//! The page of the manual beside what is printed.

use azdb_identity::Environment;
use clap::Parser as _;

use crate::args::{Args, Command};
use crate::grant::{chosen, configuration, printed, shell};

/// Words of a line for a shell, as the page has them.
fn words(line: &str) -> Vec<String> {
    let words = line.split_whitespace();
    words
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

/// What a command of the page prints.
fn printed_by(line: &str) -> String {
    let words = words(line);
    let args = Args::try_parse_from(&words).unwrap();
    let Some(Command::Grant(mut args)) = args.command else {
        panic!("{line}");
    };
    args.command = shell::again(words.into_iter().skip(1));
    let env = Environment::from_iter(std::iter::empty::<(String, String)>());
    let config = configuration(&args, &env).unwrap();
    let route = chosen(config.routes, &args).unwrap();
    printed(&route, &args, &env).unwrap().trim_end().to_owned()
}

/// The blocks of SQL in the page are what the commands before them print. `AZDB_WRITE=1` writes them.
#[test]
fn the_page_shows_what_is_printed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/grant.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut rest = page.as_str();
    let (mut written, mut blocks) = (String::new(), 0);
    while let Some(at) = rest.find("```sql\n") {
        let (before, block) = rest.split_at(at);
        let command = before
            .lines()
            .rfind(|line| line.starts_with("azdb-proxy grant "));
        let end = block.find("\n```\n").unwrap();
        written += &format!("{before}```sql\n{}", printed_by(command.unwrap()));
        rest = &block[end..];
        blocks += 1;
    }
    written += rest;
    assert!(blocks >= 5, "{blocks}");
    if std::env::var_os("AZDB_WRITE").is_some() {
        std::fs::write(path, &written).unwrap();
    } else {
        assert_eq!(page, written, "AZDB_WRITE=1 writes it");
    }
}
