//! Apps that come by named pipes, and the pipe of the admin endpoint.

use std::path::PathBuf;

use azdb_tests::{AzureSql, Program, Proxy, Shop, Start, tools};

use crate::wine::wine;

/// The name of a pipe that no other test has, as a configuration has it.
fn pipe(name: &str) -> String {
    format!(r"pipe:azdb-test\{}\{name}", std::process::id())
}

/// The same as programs open it.
fn opened(pipe: &str) -> String {
    pipe.replacen("pipe:", r"\\.\pipe\", 1)
}

/// `route`, at a pipe, too.
fn with_pipe(route: &str, pipe: &str) -> String {
    let doors = format!("listen = [\"127.0.0.1:0\", '{pipe}']");
    route.replace("listen = \"127.0.0.1:0\"", &doors)
}

/// A program for Windows that `scripts/install-drivers all` brings.
fn installed(path: &str) -> Option<PathBuf> {
    let program = tools::installed(path);
    if !program.exists() {
        eprintln!("NOT RUN: {path} is not installed, see scripts/install-drivers all");
        return None;
    }
    Some(program)
}

/// One of Node.js's drivers of MySQL.
fn mysql_app(driver: &str, options: &str) -> Option<Program> {
    let node = installed("windows_node/node.exe")?;
    let [script, modules] = [
        tools::app("windows/mysql.js"),
        tools::installed("node/node_modules"),
    ];
    let [node, script, modules] = [node, script, modules].map(|path| path.display().to_string());
    Some(wine(&node).args([&*script, &modules, driver, options]))
}

fn by_pipe(pipe: &str, database: &str) -> String {
    let path = opened(pipe).replace('\\', r"\\");
    format!("{{\"socketPath\": \"{path}\", \"database\": \"{database}\"}}")
}

/// Microsoft's driver of SQL Server, with its own network library.
fn sql_client(settings: &str) -> Option<Program> {
    let dotnet = installed("windows_dotnet/dotnet.exe")?;
    let [dotnet, app] =
        [dotnet, tools::installed("windows_dotnet/app.dll")].map(|path| path.display().to_string());
    Some(wine(&dotnet).args([&*app, &format!("{settings};User ID=legacy;Password=any")]))
}

#[test]
fn drivers_of_mysql_speak_through_a_pipe_and_through_a_port() {
    let (shop, pipe) = (Shop::new(), pipe("mysql"));
    let proxy = shop.start(&with_pipe(&shop.route(), &pipe)).start();
    let port = proxy.address().port();
    let by_port = format!(
        "{{\"host\": \"127.0.0.1\", \"port\": {port}, \"database\": \"{}\"}}",
        shop.database
    );
    for driver in ["mysql2", "mysql", "mariadb"] {
        for way in [&by_pipe(&pipe, &shop.database), &by_port] {
            let Some(app) = mysql_app(driver, way) else {
                return;
            };
            let ran = app.run();
            let said: Vec<&str> = ran.succeeded().lines().map(str::trim).collect();
            assert_eq!(
                said,
                ["answer 42", "long 3000000", "ended"],
                "{driver} {way}"
            );
        }
    }
    proxy.log_until_times(3, "peer=pipe user ");
}

#[test]
fn microsofts_driver_speaks_through_a_pipe_and_through_a_port() {
    let azure = AzureSql::new();
    // Where it looks by itself.
    let route = with_pipe(&azure.route(), r"pipe:sql\query");
    let proxy = Start::run_with(&route).envs(azure.environment()).start();
    let tcp = format!("Server=tcp:127.0.0.1,{}", proxy.address().port());
    let sealed = format!("{tcp};Encrypt=true;TrustServerCertificate=true");
    for settings in [
        &*tcp,
        &sealed,
        &format!("{sealed};Packet Size=512"),
        &format!("{sealed};Packet Size=16000"),
        &format!("{sealed};MultipleActiveResultSets=true"),
        r"Server=np:\\.\pipe\sql\query",
        "Server=np:.",
        "Server=np:(local)",
        "Server=np:.;MultipleActiveResultSets=true",
    ] {
        let Some(app) = sql_client(&format!("{settings};Database=orders")) else {
            return;
        };
        let ran = app.run();
        let said: Vec<&str> = ran.succeeded().lines().map(str::trim).collect();
        assert_eq!(
            said,
            ["in as orders-app", "counted 8", "echoed 1000000", "again 1"],
            "{settings}"
        );
    }
    proxy.log_until_times(4, "peer=pipe user ");
}

/// A proxy with an admin pipe, and how it is asked.
fn administered(shop: &Shop, name: &str, doors: &str) -> (Proxy, impl Fn(&str) -> Program + use<>) {
    let admin = pipe(name);
    let route = with_pipe(&shop.route(), doors);
    let proxy = shop
        .start(&format!("{route}[admin]\nlisten = '{admin}'\n"))
        .start();
    let ask = move |command: &str| {
        Program::new(azdb_tests::binary("azdb-proxy")).args([command, "--at", &admin])
    };
    (proxy, ask)
}

#[test]
fn a_proxy_is_asked_and_ended_by_its_admin_pipe() {
    let shop = Shop::new();
    let (proxy, ask) = administered(&shop, "asked", &pipe("asked-app"));
    assert_eq!(ask("healthcheck").run().succeeded().trim(), "ok");
    assert_eq!(ask("reload").run().succeeded().trim(), "reloaded");
    let ca = ask("ca").arg("shop").run();
    assert!(ca.succeeded().contains("BEGIN CERTIFICATE"), "{ca:#?}");
    assert_eq!(ask("shutdown").run().succeeded().trim(), "ending");
    let ended = proxy.wait();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let gone = ask("healthcheck").run();
    assert!(
        gone.failed().contains("no azdb-proxy answers at pipe:"),
        "{gone:#?}"
    );
}

#[test]
fn a_pipe_moves_when_the_configuration_is_read_again_and_its_sessions_go_on() {
    let shop = Shop::new();
    let (old, new) = (pipe("old"), pipe("new"));
    let (proxy, ask) = administered(&shop, "moving", &old);
    let Some(app) = mysql_app("mysql2", &by_pipe(&old, &shop.database)) else {
        return;
    };
    let staying = app.arg("wait").start();
    staying.stdout_until(|said| said.contains("waiting").then_some(()));
    let file = proxy.directory().join("proxy.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    proxy.configure(&before.replace(&old, &new));
    assert_eq!(ask("reload").run().succeeded().trim(), "reloaded");
    let run = |pipe: &str| {
        mysql_app("mysql2", &by_pipe(pipe, &shop.database))
            .unwrap()
            .run()
    };
    assert!(run(&new).succeeded().contains("ended"));
    // Whoever comes to the old one is told that it is busy, as long as a session has it, and drivers wait then.
    let gone = proxy.log_until("listening no more");
    assert!(gone.contains(&opened(&old)), "{gone}");
    // The end of the proxy is the end of a session that is idle, and its app sees it.
    assert_eq!(ask("shutdown").run().succeeded().trim(), "ending");
    staying.stdout_until(|said| said.contains("lost PROTOCOL_CONNECTION_LOST").then_some(()));
    let ended = proxy.wait();
    assert!(
        ended.stderr.contains("why=shutting_down at_rest=true"),
        "{ended:#?}"
    );
    // As where SIGTERM ends sessions; Wine says 0 now and then.
    assert!(matches!(ended.code, Some(0 | 143)), "{ended:#?}");
}
