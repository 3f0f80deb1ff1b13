//! What an app's database is in Azure: a server, a principal in it, and an identity endpoint that gives its token.

use std::path::PathBuf;

use azdb_emulator::{DEFAULT_ROLE, Emulator, EmulatorOptions};
use tempfile::TempDir;

use crate::identity::{Identity, block_on, environment, token_of};
use crate::proxy::Proxy;
use crate::scratch;
use crate::server::{Certificate, Method, Server};
use crate::start::Start;

/// A database of the real server, owned by a role whose password is the token that the endpoint gives.
pub struct Azure {
    /// Where the database is.
    pub server: &'static Server,
    /// The principal. Its name has spaces and capitals.
    pub role: String,
    /// The database that it owns.
    pub database: String,
    /// The token.
    pub token: String,
    /// What gives the token.
    pub identity: Identity,
}

impl Azure {
    /// With a token of the size that managed identities have.
    #[must_use]
    pub fn new() -> Self {
        Self::with_token_of(2000)
    }

    /// With a token of `size` bytes.
    #[must_use]
    pub fn with_token_of(size: usize) -> Self {
        Self::on(Server::shared(), size)
    }

    /// On a server of its own, which has no other database to speak of.
    #[must_use]
    pub fn alone() -> Self {
        // It ends with the test process, as the shared one does.
        let server = Box::leak(Box::new(Server::start(Certificate::Signed)));
        Self::on(server, 2000)
    }

    /// On another server.
    #[must_use]
    pub fn at(server: &'static Server) -> Self {
        Self::on(server, 2000)
    }

    fn on(server: &'static Server, size: usize) -> Self {
        let number = Server::number();
        let (role, database) = (format!("My Identity {number}"), format!("Orders {number}"));
        let token = token_of(size);
        server.add_role(&role, Method::Token, &token);
        server.add_database(&database, &role);
        Self {
            server,
            role,
            database,
            identity: Identity::giving(&token),
            token,
        }
    }

    /// The route to the database, on a free port.
    #[must_use]
    pub fn route(&self) -> String {
        format!("{}listen = \"127.0.0.1:0\"\n", self.route_without_listen())
    }

    /// The route to the database, for a test that says where it listens.
    #[must_use]
    pub fn route_without_listen(&self) -> String {
        format!(
            "[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\nupstream = \"localhost:{port}\"\n\
             connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca:?}\nupstream_user = {role:?}\n\
             default_database = {database:?}\n",
            port = self.server.port,
            ca = self.server.ca_file,
            role = self.role,
            database = self.database,
        )
    }

    /// A proxy with [`Azure::route`].
    #[must_use]
    #[track_caller]
    pub fn proxy(&self) -> Proxy {
        self.start(&self.route()).start()
    }

    /// A proxy with this configuration, where the identity endpoint is.
    #[must_use]
    pub fn start(&self, configuration: &str) -> Start {
        Start::run_with(configuration).envs(self.identity.environment())
    }
}

impl Default for Azure {
    fn default() -> Self {
        Self::new()
    }
}

/// The emulator: it speaks as Azure does where PostgreSQL has other words.
pub struct Emulated {
    /// The emulated Azure.
    pub azure: Emulator,
    directory: TempDir,
}

impl Emulated {
    /// An emulated Azure with role [`DEFAULT_ROLE`].
    #[must_use]
    pub fn new() -> Self {
        Self::with(EmulatorOptions::default())
    }

    /// An emulated Azure with these options.
    #[must_use]
    pub fn with(options: EmulatorOptions) -> Self {
        let directory = scratch::directory();
        let azure = block_on(Emulator::start(options)).unwrap();
        azure.write_ca(&directory.path().join("ca.pem")).unwrap();
        Self { azure, directory }
    }

    /// The file with its certificate authority.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The route to the database as `role`, on a free port.
    #[must_use]
    pub fn route_as(&self, role: &str) -> String {
        format!(
            "[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\n\
             upstream = \"localhost:{port}\"\nconnect_to = \"127.0.0.1:{port}\"\n\
             upstream_ca_file = {ca:?}\nupstream_user = {role:?}\n",
            port = self.azure.postgres().address().port(),
            ca = self.ca_file(),
        )
    }

    /// The route to the database as [`DEFAULT_ROLE`].
    #[must_use]
    pub fn route(&self) -> String {
        self.route_as(DEFAULT_ROLE)
    }

    /// The route to the MySQL server as [`DEFAULT_ROLE`], on a free port.
    #[must_use]
    pub fn mysql_route(&self) -> String {
        self.route().replace("\"postgres\"", "\"mysql\"").replace(
            &self.azure.postgres().address().port().to_string(),
            &self.azure.mysql().address().port().to_string(),
        )
    }

    /// A proxy with [`Emulated::route`].
    #[must_use]
    #[track_caller]
    pub fn proxy(&self) -> Proxy {
        self.start(&self.route()).start()
    }

    /// A proxy with this configuration, where the identity endpoint is.
    #[must_use]
    pub fn start(&self, configuration: &str) -> Start {
        Start::run_with(configuration).envs(self.environment())
    }

    /// What a process must find in its environment.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 2] {
        environment(self.azure.identity())
    }
}

impl Default for Emulated {
    fn default() -> Self {
        Self::new()
    }
}
