//! `--apply` in a real PostgreSQL, and what stops it.

use azdb_tests::{Program, Ran, Start, binary, every_piece_of, find_leak, token_of};

use super::{Bare, is_nobody, may, may_not};

impl Bare {
    /// As an administrator whose token is in a file.
    fn apply(&self, words: &[&str]) -> Ran {
        let start = Start::command("grant", &self.route());
        let file = start.directory().join("admin.token");
        std::fs::write(&file, &self.admin_token).unwrap();
        start
            .args(&["--apply", "--as", &self.admin, "--token-file"])
            .arg(file.to_str().unwrap())
            .args(words)
            .envs(self.azure.identity.environment())
            .run()
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn what_is_applied_says_each_statement_and_may_be_applied_again() {
    let bare = Bare::new();
    let proxy = bare.proxy();
    let first = bare.apply(&["--yes"]);
    let said = first.succeeded();
    for line in [
        ", false, false)\n",
        "-- => made\n",
        "grant connect on database",
        "-- => done\n",
        "rolename | principaltype | objectid",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let _ = may(&proxy, "insert into products (name) values ('salt')");
    may_not(&proxy, "create table mine (it text)");
    let again = bare.apply(&["--yes"]);
    let said = again.succeeded();
    assert!(said.contains("-- => it is there already\n"), "{said}");
    let _ = may(&proxy, "insert into products (name) values ('oil')");
    let _ = bare.apply(&["--undo", "--yes"]).succeeded();
    is_nobody(&proxy);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn nothing_is_applied_unasked_or_to_somebody_else() {
    let bare = Bare::new();
    let proxy = bare.proxy();
    let unasked = bare.apply(&[]);
    assert_eq!(unasked.code, Some(64), "{unasked:?}");
    assert!(unasked.stderr.contains("--yes"), "{unasked:?}");
    is_nobody(&proxy);
    // A role with a password, and that of another identity.
    let server = bare.azure.server;
    let role = bare.role.replace('"', "\"\"");
    server.admin(&format!("create role \"{role}\""));
    for whose in ["no identity", "0b5e0d1a-97e1-4d4c-8a57-0c8f4e1b2d33"] {
        let refused = bare.apply(&["--yes"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(whose), "{refused:?}");
        assert!(refused.stderr.contains("--existing-role"), "{refused:?}");
        assert!(!refused.stdout.contains("grant connect"), "{refused:?}");
        server.admin(&format!(
            "insert into {}.principals values (E'{}', 'service', '0b5e0d1a-97e1-4d4c-8a57-0c8f4e1b2d33')",
            bare.schema,
            bare.role.replace('\\', "\\\\").replace('\'', "''"),
        ));
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn what_the_server_refuses_is_said_with_the_statement_and_what_to_do() {
    let bare = Bare::new();
    bare.azure.server.admin(&format!(
        "alter role \"{}\" in database postgres reset search_path",
        bare.admin
    ));
    let refused = bare.apply(&["--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for words in [
        "(42883)",
        "pgaadauth_list_principals",
        "Microsoft Entra authentication",
    ] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    let stranger = Bare {
        admin_token: token_of(1800),
        ..bare
    };
    let refused = stranger.apply(&["--yes"]);
    assert!(
        refused
            .stderr
            .contains("the administrator was not let in: "),
        "{refused:?}"
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_person_at_a_terminal_sees_the_sql_and_says_yes_first() {
    let bare = Bare::new();
    let proxy = bare.proxy();
    let start = Start::command("grant", &bare.route());
    let directory = start.directory();
    std::fs::write(directory.join("admin.token"), &bare.admin_token).unwrap();
    let answer = |words: &str, answer: &str| {
        let command = format!(
            "{} grant --config proxy.toml --apply --as {} --token-file admin.token{words}",
            binary("azdb-proxy").display(),
            bare.admin
        );
        let mut ran = Program::new("script")
            .args(["-qec", &command, "/dev/null"])
            .directory(&directory);
        for (name, value) in bare.azure.identity.environment() {
            ran = ran.env(name, value);
        }
        ran.stdin(answer).run()
    };
    let no = answer("", "\n");
    assert_eq!(no.code, Some(1), "{no:?}");
    let question = |what: &str| {
        format!(
            "{what} at localhost:{} as \"{}\"? [y/N] ",
            bare.azure.server.port, bare.admin
        )
    };
    let (before, _) = no.stdout.split_once(&question("Run this")).unwrap();
    assert!(before.contains("grant connect on database"), "{no:?}");
    assert!(no.stdout.contains("nothing was run"), "{no:?}");
    is_nobody(&proxy);
    let yes = answer("", "y\n");
    assert_eq!(yes.code, Some(0), "{yes:?}");
    let _ = may(&proxy, "select 1");
    // The way back is another question.
    let no = answer(" --undo", "n\n");
    assert_eq!(no.code, Some(1), "{no:?}");
    let (before, _) = no.stdout.split_once(&question("End this")).unwrap();
    assert!(
        before.contains("drop role if exists") && before.contains("is no principal any more"),
        "{no:?}"
    );
    let _ = may(&proxy, "select 1");
    let yes = answer(" --undo", "yes\n");
    assert_eq!(yes.code, Some(0), "{yes:?}");
    is_nobody(&proxy);
}

/// The usual way: an administrator who has signed in to the Azure CLI, and is called in the database what the token says.
#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn the_administrator_is_whoever_has_signed_in_to_the_azure_cli() {
    let bare = Bare::of("an identity of the tests");
    let start = Start::command("grant", &bare.route());
    let directory = start.directory();
    let answer = format!(
        "{{\"accessToken\": \"{}\", \"expires_on\": %s}}",
        bare.admin_token
    );
    let az = format!("#!/bin/sh\nprintf '{answer}' $(($(date +%s) + 3600))\n");
    std::fs::write(directory.join("az"), az).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.join("az"), executable).unwrap();
    let path = std::env::var("PATH").unwrap();
    let applied = start
        .args(&["--apply", "--yes"])
        .envs(bare.azure.identity.environment())
        .env("PATH", &format!("{}:{path}", directory.display()))
        .run();
    let said = applied.succeeded();
    assert!(said.contains("as \"an identity of the tests\""), "{said}");
    let pieces = every_piece_of(&bare.admin_token);
    assert_eq!(find_leak(said, &pieces), None, "{said}");
    let _ = may(&bare.proxy(), "select 1");
}
