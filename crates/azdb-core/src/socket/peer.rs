//! Who comes.

#[cfg(windows)]
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
#[cfg(windows)]
use std::sync::{Mutex, PoisonError};

/// Who an app is, as far as the kernel can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process somewhere.
    Tcp(SocketAddr),
    /// A process of this machine that has come over TCP, under this user id.
    Local(SocketAddr, u32),
    /// Whoever a load balancer says that it is.
    Announced(SocketAddr),
    /// A load balancer that does not say who comes.
    Unannounced(SocketAddr),
    /// A process of this machine that has come over a socket file, under this user id.
    Unix(u32),
    /// A process of this machine that has come over a named pipe, and whose it is, where Windows says so.
    #[cfg_attr(
        not(windows),
        expect(dead_code, reason = "pipes are a matter of Windows")
    )]
    Pipe {
        process: u32,
        account: Option<Account>,
    },
    /// Ourselves.
    InProcess,
}

/// A user of Windows, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Account(&'static str);

#[cfg(windows)]
impl Account {
    /// Whoever is called so. A name that has come once is kept for good: there are as many as there are users of this machine.
    pub(super) fn named(name: &str) -> Self {
        static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Self(known);
        }
        let kept: &'static str = Box::leak(name.into());
        known.insert(kept);
        Self(kept)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Peer {
    /// Whoever has come from `addr` to `here`. The kernel tells the user of a process of this machine.
    pub(super) fn over_tcp(addr: SocketAddr, here: SocketAddr) -> Self {
        let ip = addr.ip().to_canonical();
        let is_near = ip.is_loopback() || ip == here.ip().to_canonical();
        let user = is_near.then(|| user_of(addr, here)).flatten();
        user.map_or(Self::Tcp(addr), |uid| Self::Local(addr, uid))
    }

    /// The same, asked with more effort: a process of this machine can give itself any of its addresses.
    pub(crate) fn examined(self, here: impl IntoIterator<Item = SocketAddr>) -> Self {
        let Self::Tcp(addr) = self else {
            return self;
        };
        let mut users = here.into_iter().filter_map(|here| user_of(addr, here));
        users.next().map_or(self, |uid| Self::Local(addr, uid))
    }

    /// Whether it is on this machine: nobody is on the way to it.
    pub(crate) fn is_here(self) -> bool {
        match self {
            Self::Tcp(addr) => addr.ip().to_canonical().is_loopback(),
            Self::Local(..) | Self::Unix(_) | Self::Pipe { .. } | Self::InProcess => true,
            Self::Announced(_) | Self::Unannounced(_) => false,
        }
    }

    /// Where it comes from, without what is different for each connection.
    pub(crate) fn origin(self) -> String {
        match self {
            Self::Tcp(addr) | Self::Announced(addr) | Self::Unannounced(addr) => {
                addr.ip().to_canonical().to_string()
            }
            Self::Local(addr, uid) => format!("{} uid {uid}", addr.ip().to_canonical()),
            Self::Pipe { account: None, .. } => "pipe".to_owned(),
            Self::Pipe { .. } | Self::Unix(_) | Self::InProcess => self.to_string(),
        }
    }

    /// The user id of its process, where the kernel says it.
    pub(crate) fn uid(self) -> Option<u32> {
        match self {
            Self::Local(_, uid) | Self::Unix(uid) => Some(uid),
            Self::Tcp(_)
            | Self::Announced(_)
            | Self::Unannounced(_)
            | Self::Pipe { .. }
            | Self::InProcess => None,
        }
    }

    /// Its user in words, where the kernel says it.
    pub(crate) fn caller(self) -> Option<String> {
        match self {
            Self::Pipe { account, .. } => account.map(|account| format!("account {account}")),
            _ => self.uid().map(|uid| format!("uid {uid}")),
        }
    }

    /// The address that it has come from.
    pub(crate) fn addr(self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(addr)
            | Self::Local(addr, _)
            | Self::Announced(addr)
            | Self::Unannounced(addr) => Some(addr),
            Self::Unix(_) | Self::Pipe { .. } | Self::InProcess => None,
        }
    }
}

/// Where it comes from. Lines of a log have a key of its own for the user of [`Peer::Local`].
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr)
            | Self::Local(addr, _)
            | Self::Announced(addr)
            | Self::Unannounced(addr) => addr.fmt(f),
            Self::Unix(uid) => write!(f, "unix uid {uid}"),
            Self::Pipe {
                account: Some(account),
                ..
            } => write!(f, "pipe user {account}"),
            Self::Pipe { process, .. } => write!(f, "pipe process {process}"),
            Self::InProcess => f.write_str("this process"),
        }
    }
}

/// The user of the process whose connection goes from `addr` to `here`. `None` where it is not one of this machine, or has been
/// closed: then it is nobody's.
#[cfg(target_os = "linux")]
fn user_of(addr: SocketAddr, here: SocketAddr) -> Option<u32> {
    match crate::sock_diag::find(addr, here) {
        Ok(found) => found.user(),
        Err(error) => {
            tracing::debug!(%addr, error = %azdb_quote::Chain(&error), "no user is known of a connection");
            None
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn user_of(_: SocketAddr, _: SocketAddr) -> Option<u32> {
    None
}
