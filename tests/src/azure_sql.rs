//! Azure SQL as the emulator has it, a proxy before it, and apps of SQL Server.

use std::path::{Path, PathBuf};

use azdb_emulator::{Emulator, EmulatorOptions, TdsOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::identity::{block_on, environment};
use crate::process::{Program, tools};
use crate::proxy::Proxy;
use crate::scratch;
use crate::start::Start;

/// An emulated Azure SQL, and the route to it.
pub struct AzureSql {
    /// The emulated Azure.
    pub azure: Emulator,
    /// Lines of every route to it.
    lines: String,
    directory: TempDir,
}

/// How a proxy logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginBy {
    /// With tokens, to Azure.
    Token,
    /// With the route's password, to a server of one's own.
    Password,
}

impl Default for AzureSql {
    fn default() -> Self {
        Self::with(TdsOptions::default())
    }
}

impl AzureSql {
    /// As strict as Azure.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With these options.
    #[must_use]
    pub fn with(tds: TdsOptions) -> Self {
        let options = EmulatorOptions {
            tds,
            ..EmulatorOptions::default()
        };
        let directory = scratch::directory();
        let azure = block_on(Emulator::start(options)).unwrap();
        azure.write_ca(&directory.path().join("ca.pem")).unwrap();
        Self {
            azure,
            lines: String::new(),
            directory,
        }
    }

    /// One that is logged in to in this way.
    #[must_use]
    pub fn logged_in_by(way: LoginBy) -> Self {
        if way == LoginBy::Token {
            return Self::new();
        }
        let mut server = Self::with(TdsOptions::development("sa", "The real 1 password"));
        let file = server.directory.path().join("password");
        std::fs::write(&file, "The real 1 password\n").unwrap();
        server.lines = format!(
            "upstream_auth = \"password\"\nupstream_user = \"sa\"\n\
             upstream_password_file = {file:?}\n"
        );
        server
    }

    /// The route, on a free port.
    #[must_use]
    pub fn route(&self) -> String {
        format!(
            "[[route]]\nname = \"shop\"\nprotocol = \"tds\"\nlisten = \"127.0.0.1:0\"\n\
             upstream = \"localhost:{port}\"\nconnect_to = \"127.0.0.1:{port}\"\n\
             upstream_ca_file = {ca:?}\n{lines}",
            port = self.azure.tds().address().port(),
            ca = self.directory.path().join("ca.pem"),
            lines = self.lines,
        )
    }

    /// A proxy with [`AzureSql::route`].
    #[must_use]
    #[track_caller]
    pub fn proxy(&self) -> Proxy {
        self.proxy_with("")
    }

    /// The same with more lines in the route.
    #[must_use]
    #[track_caller]
    pub fn proxy_with(&self, lines: &str) -> Proxy {
        Start::run_with(&format!("{}{lines}", self.route()))
            .envs(environment(self.azure.identity()))
            .start()
    }

    /// Where the proxy gets its tokens.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 2] {
        environment(self.azure.identity())
    }

    /// That the server had nothing to break a connection off for.
    ///
    /// # Panics
    ///
    /// When it had.
    #[track_caller]
    pub fn assert_content(&self) {
        let violations = self.azure.tds().violations();
        assert!(violations.is_empty(), "{violations:?}");
    }
}

/// What an app wants of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encrypt {
    /// None.
    Off,
    /// TLS inside TDS 7, as most have it.
    On,
    /// TDS 8.0.
    Strict,
}

impl Encrypt {
    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Strict => "strict",
        }
    }
}

/// An app on a driver for SQL Server, which has been told where a database is and knows nothing else.
pub struct SqlApp {
    port: u16,
    encrypt: Encrypt,
    user: String,
    password: String,
    told: Vec<(&'static str, String)>,
    directory: TempDir,
}

impl SqlApp {
    /// An app of a proxy, with any user and any password, which trusts the proxy's authority.
    #[must_use]
    pub fn of(proxy: &Proxy, encrypt: Encrypt) -> Self {
        let app = Self {
            encrypt,
            ..Self::at_port(proxy.address().port(), "anyone", "any password")
        };
        let ca = Start::new(&["ca"])
            .env(
                "XDG_STATE_HOME",
                proxy.directory().join("state").to_str().unwrap(),
            )
            .run();
        std::fs::write(app.ca_file(), ca.succeeded()).unwrap();
        let encryption = match encrypt {
            Encrypt::Off => "off",
            Encrypt::On | Encrypt::Strict => "require",
        };
        app.freetds_conf(&format!("tds version = 7.4\nencryption = {encryption}\n"));
        app
    }

    /// An app without a proxy, at a server that knows this login.
    #[must_use]
    pub fn direct(azure: &AzureSql, user: &str, password: &str) -> Self {
        let app = Self::at_port(azure.azure.tds().address().port(), user, password);
        azure.azure.write_ca(&app.ca_file()).unwrap();
        app.freetds_conf("tds version = 7.4\nencryption = off\n");
        app
    }

    fn at_port(port: u16, user: &str, password: &str) -> Self {
        Self {
            port,
            encrypt: Encrypt::Off,
            user: user.to_owned(),
            password: password.to_owned(),
            told: Vec::new(),
            directory: scratch::directory(),
        }
    }

    fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn freetds_conf(&self, global: &str) {
        self.write_freetds_conf("127.0.0.1", global);
    }

    fn write_freetds_conf(&self, host: &str, global: &str) {
        let port = self.port;
        let text = format!(
            "[global]\n{global}client charset = UTF-8\n[proxy]\nhost = {host}\nport = {port}\n"
        );
        std::fs::write(self.directory.path().join("freetds.conf"), text).unwrap();
    }

    /// Has FreeTDS look for the proxy there, with this word for encryption.
    #[must_use]
    pub fn at(self, host: &str, encryption: &str) -> Self {
        let text = format!("tds version = 7.4\nencryption = {encryption}\n");
        self.write_freetds_conf(host, &text);
        self
    }

    /// Tells it something else.
    #[must_use]
    pub fn told(mut self, name: &'static str, value: &str) -> Self {
        self.told.push((name, value.to_owned()));
        self
    }

    /// Has it ask for this TDS version.
    #[must_use]
    pub fn version(self, version: &str) -> Self {
        self.freetds_conf(&format!("tds version = {version}\n"));
        self.told("TDS_VERSION", version)
    }

    /// A program with what the app has been told.
    #[must_use]
    pub fn program(&self, path: impl AsRef<std::ffi::OsStr>) -> Program {
        let ca = self.ca_file();
        let ca = ca.to_str().unwrap();
        let program = Program::new(path)
            .env("TDS_HOST", "localhost")
            .env("TDS_PORT", self.port.to_string())
            .env("TDS_USER", &self.user)
            .env("TDS_PASSWORD", &self.password)
            .env("TDS_ENCRYPT", self.encrypt.word())
            .env("TDS_CA_FILE", ca)
            .env("SSL_CERT_FILE", ca)
            .env("NODE_EXTRA_CA_CERTS", ca)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("FREETDSCONF", self.directory.path().join("freetds.conf"));
        let told = self.told.iter();
        told.fold(program, |program, (name, value)| program.env(name, value))
    }

    /// One of FreeTDS's programs, at server `proxy`.
    #[must_use]
    pub fn freetds(&self, name: &str) -> Program {
        self.program(name)
            .args(["-S", "proxy", "-U", &self.user, "-P", &self.password])
    }

    /// One of the Python programs of `tests/apps`.
    #[must_use]
    pub fn python(&self, file: &str) -> Program {
        self.program(tools::installed("python/bin/python"))
            .arg(tools::app(&format!("python/{file}")))
    }

    /// One of the Node programs of `tests/apps`.
    #[must_use]
    pub fn node(&self, file: &str) -> Program {
        self.program("node")
            .env("NODE_PATH", tools::installed("node/node_modules"))
            .arg(tools::app(&format!("node/{file}")))
    }

    /// The Java program, with this driver's archive and URL.
    #[must_use]
    pub fn java(&self, archive: &str, url: &str) -> Program {
        self.java_program("WithTds", archive, url)
    }

    /// The Java program for jTDS, once for each of these settings.
    #[must_use]
    pub fn jtds(&self, archive: &str, settings: &[&str]) -> Program {
        let at = format!("jdbc:jtds:sqlserver://localhost:{}/shop", self.port);
        let program = self.java_program("WithOldTds", &format!("../{archive}"), "");
        program.args(settings.iter().map(|setting| format!("{at}{setting}")))
    }

    /// One of the Java programs of `tests/apps`.
    #[must_use]
    pub fn java_program(&self, name: &str, archive: &str, url: &str) -> Program {
        self.program("java")
            .arg(tools::NO_TRACE)
            .env("TDS_URL", url.replace("PORT", &self.port.to_string()))
            .arg("-cp")
            .arg(tools::installed(&format!("java/{archive}")))
            .arg(tools::app(&format!("java/{name}.java")))
    }

    /// The program on r2dbc-mssql.
    #[must_use]
    pub fn r2dbc(&self) -> Program {
        self.program("java")
            .arg(tools::NO_TRACE)
            .arg("-cp")
            .arg(tools::installed("r2dbc").join("*"))
            .arg(tools::app("r2dbc/WithR2dbc.java"))
    }

    /// A program that `scripts/test` has built, `target/apps/NAME/NAME`.
    #[must_use]
    pub fn built(&self, name: &str) -> Program {
        self.program(tools::installed(&format!("{name}/{name}")))
    }

    /// A program of `tests/apps` in a language that needs no building.
    #[must_use]
    pub fn script(&self, interpreter: &str, file: &str) -> Program {
        self.program(interpreter).arg(tools::app(file))
    }

    /// The app's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Runs a program and reads the JSON that it prints.
#[must_use]
#[track_caller]
pub fn seen(program: Program) -> Value {
    let ran = program.run();
    let printed = ran.succeeded();
    serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Runs a program and reads the lines of JSON that it prints.
#[must_use]
#[track_caller]
pub fn seen_lines(program: Program) -> Vec<Value> {
    let ran = program.run();
    let lines = ran.succeeded().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ran:?}")))
        .collect()
}
