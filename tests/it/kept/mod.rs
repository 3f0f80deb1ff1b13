//! Sessions kept for the next app: what apps, databases and a scraper see of them. With real servers where there are any.

mod app_passwords;
mod drains;
pub(crate) mod houses;
pub(crate) mod keeper;
mod postgres_crowds;
mod postgres_leftovers;
mod postgres_prepared;
mod postgres_ready;
mod postgres_reuse;
mod reloads;

use std::net::SocketAddr;

use azdb_tests::{Azure, Metrics, Proxy, RawApp, Server, packets};

/// Makes a test of each function for each release of PostgreSQL: the function is given a server of it.
macro_rules! on_real_servers {
    ($($name:ident),* $(,)?) => {
        mod fifteen {
            $(#[test]
            #[cfg_attr(not(all(has_postgres, has_python)), ignore = "no PostgreSQL, or no drivers: see scripts/test")]
            fn $name() {
                super::$name(azdb_tests::Server::shared());
            })*
        }
        mod eighteen {
            $(#[test]
            #[cfg_attr(not(all(has_postgres, has_python, has_postgres_18)), ignore = "no PostgreSQL 18: see scripts/test")]
            fn $name() {
                super::$name(azdb_tests::Server::eighteen());
            })*
        }
    };
}
pub(crate) use on_real_servers;

/// A database, and a proxy that keeps sessions of it.
struct Keeping {
    azure: Azure,
    proxy: Proxy,
    health: SocketAddr,
}

impl Keeping {
    /// With these lines in its route.
    fn with(server: &'static Server, lines: &str) -> Self {
        let azure = Azure::at(server);
        let configuration = configuration(&azure, lines);
        let proxy = azure
            .start(&configuration)
            .env("AZDB_PROXY_LOG_LEVEL", "debug")
            .start();
        let health = proxy.endpoint("Health");
        Self {
            azure,
            proxy,
            health,
        }
    }

    /// How many sessions have begun this way.
    fn opened(&self, way: &str) -> usize {
        self.count(OPENED, &[("way", way)])
    }

    /// Waits for a page that has what is looked for.
    #[track_caller]
    fn until(&self, found: impl Fn(&Metrics) -> bool) -> Metrics {
        Metrics::until(self.health, found)
    }

    /// What a sample of now counts.
    fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        count(&Metrics::scrape(self.health), name, labels)
    }

    /// Waits until so many sessions have been reset with this outcome.
    #[track_caller]
    fn until_reset(&self, times: usize, outcome: &str) {
        self.until(|page| count(page, RESETS, &[("outcome", outcome)]) >= times);
    }

    /// Waits until so many sessions wait.
    #[track_caller]
    fn until_kept(&self, sessions: usize) {
        self.until(|page| count(page, KEPT, &[]) == sessions);
    }

    /// Waits until so many sessions have ended.
    #[track_caller]
    fn until_ended(&self, sessions: usize) {
        self.until(|page| count(page, "azdb_proxy_sessions_ended_total", &[]) >= sessions);
    }

    /// How many sessions the database has of the route's principal.
    fn sessions_upstream(&self) -> usize {
        let sql = format!(
            "select count(*) from pg_stat_activity where usename = '{}'",
            self.azure.role
        );
        self.azure.server.admin(&sql).parse().unwrap()
    }

    /// Waits until the database has no session of the route's principal.
    #[track_caller]
    fn until_none_upstream(&self) {
        self.azure.server.admin_until(&format!(
            "not exists (select from pg_stat_activity where usename = '{}')",
            self.azure.role
        ));
    }

    /// The server's process that answers an app.
    #[track_caller]
    fn pid(&self) -> String {
        self.proxy.app().query("select pg_backend_pid()")
    }

    /// An app that has logged in, with its key.
    #[track_caller]
    fn app(&self) -> (RawApp, Vec<u8>) {
        let mut app = RawApp::connect(self.proxy.address());
        let key = app.log_in("anyone");
        (app, key)
    }
}

const OPENED: &str = "azdb_proxy_sessions_opened_total";
const RESETS: &str = "azdb_proxy_session_resets_total";
const KEPT: &str = "azdb_proxy_sessions_kept";

/// A sample's value, which counts something.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count"
)]
fn count(page: &Metrics, name: &str, labels: &[(&str, &str)]) -> usize {
    page.sum(name, labels) as usize
}

fn configuration(azure: &Azure, lines: &str) -> String {
    format!(
        "[health]\nlisten = \"127.0.0.1:0\"\n{}{lines}\n",
        azure.route()
    )
}

/// The process id of a key.
fn process(key: &[u8]) -> u32 {
    u32::from_be_bytes(*key.first_chunk().unwrap())
}

/// Asks the server for its process, as an app that says what it says byte by byte.
#[track_caller]
fn ask_pid(app: &mut RawApp) -> String {
    app.send(&packets::query("select pg_backend_pid()"));
    let row = app.until(b'D').body;
    app.until(b'Z');
    // One column: count, length, text.
    String::from_utf8(row[6..].to_vec()).unwrap()
}
