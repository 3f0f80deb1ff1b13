//! From a route and the command line to whom something is granted.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use azdb_config::route::{Principal, Principals, Roots, Route, UpstreamAuth, UpstreamTls};
use azdb_core::platform_client;
use azdb_identity::{Audience, Environment, IdentityConfig, SourceKind, Token, Tokens};

use super::engine::{Engine, Wanted};
use super::grantee::{Kind, Known};
use super::unfit::Unfit;
use crate::args::GrantArgs;
use crate::run::block_on;

/// How long a token may take. Programs that print one take seconds.
const TOKEN_LIMIT: Duration = Duration::from_secs(30);

/// What a route's identities are to be in its database.
pub(super) fn wanted(
    route: &Route,
    engine: &dyn Engine,
    args: &GrantArgs,
    env: &Environment,
) -> Result<Vec<Wanted>, Unfit> {
    let UpstreamAuth::Token(audience) = &route.auth else {
        return Err(Unfit::Password(route.name.clone()));
    };
    let database = args.database.as_ref().or(route.default_database.as_ref());
    let database = database.ok_or_else(|| Unfit::NoDatabase(route.name.clone()))?;
    let upstream = route.upstream.first();
    let upstream = upstream.context("a route without an upstream")?;
    let is_proved = args.is_applied() && !args.undo;
    let wanted = |principal: &str, identity: Known| Wanted {
        command: args.command.clone(),
        route: route.name.clone(),
        host: upstream.host.clone(),
        port: upstream.port,
        ca_file: match &route.tls {
            UpstreamTls::Verified {
                roots: Roots::File { file, .. },
                ..
            } => Some(file.clone()),
            _ => None,
        },
        principal: principal.to_owned(),
        identity,
        database: database.clone(),
        schemas: args.schemas.clone(),
        creators: args.creators.clone(),
        level: args.level(),
        exists: args.existing_role,
        by_id: args.by_id,
        is_proved,
    };
    if let Some(group) = args.of_group() {
        let name = group.name()?.to_owned();
        return Ok(vec![wanted(&name, group)]);
    }
    let principals = principals(route, args.app_user.as_deref())?;
    let given = args.given();
    if principals.len() > 1 && given != Known::default() {
        return Err(Unfit::WhichPrincipal(route.name.clone()));
    }
    let mut all = Vec::new();
    for principal in principals {
        let identity = if engine.knows_enough(&given, args.by_id || is_proved) {
            given.clone()
        } else {
            identity(principal, audience, given.clone(), env)?
        };
        let name = match engine.own_name(&identity) {
            Some(name) => name?.to_owned(),
            None => principal.user.clone(),
        };
        all.push(wanted(&name, identity));
    }
    Ok(all)
}

/// The principals that are meant, each once.
fn principals<'r>(
    route: &'r Route,
    app_user: Option<&str>,
) -> Result<Vec<&'r Arc<Principal>>, Unfit> {
    if let Some(app_user) = app_user {
        let listed = match &route.principals {
            Principals::One(_) => None,
            Principals::ByAppUser(_) => route.principal(app_user.as_bytes()),
        };
        let unknown = || Unfit::NoAppUser {
            route: route.name.clone(),
            app_user: app_user.to_owned(),
        };
        return Ok(vec![listed.ok_or_else(unknown)?]);
    }
    let mut principals: Vec<&Arc<Principal>> = Vec::new();
    for principal in route.principals.iter() {
        if !principals.contains(&principal) {
            principals.push(principal);
        }
    }
    Ok(principals)
}

/// What the flags say of the identity of a principal, and where they say nothing what its token says.
fn identity(
    principal: &Principal,
    audience: &Audience,
    given: Known,
    env: &Environment,
) -> Result<Known, Unfit> {
    let said = said(principal, audience, env)?;
    let is_by_chance = principal.identity.source == SourceKind::Auto && given.kind.is_none();
    if said.kind() == Kind::User && is_by_chance {
        let person = said.name.unwrap_or_else(|| "a person".to_owned());
        return Err(Unfit::Person(person));
    }
    Ok(given.or(said))
}

/// What the token of a principal's identity says.
fn said(principal: &Principal, audience: &Audience, env: &Environment) -> Result<Known, Unfit> {
    let token = block_on(async {
        let tokens = Tokens::new(env.clone(), platform_client());
        Ok(token_of(&tokens, &principal.identity, audience).await)
    })??;
    let claims = token.claims().ok_or(Unfit::Opaque)?;
    Ok(Known::of(&claims))
}

/// A token of an identity.
pub(super) async fn token_of(
    tokens: &Tokens,
    identity: &IdentityConfig,
    audience: &Audience,
) -> Result<Token, Unfit> {
    match tokio::time::timeout(TOKEN_LIMIT, tokens.get(identity, audience)).await {
        Ok(token) => token.map_err(Unfit::NoToken),
        Err(_late) => {
            let met = tokens.last_error(identity, audience);
            Err(met.map_or(Unfit::Late, Unfit::NoToken))
        }
    }
}
