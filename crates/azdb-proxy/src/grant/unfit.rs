//! Why there is nothing to print.

use azdb_identity::TokenError;

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
    #[error("no token: {}: {}", .0.cause(), .0.remedy())]
    NoToken(TokenError),
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
    #[error("{0:#}")]
    Broken(#[from] anyhow::Error),
}

impl Unfit {
    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
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
