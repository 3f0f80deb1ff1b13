//! pgbench in each of its query modes.

use azdb_tests::{Azure, tools};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn pgbench_runs_in_every_query_mode() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let pgbench = || proxy.app().program(tools::postgres("pgbench"));
    let filled = pgbench().args(["-i", "-s", "1", "--quiet"]).run();
    let _ = filled.succeeded();
    for mode in ["simple", "extended", "prepared"] {
        let ran = pgbench()
            .args(["-M", mode, "-c", "4", "-j", "2", "-t", "50"])
            .run();
        let report = ran.succeeded();
        assert!(report.contains("actually processed: 200/200"), "{report}");
        assert!(report.contains("failed transactions: 0"), "{report}");
    }
    // A connection for every transaction: logins, one after the other.
    let ran = pgbench()
        .args(["--connect", "--select-only", "-c", "4", "-t", "10"])
        .run();
    assert!(ran.succeeded().contains("processed: 40/40"), "{ran:?}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn pgbench_pipelines() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let script = proxy.directory().join("pipeline.sql");
    let body = "select :client_id;\n".repeat(100);
    let text = format!("\\startpipeline\n{body}\\endpipeline\n");
    std::fs::write(&script, text).unwrap();
    let ran = proxy
        .app()
        .program(tools::postgres("pgbench"))
        .args(["-n", "-M", "extended", "-c", "4", "-t", "20", "-f"])
        .arg(&script)
        .run();
    assert!(ran.succeeded().contains("processed: 80/80"), "{ran:?}");
}
