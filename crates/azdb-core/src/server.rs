//! The process's work: open every door, take apps in, come to an end.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use azdb_identity::{Audience, IdentityConfig, TokenError, Tokens};
use tokio::sync::Semaphore;

use crate::admin::{self, Bureau, Endpoint};
use crate::config::AdminListen;
use crate::counters::Counters;
use crate::error::Chain;
use crate::listener::Listener;
use crate::lobby::Lobby;
use crate::postgres::Cancels;
use crate::route::{ListenAddr, Protocol, Route, UpstreamAuth};
use crate::session::Ending;
use crate::socket::Door;
use crate::tds;
use crate::tls::{
    LocalAuthority, LocalTlsError, TlsConfigError, UpstreamTlsConfig, server_config,
    wrapped_server_config,
};
use crate::upstream::Tcp;

/// "Address family not supported", which std does not name.
const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };

/// Mode of an admin socket: whoever runs the proxy.
const ADMIN_SOCKET_MODE: u32 = 0o600;

/// How long a session has for its last words once the drain is over.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Every route with its doors open.
pub struct Server {
    listeners: Vec<Listener<Tcp>>,
    addresses: Vec<(Arc<Route>, ListenAddr)>,
    tokens: Tokens,
    counters: Vec<(Arc<Route>, Arc<Counters>)>,
    ending: Ending,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A door cannot be opened.
    #[error("route \"{route}\": cannot listen on {listen}")]
    Listen {
        /// Which route.
        route: String,
        /// Where.
        listen: ListenAddr,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// An address of `[health]` or `[admin]` cannot be opened.
    #[error("cannot listen on {listen}")]
    Endpoint {
        /// Where.
        listen: ListenAddr,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The certificate for apps cannot be used.
    #[error("route \"{route}\": local_tls")]
    LocalTls {
        /// Which route.
        route: String,
        /// What is wrong with it.
        #[source]
        source: LocalTlsError,
    },
    /// There is no token for a route, and the configuration demands one (`require_ready`).
    #[error("route \"{route}\": no token ({remedy})")]
    NotReady {
        /// Which route.
        route: String,
        /// What to do.
        remedy: String,
        /// What the source said.
        #[source]
        source: TokenError,
    },
    /// The roots for an upstream cannot be used.
    #[error("route \"{route}\": upstream TLS")]
    UpstreamTls {
        /// Which route.
        route: String,
        /// What is wrong with them.
        #[source]
        source: TlsConfigError,
    },
}

/// A token that a route will ask for.
struct Wanted {
    route: String,
    identity: Arc<IdentityConfig>,
    audience: Audience,
}

/// How the end came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Sessions that had not ended by themselves.
    pub cut: usize,
}

impl Server {
    /// Opens every door of every route.
    ///
    /// # Errors
    ///
    /// [`StartError`]; doors that were opened before it close again.
    pub async fn bind(
        routes: &[Arc<Route>],
        tokens: Tokens,
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
    ) -> Result<Self, StartError> {
        let mut doors = Vec::new();
        for route in routes {
            doors.push((Arc::clone(route), open_doors(route).await?));
        }
        let own: Arc<[SocketAddr]> = doors
            .iter()
            .flat_map(|(_, open)| open.iter().filter_map(|(door, _)| door.local_addr()))
            .collect();

        let ending = Ending::default();
        let (mut listeners, mut addresses, mut counters) = (Vec::new(), Vec::new(), Vec::new());
        for (route, open) in doors {
            let lobby = Arc::new(lobby(&route, &tokens, &own, &ending, &local)?);
            counters.push((Arc::clone(&route), Arc::clone(&lobby.counters)));
            for (door, listen) in open {
                let listen = door.local_addr().map_or(listen, ListenAddr::Tcp);
                addresses.push((Arc::clone(&route), listen));
                listeners.push(Listener::new(door, Arc::clone(&lobby), ending.clone()));
            }
        }
        Ok(Self {
            listeners,
            addresses,
            tokens,
            counters,
            ending,
        })
    }

    /// Where apps can connect, with the ports that the kernel chose for port 0.
    pub fn addresses(&self) -> &[(Arc<Route>, ListenAddr)] {
        &self.addresses
    }

    /// Opens the endpoints for health and administration, and answers there until the process ends.
    ///
    /// # Errors
    ///
    /// [`StartError::Endpoint`] when an address cannot be opened that the configuration names.
    pub async fn open_endpoints(
        &self,
        health: Option<&ListenAddr>,
        admin: &AdminListen,
    ) -> Result<(), StartError> {
        let (routes, tokens) = (self.counters.clone(), self.tokens.clone());
        let ending = self.ending.clone();
        let bureau = Arc::new(Bureau {
            routes,
            tokens,
            ending,
        });
        if let Some(listen) = health {
            self.open_endpoint(listen, Endpoint::Health, &bureau)
                .await?;
        }
        match admin {
            AdminListen::Off => Ok(()),
            AdminListen::At(listen) => self.open_endpoint(listen, Endpoint::Admin, &bureau).await,
            AdminListen::Default(listen) => {
                if let Err(error) = self.open_endpoint(listen, Endpoint::Admin, &bureau).await {
                    tracing::warn!(error = %Chain(&error), "no admin endpoint, see [admin]");
                }
                Ok(())
            }
        }
    }

    /// Answers SQL Server Browser's questions for the routes that want it. That its port is taken is no reason to fail: an SQL
    /// Server on this machine has one of its own.
    pub async fn open_browser(&self) {
        tds::open_browser(&self.addresses).await;
    }

    async fn open_endpoint(
        &self,
        listen: &ListenAddr,
        endpoint: Endpoint,
        bureau: &Arc<Bureau>,
    ) -> Result<(), StartError> {
        let failed = |source| StartError::Endpoint {
            listen: listen.clone(),
            source,
        };
        let door = Door::open(listen, ADMIN_SOCKET_MODE)
            .await
            .map_err(failed)?;
        let listen = door
            .local_addr()
            .map_or_else(|| listen.clone(), ListenAddr::Tcp);
        tracing::info!(%listen, ?endpoint, "listening");
        tokio::spawn(admin::serve(door, endpoint, Arc::clone(bureau)));
        Ok(())
    }

    /// Asks for the token of every route, so that a mistake shows before the first app does.
    pub fn prefetch(&self) {
        for wanted in self.wanted() {
            let tokens = self.tokens.clone();
            self.ending.tasks.spawn(async move {
                match tokens.get(&wanted.identity, &wanted.audience).await {
                    Ok(_) => tracing::info!(route = wanted.route, audience = %wanted.audience, "token ready"),
                    Err(error) => tracing::warn!(
                        route = wanted.route, audience = %wanted.audience,
                        error = %Chain(&error), remedy = %error.remedy(), "no token yet"
                    ),
                }
            });
        }
    }

    /// Waits for the token of every route.
    ///
    /// # Errors
    ///
    /// [`StartError::NotReady`] for the first route that gets none.
    pub async fn require_tokens(&self) -> Result<(), StartError> {
        for Wanted {
            route,
            identity,
            audience,
        } in self.wanted()
        {
            self.tokens
                .get(&identity, &audience)
                .await
                .map_err(|source| StartError::NotReady {
                    route,
                    remedy: source.remedy(),
                    source,
                })?;
        }
        Ok(())
    }

    /// Every token that the routes will ask for, once.
    fn wanted(&self) -> Vec<Wanted> {
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for (route, _) in &self.addresses {
            let UpstreamAuth::Token(audience) = &route.auth else {
                continue;
            };
            for principal in route
                .principals
                .iter()
                .filter(|principal| !principal.identity.lazy)
            {
                let identity = Arc::clone(&principal.identity);
                if seen.insert((Arc::clone(&identity), audience.clone())) {
                    let (route, audience) = (route.name.clone(), audience.clone());
                    wanted.push(Wanted {
                        route,
                        identity,
                        audience,
                    });
                }
            }
        }
        wanted
    }

    /// Serves until `stop`, then takes no one in any more, lets sessions finish for up to `patience`, and says goodbye to
    /// the rest.
    pub async fn run(self, stop: impl Future<Output = ()>, patience: Duration) -> Drained {
        let Self {
            listeners, ending, ..
        } = self;
        for listener in listeners {
            let closed = ending.closing.clone();
            ending
                .doors
                .spawn(async move { closed.run_until_cancelled(listener.serve()).await });
        }
        tokio::select! {
            () = stop => {}
            () = ending.quit.cancelled() => {}
        }

        ending.closing.cancel();
        ending.doors.close();
        ending.doors.wait().await;
        ending.tasks.close();
        let open = ending.sessions();
        if open > 0 {
            tracing::info!(sessions = open, ?patience, "draining");
        }
        if tokio::time::timeout(patience, ending.tasks.wait())
            .await
            .is_ok()
        {
            return Drained { cut: 0 };
        }
        let cut = ending.sessions();
        tracing::info!(sessions = cut, "saying goodbye");
        ending.goodbye.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, ending.tasks.wait()).await;
        Drained { cut }
    }
}

/// Opens every door of a route.
async fn open_doors(route: &Route) -> Result<Vec<(Door, ListenAddr)>, StartError> {
    let mut open = Vec::new();
    for listen in &route.listen {
        match Door::open(listen, route.unix_mode).await {
            Ok(door) => open.push((door, listen.clone())),
            Err(error) if is_missing_ipv6(listen, &error) && route.listen.len() > 1 => {
                tracing::info!(route = %route.name, %listen, %error, "this machine has no such address, left out");
            }
            Err(source) => {
                let (route, listen) = (route.name.clone(), listen.clone());
                return Err(StartError::Listen {
                    route,
                    listen,
                    source,
                });
            }
        }
    }
    Ok(open)
}

/// `[::1]` is a default, and many containers have no IPv6.
fn is_missing_ipv6(listen: &ListenAddr, error: &io::Error) -> bool {
    let is_default = matches!(listen, ListenAddr::Tcp(addr) if addr.ip() == Ipv6Addr::LOCALHOST);
    is_default
        && (error.kind() == io::ErrorKind::AddrNotAvailable
            || error.raw_os_error() == Some(EAFNOSUPPORT))
}

fn lobby(
    route: &Arc<Route>,
    tokens: &Tokens,
    own: &Arc<[SocketAddr]>,
    ending: &Ending,
    local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
) -> Result<Lobby<Tcp>, StartError> {
    let name = || route.name.clone();
    let local_tls = |source| StartError::LocalTls {
        route: name(),
        source,
    };
    let upstream_tls = match route.protocol {
        Protocol::Tds if !route.tls_first => UpstreamTlsConfig::in_packets(&route.tls),
        protocol => UpstreamTlsConfig::of(protocol, &route.tls),
    };
    Ok(Lobby {
        upstream_tls: upstream_tls.map_err(|source| StartError::UpstreamTls {
            route: name(),
            source,
        })?,
        local_tls: server_config(route.protocol, &route.local_tls, &local).map_err(local_tls)?,
        wrapped_tls: match route.protocol {
            Protocol::Tds => wrapped_server_config(&route.local_tls, &local).map_err(local_tls)?,
            _ => None,
        },
        route: Arc::clone(route),
        tokens: tokens.clone(),
        cancels: Cancels::default(),
        counters: Arc::default(),
        sessions: Arc::new(Semaphore::new(route.max_connections)),
        dialler: Tcp {
            own: Arc::clone(own),
        },
        closing: ending.closing.clone(),
    })
}
