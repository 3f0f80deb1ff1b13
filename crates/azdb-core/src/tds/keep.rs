//! Logins that come again: what makes one like another, and how it is said without the app.
//!
//! # Invariants
//!
//! * A login is like another in each byte that a server could let its session depend on.
//! * No secret of an app is in what is remembered of its login.
//! * Nobody waits for an app of MARS, for one that takes up a session of before, or at a data warehouse.

use azdb_config::is_under;
use azdb_config::route::Route;
use azdb_wire::tds::{Login7, LoginSecret, Relogin, from_utf16, rebuild};

use super::app::Settled;
use super::routing::own_name;
use super::{
    Memory, Tds, TdsFault, in_dialect::InDialect, one_packet_per_record::OnePacketPerRecord,
};
use super::{new_trace_id, principal, upstream, watch};
use crate::deadline::Deadline;
use crate::fault::Fault;
use crate::kept::Key;
use crate::lobby::{self, Lobby, Made, Tracks};
use crate::way::Dial;

/// Whose sessions know more than a reset takes back, or do not know one: dedicated and serverless pools of Synapse, warehouses of Fabric.
const WAREHOUSES: [&str; 4] = [
    "sql.azuresynapse.net",
    "sql.azuresynapse.usgovcloudapi.net",
    "sql.azuresynapse.azure.cn",
    "datawarehouse.fabric.microsoft.com",
];

/// An app's login without what proves who it is.
pub(crate) struct Pattern {
    /// The payload of a LOGIN7, the database in it.
    login: Vec<u8>,
    /// What the app calls itself.
    user: String,
}

impl Pattern {
    /// Of this login, which goes on to `database`.
    pub(super) fn of(login: &Login7<'_>, database: &[u8], user: &str) -> Self {
        let (mut said, server) = (Vec::new(), from_utf16(login.server));
        let nobody = Relogin {
            server: &server,
            database,
            secret: LoginSecret::Password {
                user: "",
                password: "",
            },
        };
        // What does not fit in a login has been refused by now; one that is not there is refused when it is said again.
        let _ = rebuild(login, &nobody, &mut said);
        Self {
            login: said,
            user: user.to_owned(),
        }
    }

    /// What is said.
    #[cfg(test)]
    pub(super) fn said(&self) -> &[u8] {
        &self.login
    }
}

/// Why no session waits for an app with this login, if none does.
pub(super) fn never(login: &Login7<'_>, settled: Settled, route: &Route) -> Option<&'static str> {
    let is_warehouse = |host: &str| WAREHOUSES.iter().any(|suffix| is_under(host, suffix));
    let mut upstreams = route.upstream.iter();
    if settled.mars {
        return Some("MARS");
    }
    if login.resumes() {
        return Some("a session that is taken up again");
    }
    upstreams
        .any(|upstream| is_warehouse(&own_name(&route.tls, &upstream.host)))
        .then_some("a data warehouse")
}

/// What this login must have in common with that of a session.
pub(super) fn with_likeness(
    key: Key,
    login: &Login7<'_>,
    database: &[u8],
    settled: Settled,
    app_tls: bool,
) -> Key {
    let encryption = match (app_tls, settled.tls_for_login_alone) {
        (_, true) => "login",
        (true, false) => "all",
        (false, false) => "none",
    };
    let mut key = key.with("encryption", encryption);
    login.likeness(database, |name, value| {
        key = std::mem::take(&mut key).with(name, value);
    });
    key
}

/// Says a login again.
pub(super) async fn log_in<D: Dial>(
    pattern: &Pattern,
    lobby: &Lobby<Tds, D>,
    deadline: &Deadline,
) -> Result<Made<Tds, D::Stream>, Fault<TdsFault>> {
    let login = &Login7::parse(&pattern.login).map_err(TdsFault::from)?;
    let principal = principal::of(&pattern.user, lobby)?;
    let settled = Settled {
        trace_id: new_trace_id(),
        ..Settled::default()
    };
    let mut attempt = upstream::Entry {
        wish: upstream::Wish {
            login,
            database: login.database,
            settled,
            principal,
        },
        lobby,
        deadline,
        tracks: Tracks::default(),
        persists: false,
    };
    let nobody_leaves = std::future::pending();
    let logging_in = lobby::log_in(&mut attempt, principal, lobby, deadline, nobody_leaves);
    let (granted, token) = logging_in.await?;
    let lasts = watch::lasts(lobby.route.tds.session_age, token.as_ref());
    Ok(Made {
        upstream: InDialect::new(OnePacketPerRecord::requests(granted.upstream)),
        memory: Memory::of(granted.answer, granted.asked, granted.spid, lasts),
        dialled: granted.dialled,
        token,
    })
}
