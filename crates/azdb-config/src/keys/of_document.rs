//! What stands at the top of a file, `[health]` and `[admin]`.

use super::kinds::{Inner, Parsed, Raw, Switch};
use super::lists::List;
use super::{Form, Literal, Needs, Table, key, keys, of_identity, of_process, of_route};
use crate::health_and_admin::{self, AdminListen};
use crate::route::ListenAddr;

/// A whole file.
pub(crate) static TABLE: Table = Table {
    name: "document",
    title: "the top of the file",
    parts: &[TABLES],
};

keys! { TABLES {
    PROCESS: Inner = Inner(&of_process::TABLE), key("process", "the process");
    HEALTH_TABLE: Inner = Inner(&HEALTH), key("health", "health and metrics; off when absent");
    ADMIN_TABLE: Inner = Inner(&ADMIN), key("admin", "status, and the end of the process");
    IDENTITY: Inner = Inner(&of_identity::TABLE), key("identity", "the identity of all routes that name no other");
    IDENTITIES: Raw = Raw(|| Form::Map(Box::new(Form::Table(&of_identity::TABLE)))), key("identities", "identities by name");
    ROUTES: Raw = Raw(|| Form::Tables(&of_route::TABLE)), key("route", "where apps come in, where they go, and as whom");
}}

/// `[health]`.
pub(crate) static HEALTH: Table = Table {
    name: "health",
    title: "[health]",
    parts: &[HEALTH_KEYS],
};

keys! { HEALTH_KEYS {
    HEALTH_LISTEN: List<ListenAddr> = List(Parsed("`address:port`, `unix:/path`, `pipe:NAME`", health_and_admin::health_listen)),
        key("listen", "where its pages are served, beyond loopback too: a kubelet comes to the pod's address. `[::]` is every address of both families. Also `--health-listen` and `AZDB_PROXY_HEALTH_LISTEN`, which win")
            .required(", for example \"127.0.0.1:9090\"");
}}

/// `[admin]`.
pub(crate) static ADMIN: Table = Table {
    name: "admin",
    title: "[admin]",
    parts: &[ADMIN_KEYS],
};

keys! { ADMIN_KEYS {
    ADMIN_LISTEN: Parsed<AdminListen> = Parsed("`unix:/path`, `pipe:NAME`, `address:port` on loopback, `\"off\"`", health_and_admin::admin_listen),
        key("listen", "where its pages are served. That the default place cannot be had is a warning, not a failure")
            .or_else("a socket file `admin.sock`, on Windows a pipe, see below");
    QUITQUITQUIT: Switch = Switch,
        key("quitquitquit", "`/quitquitquit` is answered over TCP, too: whoever reaches the port, which is every user of the machine, can end the process. Over a socket file or a pipe it always is")
            .or(Literal::Bool(false)).needs(&[Needs::Port]);
}}
