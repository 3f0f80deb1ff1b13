//! `azdb-proxy exec`: a program and the proxy, as one.

use std::time::Instant;

use azdb_tests::{
    Azure, Emulated, PATIENCE, Process, Program, Ran, RawApp, Start, binary, closed_port,
};
use rustix::process::Signal;
use tempfile::TempDir;

/// `azdb-proxy exec` with this configuration, and what stands behind it.
fn exec(configuration: &str, words: &[&str]) -> Start {
    Start::command("exec", configuration).args(words)
}

/// A shell script that runs beside a proxy before an emulated Azure.
fn script(emulated: &Emulated, text: &str) -> Start {
    let start = exec(&emulated.route(), &["--", "sh", "-c", text]);
    start.envs(emulated.environment())
}

/// Waits for a line of standard output.
#[track_caller]
fn line(process: &Process) -> String {
    process.stdout_until(|text| Some(text.split_once('\n')?.0.to_owned()))
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_knows_nothing_and_its_output_is_its_own() {
    let azure = Azure::new();
    let words = [
        "orders",
        "--",
        "psql",
        "-XAt",
        "-c",
        "select current_user, current_database()",
    ];
    let ran = exec(&azure.route(), &words)
        .envs(azure.identity.environment())
        .env("AZDB_PROXY_LOG_TO", "stdout")
        // It would lead past the proxy.
        .env("PGHOSTADDR", "192.0.2.1")
        .run();
    assert_eq!(
        ran.succeeded(),
        format!("{}|{}", azure.role, azure.database)
    );
    assert!(ran.stderr.contains("session ended"), "{ran:?}");
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_freetds)),
    ignore = "no clients: see scripts/test"
)]
fn mariadb_and_tsql_know_nothing_either() {
    let emulated = Emulated::new();
    let mysql = exec(
        &emulated.mysql_route(),
        &[
            "--",
            "mariadb",
            "--no-defaults",
            "-uanyone",
            "-N",
            "-B",
            "-e",
            "select 40 + 2",
        ],
    );
    let ran = mysql.envs(emulated.environment()).run();
    assert_eq!(ran.succeeded(), "42");

    let azure = azdb_tests::AzureSql::new();
    let words = [
        "--",
        "sh",
        "-c",
        "echo 'select 40 + 2\ngo' | tsql -S somewhere -U anyone -P password",
    ];
    let ran = exec(&azure.route(), &words).envs(azure.environment()).run();
    assert!(ran.succeeded().contains("42"), "{ran:?}");
}

#[test]
fn its_end_is_that_of_the_program() {
    let emulated = Emulated::new();
    let code = |text: &str| script(&emulated, text).run().code;
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 7"), Some(7));
    assert_eq!(code("kill -KILL $$"), Some(137));
    let run = |program: &str| {
        let start = exec(&emulated.route(), &["--", program]);
        start.envs(emulated.environment()).run()
    };
    let ran = run("/no/such/program");
    assert_eq!(ran.code, Some(127), "{ran:?}");
    assert!(
        ran.stderr.contains("cannot run \"/no/such/program\""),
        "{ran:?}"
    );
    let ran = run("/etc/passwd");
    assert_eq!(ran.code, Some(126), "{ran:?}");
}

#[test]
fn signals_are_the_programs() {
    let emulated = Emulated::new();
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::USR1, "USR1"),
    ] {
        let text =
            format!("trap 'echo heard; exit 3' {name}; echo ready; while :; do sleep 0.01; done");
        let (process, _directory) = script(&emulated, &text).launch();
        assert_eq!(line(&process), "ready");
        process.signal(signal);
        let ran = process.wait();
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(3), "ready\nheard\n"),
            "{name}"
        );
    }
}

/// It sees no door that is shut, and no token that is missing.
#[test]
fn the_program_starts_when_the_proxy_is_ready_or_not_at_all() {
    let emulated = Emulated::new();
    let hold = emulated.azure.identity().hold();
    let (process, _directory) = script(&emulated, "echo started").launch();
    process.stderr_until(|log| log.contains("identity source").then_some(()));
    assert_eq!(process.stdout(), "");
    drop(hold);
    assert_eq!(process.wait().succeeded(), "started");

    let endpoint = format!("http://127.0.0.1:{}/msi/token", closed_port());
    let ran = script(&emulated, "echo started")
        .env("IDENTITY_ENDPOINT", &endpoint)
        .env("AZDB_PROXY_READY_TIMEOUT", "1s")
        .run();
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{ran:?}");
    assert!(ran.stderr.contains("no token within 1s"), "{ran:?}");

    let hold = emulated.azure.identity().hold();
    let (process, _directory) = script(&emulated, "echo started").launch();
    process.stderr_until(|log| log.contains("identity source").then_some(()));
    process.signal(Signal::TERM);
    let ran = process.wait();
    assert_eq!((ran.code, &*ran.stdout), (Some(143), ""), "{ran:?}");
    drop(hold);
}

/// What a program leaves behind has the time of a drain, and hears the goodbye.
#[test]
fn sessions_that_outlive_the_program_are_told() {
    let emulated = Emulated::new();
    let text = "echo $PGPORT; read -r _";
    let start = exec(
        &emulated.route(),
        &["--max-sigterm-delay=10ms", "--", "sh", "-c", text],
    );
    let (process, _directory) = start.envs(emulated.environment()).launch_interactive();
    let port: u16 = line(&process).parse().unwrap();
    let mut app = RawApp::connect(([127, 0, 0, 1], port).into());
    app.log_in("anyone");
    let mut process = process;
    process.type_line("on");
    let goodbye = app.message();
    assert_eq!(goodbye.field('C').as_deref(), Some("57P01"));
    assert_eq!(process.wait().code, Some(0));
}

#[test]
fn routes_are_names_or_urls_and_the_rest_is_not_served() {
    let emulated = Emulated::new();
    let second = emulated.mysql_route().replace("\"orders\"", "\"shop\"");
    let both = format!("{}{second}", emulated.route());
    let print = |words: &[&str]| -> Ran {
        let words = [words, &["--", "env"]].concat();
        exec(&both, &words).envs(emulated.environment()).run()
    };
    let all = print(&[]);
    for name in [
        "PGHOST=127.0.0.1",
        "MYSQL_HOST=127.0.0.1",
        "AZDB_ORDERS_PORT=",
        "AZDB_SHOP_PORT=",
    ] {
        assert!(all.succeeded().contains(name), "{name}: {all:?}");
    }
    let one = print(&["shop"]);
    assert!(one.succeeded().contains("AZDB_SHOP_PORT="), "{one:?}");
    assert!(!one.succeeded().contains("PGHOST="), "{one:?}");
    let wrong = print(&["nosuch"]);
    assert_eq!(wrong.code, Some(78), "{wrong:?}");
    assert!(wrong.stderr.contains("orders, shop"), "{wrong:?}");
    let none = Start::new(&["exec", "orders"]).run();
    assert_eq!(none.code, Some(64), "{none:?}");
}

/// In a container it is the first process, and the kernel gives it all orphans.
#[test]
#[cfg_attr(not(has_namespaces), ignore = "no namespaces: see scripts/test")]
fn as_the_first_process_it_reaps_orphans_and_hands_signals_on() {
    let emulated = Emulated::new();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("proxy.toml");
    std::fs::write(&file, emulated.route()).unwrap();
    let container = |text: &str| {
        let unshare = Program::new("unshare").args(["--pid", "--fork", "--mount-proc"]);
        let exec = unshare.arg(binary("azdb-proxy")).args(["exec", "--config"]);
        let program = exec.arg(&file).args(["--", "sh", "-c", text]);
        let environment = emulated.environment();
        environment
            .into_iter()
            .fold(program, |program, (name, value)| program.env(name, value))
    };
    // The orphan says who it is, and ends; whoever does not reap it keeps its number.
    let ran = container(
        "[ \"$(tr '\\0' ' ' < /proc/1/cmdline | cut -d' ' -f2)\" = exec ] || exit 9
         orphan=$(sh -c 'sleep 0.01 >&2 & echo $!')
         while [ -e /proc/$orphan ]; do sleep 0.01; done
         exit 5",
    );
    let ran = ran.run();
    assert_eq!(ran.code, Some(5), "{ran:?}");

    let process = container("trap 'exit 6' TERM; echo ready; while :; do sleep 0.01; done").start();
    assert_eq!(line(&process), "ready");
    // The first process of its namespace, a child of unshare.
    let children = format!(
        "/proc/{0}/task/{0}/children",
        process.pid().as_raw_nonzero()
    );
    let until = Instant::now() + PATIENCE;
    let first = loop {
        let children = std::fs::read_to_string(&children).unwrap();
        if let Some(pid) = children.split_whitespace().next() {
            break pid.parse().unwrap();
        }
        assert!(Instant::now() < until, "no child");
    };
    let first = rustix::process::Pid::from_raw(first).unwrap();
    rustix::process::kill_process(first, Signal::TERM).unwrap();
    assert_eq!(process.wait().code, Some(6));
}
