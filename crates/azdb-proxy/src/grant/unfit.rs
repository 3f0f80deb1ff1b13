//! Why there is nothing to print.

use azdb_identity::TokenError;

#[cfg(feature = "doctor")]
use crate::database::Refusal;
use crate::exit::Exit;

/// What is missing, or in the way, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("no route is called {name:?}; there are: {known}")]
    NoRoute { name: String, known: String },
    #[error("say which route: {0}")]
    WhichRoute(String),
    #[error(
        "route {0:?} logs in with a password (upstream_auth = \"password\"), so there is no identity to grant anything to: the user of \
         that password has the rights that it has"
    )]
    Password(String),
    #[error(
        "route {0:?} has no default_database, its apps name one themselves: --database says which is meant"
    )]
    NoDatabase(String),
    #[error(
        "route {0:?} has several principals (user_map): --app-user says of which of them these flags speak"
    )]
    WhichPrincipal(String),
    #[error("the user_map of route {route:?} lists no {app_user:?}")]
    NoAppUser { route: String, app_user: String },
    #[error(
        "no token of the app's identity: {}: {}; or say what it would say (--object-id, --client-id, --name)",
        .0.cause(), .0.remedy()
    )]
    NoToken(TokenError),
    #[cfg(feature = "doctor")]
    #[error("no token of an administrator: {}: {}", .0.cause(), .0.remedy())]
    NotSignedIn(TokenError),
    #[error(
        "no token in 30 s: say what it would say (--object-id, --client-id, --name), or run this where the app runs"
    )]
    Late,
    #[error(
        "the token is no JSON Web Token, so it does not say whose it is: --object-id, --client-id and --name do"
    )]
    Opaque,
    #[error("it is not known for whom: the token does not say it, {0} does")]
    Missing(&'static str),
    #[error(
        "the token that is to be had here is that of {0}, whose sign-in source \"auto\" has found, and not the app's: run this where the \
         app runs, or say what its token would say (--object-id, --client-id, --name); --kind user if this person is meant"
    )]
    Person(String),
    #[error("{0}: {1}")]
    Flag(&'static str, &'static str),
    #[error("{what} {name:?} {why}")]
    Name {
        what: &'static str,
        name: String,
        why: String,
    },
    #[cfg(feature = "doctor")]
    #[error(
        "who the administrator is, as the database calls them, the token of this sign-in does not say: --as does"
    )]
    NoAdmin,
    #[cfg(feature = "doctor")]
    #[error("--apply asks before it runs anything, and there is nobody to ask: --yes")]
    NobodyToAsk,
    #[cfg(feature = "doctor")]
    #[error("nothing was run")]
    NotWanted,
    #[cfg(feature = "doctor")]
    #[error("the administrator was not let in: {0}{remedy}", remedy = in_brackets(.0.remedy().as_deref()))]
    NoWayIn(Refusal),
    #[cfg(feature = "doctor")]
    #[error("refused: {refusal}{remedy}. It was: {sql}", remedy = in_brackets(advice(refusal)))]
    Refused { sql: String, refusal: Refusal },
    #[cfg(feature = "doctor")]
    #[error(
        "{name:?} is there already, and is not known by {id}. The server knows: {whose}. Nothing was granted to it: {remedy}"
    )]
    Another {
        name: String,
        id: String,
        whose: String,
        remedy: &'static str,
    },
    #[cfg(feature = "doctor")]
    #[error(
        "whether {0:?} is there already, and whose it is, cannot be told without the identity's id: --client-id. It was not made, and \
         nothing was granted to it"
    )]
    Unproved(String),
    #[cfg(feature = "doctor")]
    #[error(
        "the server's list of principals has no column {wanted} but {shown}, so whose they are cannot be told. Nothing was granted: run \
         what is printed without --apply"
    )]
    Unreadable { wanted: String, shown: String },
    #[error("{0:#}")]
    Broken(#[from] anyhow::Error),
}

impl Unfit {
    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            #[cfg(feature = "doctor")]
            Self::NotSignedIn(_)
            | Self::NotWanted
            | Self::NoWayIn(_)
            | Self::Refused { .. }
            | Self::Another { .. }
            | Self::Unreadable { .. } => Exit::Failure,
            #[cfg(feature = "doctor")]
            Self::NoAdmin | Self::NobodyToAsk | Self::Unproved(_) => Exit::Usage,
            Self::NoToken(_) | Self::Late | Self::Broken(_) | Self::Password(_) => Exit::Failure,
            Self::NoRoute { .. }
            | Self::WhichRoute(_)
            | Self::NoDatabase(_)
            | Self::WhichPrincipal(_)
            | Self::NoAppUser { .. }
            | Self::Opaque
            | Self::Missing(_)
            | Self::Person(_)
            | Self::Flag(..)
            | Self::Name { .. } => Exit::Usage,
        }
    }
}

#[cfg(feature = "doctor")]
fn in_brackets(text: Option<&str>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// What to do about what a server says to an administrator.
#[cfg(feature = "doctor")]
fn advice(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal.code.as_deref()? {
        // PostgreSQL.
        "42883" => {
            "Azure's functions are in database postgres of servers that have Microsoft Entra authentication; it can be turned on in the portal"
        }
        "42501" => {
            "roles are made by a Microsoft Entra administrator of the server; on a table its owner grants, and whoever is in the owner's role"
        }
        // MySQL.
        "1064" | "1193" => {
            "servers that have a Microsoft Entra administrator know this; without one, or outside Azure, they do not"
        }
        "9102" => {
            "the server's own identity needs User.Read.All, GroupMember.Read.All and Application.Read.All of Microsoft Graph, or Directory Readers"
        }
        "1044" | "1227" | "1410" => {
            "users are made by the Microsoft Entra administrator of the server"
        }
        // SQL Server.
        "33130" | "33134" => {
            "the name is not to be found in Microsoft Entra, or not by this administrator: --name says another, --by-id has nobody look"
        }
        "33131" => "several have this name in Microsoft Entra: --by-id says which",
        "15247" => {
            "users are made by the Microsoft Entra administrator of the server, or by an owner of the database"
        }
        _ => return None,
    })
}
