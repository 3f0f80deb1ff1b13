//! Finds the programs that the tests run, so that a test without its program counts as ignored, with the reason.
//!
//! With `AZDB_TESTS_REQUIRED` set nothing is ignored: a test whose program is missing then fails.

use std::env;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=AZDB_TESTS_REQUIRED");
    println!("cargo::rerun-if-env-changed=PATH");
    let required = env::var_os("AZDB_TESTS_REQUIRED").is_some();

    let postgres = postgres_directory();
    println!("cargo::rustc-env=AZDB_POSTGRES_BIN={}", postgres.display());
    let apps = apps_directory();
    println!("cargo::rustc-env=AZDB_APPS={}", apps.display());

    for (cfg, needs) in [
        (
            "has_postgres",
            vec![
                postgres.join("postgres"),
                postgres.join("pgbench"),
                on_path("psql"),
                on_path("openssl"),
            ],
        ),
        (
            "has_mariadb",
            vec![
                on_path("mariadbd"),
                on_path("mariadb-install-db"),
                on_path("mariadb"),
                on_path("mariadb-binlog"),
                PathBuf::from("/usr/lib/mysql/plugin/auth_pam.so"),
                pam_services(),
            ],
        ),
        ("has_postgres_18", vec![apps.join("postgres_18/complete")]),
        ("has_netns", vec![on_path("ip"), roots()]),
        ("has_haproxy", vec![on_path("haproxy")]),
        ("has_curl", vec![on_path("curl")]),
        ("has_strace", vec![on_path("strace"), ptrace()]),
        (
            "has_namespaces",
            vec![on_path("unshare"), on_path("ip"), on_path("psql"), roots()],
        ),
        (
            "has_systemd",
            vec![
                PathBuf::from("/lib/systemd/systemd"),
                on_path("unshare"),
                on_path("systemctl"),
                control_groups(),
                roots(),
            ],
        ),
        ("has_php", vec![apps.join("php/complete")]),
        ("has_perl", vec![apps.join("perl/complete")]),
        ("has_go", vec![apps.join("go/complete")]),
        ("has_python", vec![apps.join("python/complete")]),
        ("has_wordpress", vec![apps.join("wordpress/complete")]),
        ("has_deploy", vec![apps.join("deploy/complete")]),
        (
            "has_node",
            vec![apps.join("node/complete"), on_path("node")],
        ),
        (
            "has_java",
            vec![apps.join("java/complete"), on_path("java")],
        ),
        ("has_hikari", vec![apps.join("hikari/complete")]),
        (
            "has_freetds",
            vec![on_path("tsql"), on_path("bsqldb"), on_path("freebcp")],
        ),
        ("has_promtool", vec![on_path("promtool")]),
        ("has_odbc", vec![apps.join("odbc/complete")]),
        (
            "has_jtds",
            vec![apps.join("jtds/complete"), on_path("java")],
        ),
        (
            "has_r2dbc",
            vec![apps.join("r2dbc/complete"), on_path("java")],
        ),
        (
            "has_connector_j_old",
            vec![apps.join("connector_j_old/complete"), on_path("java")],
        ),
        (
            "has_jtds_old",
            vec![apps.join("jtds_old/complete"), on_path("java")],
        ),
        (
            "has_tedious_old",
            vec![apps.join("tedious_old/complete"), on_path("node")],
        ),
        (
            "has_mono_tds",
            vec![apps.join("mono_tds/complete"), on_path("mono")],
        ),
        ("has_go_mssql", vec![apps.join("go_mssql/complete")]),
        (
            "has_mono",
            vec![apps.join("dotnet/complete"), on_path("mono")],
        ),
        ("has_php_dblib", vec![apps.join("php_dblib/complete")]),
        ("has_perl_sybase", vec![apps.join("perl_sybase/complete")]),
    ] {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        // Cargo asks again at each build while a file is missing.
        for file in &needs {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        if required || needs.iter().all(|file| file.exists()) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
    // What no package of a release brings is never required: a Python of long ago, or Debian's unstable.
    for (cfg, file) in [
        ("has_pymssql_2_1_3", "pymssql_old/2.1.3/python"),
        ("has_pymssql_2_1_4", "pymssql_old/2.1.4/python"),
        ("has_mysql_9", "mysql_9/complete"),
    ] {
        let file = apps.join(file);
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        println!("cargo::rerun-if-changed={}", file.display());
        if file.exists() {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}

/// Where the newest PostgreSQL server's programs are. Debian keeps them off the path.
fn postgres_directory() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max();
    match newest {
        Some(version) => PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")),
        None => on_path("postgres")
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default(),
    }
}

/// Where `scripts/test` installs the drivers: `apps` in cargo's target directory.
fn apps_directory() -> PathBuf {
    // OUT_DIR is target/PROFILE/build/PACKAGE/out.
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    out.ancestors()
        .nth(4)
        .unwrap_or(Path::new("target"))
        .join("apps")
}

fn on_path(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.exists())
        .unwrap_or_else(|| Path::new("/usr/bin").join(program))
}

/// The directory of PAM's services where it may be written: the tests put one there.
fn pam_services() -> PathBuf {
    let services = PathBuf::from("/etc/pam.d");
    if is_root() {
        services
    } else {
        services.join("only root may write here")
    }
}

/// A file that is there where the tests may make namespaces: where they run as root. Not a directory, which cargo would look through
/// at each build.
fn roots() -> PathBuf {
    PathBuf::from(if is_root() {
        "/bin/sh"
    } else {
        "/only root may"
    })
}

/// A file that is there where the tests may look into a process that hides its memory: where they have CAP_SYS_PTRACE.
fn ptrace() -> PathBuf {
    const CAP_SYS_PTRACE: u32 = 19;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    let may = effective.is_some_and(|set| set >> CAP_SYS_PTRACE & 1 == 1);
    PathBuf::from(if may {
        "/bin/sh"
    } else {
        "/only who may trace"
    })
}

/// The control groups of version 2, wherever they are mounted.
fn control_groups() -> PathBuf {
    let usual = PathBuf::from("/sys/fs/cgroup/cgroup.procs");
    if usual.exists() {
        usual
    } else {
        PathBuf::from("/sys/fs/cgroup/unified/cgroup.procs")
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
