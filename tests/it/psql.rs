//! The main job, with psql: an unmodified app, a token-only database.

use azdb_tests::{Azure, Server, Start};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn any_user_with_any_password_becomes_the_role() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    for (user, password) in [
        ("anyone", "any"),
        ("Somebody Else", ""),
        ("postgres", "x y"),
    ] {
        let app = proxy
            .app()
            .told("PGUSER", user)
            .told("PGPASSWORD", password);
        assert_eq!(app.query("select current_user"), azure.role);
    }
    let app = proxy.app().not_told("PGPASSWORD");
    assert_eq!(app.query("select session_user"), azure.role);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn server_takes_nothing_but_the_token_over_tls() {
    let azure = Azure::new();
    let direct = |secret: &str| {
        let Azure { role, database, .. } = &azure;
        azure.server.direct(role, secret, database, "select 1")
    };
    assert_eq!(direct(&azure.token).succeeded(), "1");
    let refused = direct("any password");
    assert!(refused.failed().contains("password authentication failed"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn tokens_from_two_to_sixty_four_kilobytes_log_in() {
    for size in [2_000, 8_200, 16_400, 33_000, 60_000, 65_000] {
        let azure = Azure::with_token_of(size);
        assert!(azure.token.len() >= size);
        let proxy = azure.proxy();
        assert_eq!(proxy.app().query("select current_user"), azure.role);
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn app_that_names_no_database_gets_the_default_one() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    // libpq then sends its own user as the database.
    let app = proxy.app().not_told("PGDATABASE");
    assert_eq!(app.query("select current_database()"), azure.database);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn app_that_names_a_database_gets_that_one() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let app = proxy.app().told("PGDATABASE", "postgres");
    assert_eq!(app.query("select current_database()"), "postgres");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn without_a_default_the_database_is_the_apps_user() {
    let azure = Azure::new();
    let user = format!("legacy {}", Server::number());
    azure.server.add_database(&user, &azure.role);
    let route = azure.route().replace("default_database", "#");
    let proxy = azure.start(&route).start();
    let app = proxy.app().told("PGUSER", &user);
    assert_eq!(app.query("select current_database()"), user);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn startup_parameters_of_the_app_arrive() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let app = proxy
        .app()
        .told("PGAPPNAME", "an old app")
        .told("PGOPTIONS", "-c work_mem=12345kB")
        .told("PGTZ", "Asia/Tokyo")
        .told("PGCLIENTENCODING", "LATIN1");
    let sql = "select current_setting(name) from unnest(array['application_name', 'work_mem', \
               'timezone', 'client_encoding']) as name";
    assert_eq!(
        app.query(sql),
        "an old app\n12345kB\nAsia/Tokyo\nLATIN1",
        "each in its line"
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn copy_goes_both_ways() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let rows: String = (0..50_000)
        .map(|n| format!("{n}\tthe name of {n}\n"))
        .collect();
    let directory = proxy.directory();
    std::fs::write(directory.join("in.tsv"), &rows).unwrap();
    let script = "create table items (id int primary key, name text);
                  \\copy items from 'in.tsv'
                  \\copy (select * from items order by id) to 'out.tsv'
                  select count(*) from items;";
    let ran = proxy.app().psql().directory(directory).stdin(script).run();
    assert_eq!(ran.succeeded(), "50000");
    let copied = std::fs::read_to_string(directory.join("out.tsv")).unwrap();
    assert!(copied == rows, "{} bytes came back", copied.len());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn large_objects_go_both_ways() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let content: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
    let directory = proxy.directory();
    std::fs::write(directory.join("in.bin"), &content).unwrap();
    let script = "\\lo_import in.bin
                  \\lo_export :LASTOID out.bin
                  select count(*) from pg_largeobject_metadata where oid = :LASTOID;";
    let ran = proxy.app().psql().directory(directory).stdin(script).run();
    assert!(ran.succeeded().ends_with('1'), "{ran:?}");
    let exported = std::fs::read(directory.join("out.bin")).unwrap();
    assert!(exported == content, "{} bytes came back", exported.len());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn notifications_reach_a_listening_session() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let script = "listen news;\nnotify news, 'hello';\nselect 1;\n";
    let ran = proxy.app().psql().stdin(script).run();
    let heard = "Asynchronous notification \"news\" with payload \"hello\" received";
    assert!(ran.succeeded().contains(heard), "{ran:?}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn transactions_and_describe_commands_work() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let script = "create table items (id int primary key, name text);
                  begin; insert into items values (1, 'x'); rollback;
                  select count(*) from items;
                  \\d items
                  \\dt";
    let ran = proxy.app().psql().stdin(script).run();
    let answer = ran.succeeded();
    assert!(answer.starts_with('0'), "{answer}");
    assert!(answer.contains("name|text"), "{answer}");
    assert!(answer.contains("public|items|table"), "{answer}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn route_as_a_url_needs_no_file() {
    let azure = Azure::new();
    let port = azure.server.port;
    let escaped = |text: &str| text.replace(' ', "%20");
    let url = format!(
        "postgres://{}@localhost:{port}/{}?listen=127.0.0.1:0&connect_to=127.0.0.1:{port}&upstream_ca_file={}",
        escaped(&azure.role),
        escaped(&azure.database),
        azure.server.ca_file.display(),
    );
    let by_argument = Start::new(&["run", &url]);
    let by_default_command = Start::new(&[&url]);
    let by_variable = Start::new(&[]).env("AZDB_PROXY_ROUTE", &url);
    for start in [by_argument, by_default_command, by_variable] {
        let proxy = start.envs(azure.identity.environment()).start();
        let answer = proxy
            .app()
            .query("select current_user || current_database()");
        assert_eq!(answer, [azure.role.as_str(), &azure.database].concat());
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn user_map_decides_by_the_apps_user() {
    let (one, two) = (Azure::new(), Azure::new());
    // One endpoint gives one token; both roles take it.
    two.server.change_secret(&two.role, &one.token);
    let route = one.route().replace("upstream_user", "# upstream_user");
    let map = format!(
        "user_map = {{ legacy = {:?}, batch = {{ user = {:?} }} }}\n",
        one.role, two.role
    );
    let proxy = one.start(&(route + &map)).start();
    for (user, role) in [("legacy", &one.role), ("batch", &two.role)] {
        let app = proxy.app().told("PGUSER", user);
        assert_eq!(&app.query("select current_user"), role);
    }
}
