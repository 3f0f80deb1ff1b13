//! The configuration as its users meet it: text in, routes or messages out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod app_passwords;
mod clouds;
mod defaults;
mod endpoints;
mod environment;
mod example;
mod files;
mod identities;
mod keeping;
mod listening;
mod mysql;
mod needless;
mod networks;
mod never_panics;
mod passwords;
mod pipes;
mod precedence;
mod problems_at_once;
mod reference;
mod schema;
mod service_connector;
mod sql_server;
mod tokens;
mod urls;

use std::fs;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use azdb_identity::{Environment, IdentityConfig};
use tempfile::TempDir;

use super::load::load_from;
use super::{Config, Overrides};
use crate::route::UpstreamAuth;

/// A directory with a `proxy.toml`.
struct Place {
    directory: TempDir,
}

impl Place {
    fn with(text: &str) -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        place.file("proxy.toml", text);
        place
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file beside `proxy.toml` that is its owner's alone.
    fn file(&self, name: &str, content: &str) {
        write_for_us_alone(&self.path().join(name), content);
    }

    fn load(&self) -> Result<Config, String> {
        self.load_with(&Overrides::default(), &[])
    }

    /// Messages without the directory's own name.
    fn load_with(&self, overrides: &Overrides, env: &[(&str, &str)]) -> Result<Config, String> {
        let env = Environment::from_iter(env.iter().copied());
        let directory = format!("{}{MAIN_SEPARATOR}", self.path().display());
        load_from(overrides, &env, &[self.path().join("proxy.toml")])
            .map_err(|problems| problems.to_string().replace(&directory, ""))
    }
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
fn write_for_us_alone(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    mode(path, 0o600);
}

#[cfg(windows)]
fn write_for_us_alone(path: &Path, content: &str) {
    use std::io::Write as _;
    let _ = fs::remove_file(path);
    let mut file = azdb_windows::acl::create_private(path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

fn load(text: &str) -> Result<Config, String> {
    Place::with(text).load()
}

/// A path that begins at a root: on Windows that is a drive's.
fn absolute(path: &str) -> String {
    match cfg!(windows) {
        true => format!("C:{path}"),
        false => path.to_owned(),
    }
}

/// What the system says of a file that is not there, in a directory that is.
fn no_such_file() -> String {
    std::io::Error::from_raw_os_error(2).to_string()
}

/// A `[[route]]` with what must be there, and `more`.
fn route(more: &str) -> String {
    format!(
        "[[route]]\nprotocol = \"postgres\"\nupstream = \"orders.postgres.database.azure.com\"\n\
         upstream_user = \"orders-app\"\n{more}\n"
    )
}

/// A route to `upstream` with `more`, beside a certificate file `ca.pem`.
fn place(upstream: &str, more: &str) -> Place {
    let place = Place::with(&format!(
        "[[route]]\nname = \"a\"\nprotocol = \"postgres\"\nupstream = {upstream}\nupstream_user = \"u\"\n{more}\n"
    ));
    place.file("ca.pem", &certificate());
    place
}

/// The problems of a route with `more`; its first line is the fifth.
fn problems_of(more: &str) -> String {
    match load(&route(more)) {
        Ok(config) => panic!("{more} is accepted: {config:?}"),
        Err(problems) => problems,
    }
}

/// A route with `more` is right.
fn accepted(more: &str) -> Config {
    load(&route(more)).unwrap_or_else(|problems| panic!("{more}: {problems}"))
}

/// A file of the project.
fn in_project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

/// URLs without a file.
fn load_urls(urls: &[&str], env: &[(&str, &str)]) -> Result<Config, String> {
    let overrides = Overrides {
        urls: urls.iter().map(ToString::to_string).collect(),
        ..Overrides::default()
    };
    let env = Environment::from_iter(env.iter().copied());
    load_from(&overrides, &env, &[]).map_err(|problems| problems.to_string())
}

/// A certificate in PEM form that stands as its own root.
fn certificate() -> String {
    rcgen::generate_simple_self_signed(["db.example.org".to_owned()])
        .unwrap()
        .cert
        .pem()
}

/// What the tokens of the first route are for.
fn audience(config: &Config) -> &str {
    match &config.routes[0].auth {
        UpstreamAuth::Token(audience) => audience.as_str(),
        UpstreamAuth::Password(_) => panic!("a token was expected"),
    }
}

fn first_identity(config: &Config) -> IdentityConfig {
    config
        .routes
        .iter()
        .flat_map(|route| route.principals.iter())
        .next()
        .unwrap()
        .identity
        .as_ref()
        .clone()
}
