//! The tokens that routes will ask for, and whether they are there: what is waited for before the first app may come, and what probes
//! are told.
//!
//! # Invariants
//!
//! * Nobody is asked anything: what the token engine knows is looked at.
//! * What is said names route, identity and remedy, and nothing that an identity endpoint said: probes come from networks.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use azdb_config::route::{Route, UpstreamAuth};
use azdb_identity::{Audience, IdentityConfig, Outlook, Selector, Tokens};

/// A token that a route will ask for.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// The first that will.
    pub(crate) route: String,
    pub(crate) identity: Arc<IdentityConfig>,
    pub(crate) audience: Audience,
}

/// How it is with such a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Supply {
    /// There is one.
    Good,
    /// There is one, and no newer one to be had. What to do.
    Aging(String),
    /// There is none yet. What to do, once something has gone wrong.
    Awaited(Option<String>),
    /// There is none, and there will be none before somebody acts. What to do.
    Hopeless(String),
}

/// Every token that `routes` will ask for at the start, once.
pub(crate) fn wanted<'a>(routes: impl IntoIterator<Item = &'a Arc<Route>>) -> Vec<Wanted> {
    let mut wanted = needed(routes);
    wanted.retain(|wanted| !wanted.identity.lazy);
    wanted
}

/// Every token that `routes` may ask for at any time, once.
pub(crate) fn needed<'a>(routes: impl IntoIterator<Item = &'a Arc<Route>>) -> Vec<Wanted> {
    let mut seen = HashSet::new();
    let mut wanted = Vec::new();
    for route in routes {
        let UpstreamAuth::Token(audience) = &route.auth else {
            continue;
        };
        for principal in route.principals.iter() {
            let identity = Arc::clone(&principal.identity);
            if seen.insert((Arc::clone(&identity), audience.clone())) {
                wanted.push(Wanted {
                    route: route.name.clone(),
                    identity,
                    audience: audience.clone(),
                });
            }
        }
    }
    wanted
}

impl Wanted {
    pub(crate) fn is_of(&self, identity: &IdentityConfig, audience: &Audience) -> bool {
        *self.identity == *identity && self.audience == *audience
    }

    /// How it is with it now.
    pub(crate) fn supply(&self, tokens: &Tokens) -> Supply {
        let Outlook { has_token, failure } = tokens.outlook(&self.identity, &self.audience);
        match (has_token, failure) {
            (true, None) => Supply::Good,
            (true, Some(error)) => Supply::Aging(error.remedy()),
            (false, Some(error)) if !error.is_transient() => Supply::Hopeless(error.remedy()),
            (false, error) => Supply::Awaited(error.map(|error| error.remedy())),
        }
    }
}

/// Whose it is.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = named(self.identity.selector.as_ref());
        write!(f, "route \"{}\", identity {identity}", self.route)
    }
}

/// The identity that is asked for, in words.
pub(crate) fn named(selector: Option<&Selector>) -> String {
    match selector {
        None => "system".to_owned(),
        Some(Selector::ClientId(id)) => format!("client_id {id}"),
        Some(Selector::ObjectId(id)) => format!("object_id {id}"),
        Some(Selector::ResourceId(id)) => format!("resource_id {id}"),
    }
}
