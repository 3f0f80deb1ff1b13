//! The administrator, as whom `--apply` goes the way of the route.

use std::sync::Arc;

use anyhow::Context as _;
use azdb_config::route::{LocalTls, Principal, Principals, ProtocolName, Route, UpstreamAuth};
use azdb_core::{
    Home, LocalAuthority, LocalTlsError, PlatformRoots, Reception, Resources, platform_client,
};
use azdb_identity::{Audience, Environment, IdentityConfig, Tokens};
use azdb_names::Names;

use super::apply::Server;
use super::grantee::Known;
use super::unfit::Unfit;
use super::whom::token_of;
use crate::args::ApplyArgs;
use crate::database::{As, Database, Refusal};

/// An administrator who has signed in.
pub(super) struct Admin {
    /// What the database calls them.
    pub(super) name: String,
    reception: Reception,
}

/// The route, on which an administrator comes in place of the app's identity.
pub(super) async fn signed_in(
    route: Route,
    args: &ApplyArgs,
    env: &Environment,
) -> Result<Admin, Unfit> {
    let identity = Arc::new(args.sign_in());
    let tokens = Tokens::new(env.clone(), platform_client());
    let name = match (&route.auth, &args.admin) {
        (_, Some(name)) => name.clone(),
        (UpstreamAuth::Token(audience), None) => {
            called(&tokens, &identity, audience, route.protocol).await?
        }
        (UpstreamAuth::Password(_), None) => return Err(Unfit::Password(route.name)),
    };
    let principal = Principal {
        user: name.clone(),
        identity,
    };
    let route = Arc::new(Route {
        principals: Principals::One(Arc::new(principal)),
        // The one that the question names.
        upstream: route.upstream.into_iter().take(1).collect(),
        // Nobody comes by its door.
        local_tls: LocalTls::Off,
        // Somebody waits, and can do it again.
        hold_logins: false,
        ..route
    });
    let no_authority = || -> Result<Arc<LocalAuthority>, LocalTlsError> {
        LocalAuthority::naming(None, &[]).map(Arc::new)
    };
    let resources = Resources {
        tokens: &tokens,
        names: Names::of_the_system(),
        home: Home::with([]),
        roots: PlatformRoots::default(),
        authority: &no_authority,
    };
    let reception = Reception::new(&route, &resources);
    let reception = reception.with_context(|| format!("route {:?}", route.name))?;
    Ok(Admin { name, reception })
}

/// The name in the token of a sign-in, which is that of the administrator where that is a person. SQL Server asks nobody for a name.
async fn called(
    tokens: &Tokens,
    identity: &IdentityConfig,
    audience: &Audience,
    protocol: ProtocolName,
) -> Result<String, Unfit> {
    let token = token_of(tokens, identity, audience).await;
    let token = token.map_err(|unfit| match unfit {
        Unfit::NoToken(error) => Unfit::NotSignedIn(error),
        other => other,
    })?;
    let name = token.claims().and_then(|claims| Known::of(&claims).name);
    match (name, protocol) {
        (Some(name), _) => Ok(name),
        (None, ProtocolName::Tds) => Ok("whoever the token says".to_owned()),
        (None, ProtocolName::Postgres | ProtocolName::Mysql) => Err(Unfit::NoAdmin),
    }
}

impl Server for Admin {
    type Session = Database;

    async fn open(&self, database: Option<&str>) -> Result<Database, Refusal> {
        let who = As {
            user: self.name.clone(),
            database: database.map(str::to_owned),
            ..As::default()
        };
        Database::open(&self.reception, &who).await
    }
}
