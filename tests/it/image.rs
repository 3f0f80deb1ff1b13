//! The image, without a container engine: `deploy/docker/rootfs` lays its file system out, and what the Dockerfile's last stage
//! says runs in it as a container's process would: chroot, read-only root, no privilege, nothing else there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use azdb_tests::{App, Azure, Process, Program, Ran, binary, closed_port};
use rustix::process::Signal;
use tempfile::TempDir;

/// What a container engine mounts: names, the test's files, and a directory that anybody may write, as an `emptyDir` is.
const MOUNTS: &str = r#"
root=$1; shared=$2; shift 2
mount --bind "$root" "$root"
mount --bind /etc/hosts "$root/etc/hosts"
mount --bind "$shared" "$root/shared"
mount -t tmpfs -o mode=0777 tmpfs "$root/state"
mount -o remount,bind,ro "$root"
exec "$@"
"#;

/// The last stage of the Dockerfile.
struct Stage {
    said: BTreeMap<String, String>,
}

impl Stage {
    fn read() -> Self {
        let text = fs::read_to_string(project("deploy/docker/Dockerfile")).unwrap();
        let text = text.replace("\\\n", " ");
        let (_, last) = text.rsplit_once("\nFROM ").unwrap();
        let lines = last.lines().filter(|line| !line.starts_with('#'));
        let words = lines.filter_map(|line| line.split_once(' '));
        Self {
            said: words
                .map(|(word, rest)| (word.to_owned(), rest.to_owned()))
                .collect(),
        }
    }

    /// A command in brackets, perhaps behind options.
    fn command(&self, word: &str) -> Vec<String> {
        let text = &self.said[word];
        let at = text.find('[').unwrap();
        serde_json::from_str(&text[at..]).unwrap()
    }

    fn user(&self) -> &str {
        &self.said["USER"]
    }
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A container that runs.
struct Container {
    process: Process,
    stage: Stage,
    files: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Container {
    fn run(configuration: &str, ca_file: &Path, env: &[(&'static str, String)]) -> Self {
        let (stage, files) = (Stage::read(), TempDir::new().unwrap());
        let root = files.path().join("root");
        let laid = Program::new(project("deploy/docker/rootfs"))
            .arg(binary("azdb-proxy"))
            .arg(&root)
            .run();
        let _ = laid.succeeded();
        let shared = files.path().join("shared");
        for directory in [&shared, &root.join("shared")] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(root.join("etc/hosts"), "").unwrap();
        fs::copy(ca_file, shared.join("ca.pem")).unwrap();
        let configuration = configuration.replace(ca_file.to_str().unwrap(), "/shared/ca.pem");
        fs::write(shared.join("proxy.toml"), configuration).unwrap();

        let mut words = stage.command("ENTRYPOINT");
        words.extend(stage.command("CMD"));
        let process = Program::new("unshare")
            .args(["--mount", "sh", "-e", "-c", MOUNTS, "sh"])
            .args([&root, &shared])
            .args(inside(&stage, &root, env))
            .args(words)
            .start();
        Self {
            process,
            stage,
            files,
            env: env.to_vec(),
        }
    }

    /// Runs another program in it, as `docker exec` and health checks do.
    fn exec(&self, words: &[String]) -> Ran {
        let target = self.process.pid().as_raw_nonzero().to_string();
        Program::new("nsenter")
            .args(["--mount", "--target", &target])
            .args(inside(
                &self.stage,
                &self.files.path().join("root"),
                &self.env,
            ))
            .args(words)
            .run()
    }
}

/// The environment, user and root of the image.
fn inside(stage: &Stage, root: &Path, env: &[(&'static str, String)]) -> Vec<String> {
    let mut words = vec!["setpriv".to_owned(), "--no-new-privs".to_owned()];
    words.extend(["env".to_owned(), "-i".to_owned()]);
    words.extend(stage.said["ENV"].split_whitespace().map(str::to_owned));
    words.push("AZDB_PROXY_CONFIG=/shared/proxy.toml".to_owned());
    words.extend(env.iter().map(|(name, value)| format!("{name}={value}")));
    words.push("/usr/sbin/chroot".to_owned());
    words.push(format!("--userspec={}", stage.user()));
    words.push(root.to_str().unwrap().to_owned());
    words
}

/// Where the first route listens.
fn door(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("listening route="))?;
    let address = line.split("listen=").nth(1)?.split(' ').next()?;
    address.rsplit(':').next()?.parse().ok()
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_namespaces)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn image_logs_an_app_in_says_that_it_is_well_and_ends() {
    let azure = Azure::new();
    let health = format!("[health]\nlisten = \"127.0.0.1:{}\"\n", closed_port());
    let env = azure.identity.environment();
    let container = Container::run(&(health + &azure.route()), &azure.server.ca_file, &env);
    let port = container.process.stderr_until(door);

    let app = App::at("127.0.0.1", port);
    assert_eq!(app.query("select current_user"), azure.role);
    let over_tls = app.told("PGSSLMODE", "require");
    assert_eq!(over_tls.query("select current_user"), azure.role);
    let kept = container.files.path().join("root/state");
    assert_eq!(fs::read_dir(kept).unwrap().count(), 0, "a mount hides it");

    let pid = container.process.pid().as_raw_nonzero();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for line in [
        "Uid:\t65532\t65532\t65532\t65532",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }

    let well = container.exec(&container.stage.command("HEALTHCHECK"));
    assert_eq!(well.succeeded(), "ok");
    let found = container.exec(&["azdb-proxy".to_owned(), "doctor".to_owned()]);
    let found = found.succeeded();
    assert!(found.contains("  ok login "), "{found}");
    assert!(found.ends_with("orders: an app can come"), "{found}");
    let shell = container.exec(&["sh".to_owned()]);
    assert!(shell.failed().contains("No such file"), "{shell:?}");
    let asked = container.exec(&["azdb-proxy".to_owned(), "shutdown".to_owned()]);
    let _ = asked.succeeded();
    assert_eq!(container.process.wait().code, Some(0));
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_namespaces)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn image_ends_as_its_engine_asks() {
    let azure = Azure::new();
    let env = azure.identity.environment();
    let container = Container::run(&azure.route(), &azure.server.ca_file, &env);
    container.process.stderr_until(door);
    assert_eq!(container.stage.said["STOPSIGNAL"], "SIGTERM");
    container.process.signal(Signal::TERM);
    assert_eq!(container.process.wait().code, Some(0));
}
