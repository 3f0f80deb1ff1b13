//! Whom apps become upstream: `upstream_user`, `user_map`, `identity`.

use std::sync::Arc;

use azdb_identity::{Cloud, IdentityConfig};

use super::identity::Identities;
use super::login::Mode;
use super::names::shown;
use super::problems::{Checked, Written};
use super::section::Section;
use super::value::{Entries, Value};
use crate::route::{Principal, Principals, ProtocolName};

/// Everything that says who an app becomes.
pub(super) fn read(
    section: &mut Section<'_>,
    protocol: ProtocolName,
    mode: &Checked<Mode>,
    identities: &Identities,
) -> Checked<Principals> {
    let identity = identity(section, mode, identities);
    let user = section.text("upstream_user");
    let map = user_map(section);
    if protocol == ProtocolName::Tds && *mode != Ok(Mode::Password) {
        return by_token(section, identities, identity, user?, map?);
    }
    match (user?, map?) {
        (Some(user), None) => Ok(Principals::One(principal(user.value, identity?))),
        (None, Some(map)) => by_app_user(section, mode, identities, &identity, map.value),
        (Some(_), Some(map)) => Err(section.refuse(
            &map.spot,
            "user_map",
            "upstream_user is given too: leave one out",
        )),
        (None, None) => Err(section
            .refuse_all("upstream_user: is missing; it is the database principal to log in as")),
    }
}

/// SQL Server takes the principal from the token: an identity is all there is to choose.
fn by_token(
    section: &Section<'_>,
    identities: &Identities,
    default: Checked<Arc<IdentityConfig>>,
    user: Option<Written<String>>,
    map: Option<Written<Entries>>,
) -> Checked<Principals> {
    if let Some(user) = user {
        let problem = "the token says who the user is: leave it out, or use upstream_auth = \"password\" for a development server";
        return Err(section.refuse(&user.spot, "upstream_user", problem));
    }
    let Some(map) = map else {
        return Ok(Principals::One(principal(String::new(), default?)));
    };
    let principals: Vec<Checked<_>> = map
        .value
        .into_iter()
        .map(|(app_user, written)| {
            let key = format!("user_map.{}", shown(&app_user));
            let Value::Table(entries) = written.value else {
                let problem = "must be { identity = \"NAME\" }: the token says who the user is";
                return Err(section.refuse(&written.spot, &key, problem));
            };
            let context = format!("{}: {key}", section.context);
            let mut inner = section.inner(&context, &written.spot, entries);
            let identity = identities.of(&mut inner);
            inner.finish();
            Ok((app_user, principal(String::new(), identity?)))
        })
        .collect();
    principals
        .into_iter()
        .collect::<Checked<Vec<_>>>()
        .map(Principals::ByAppUser)
}

fn user_map(section: &mut Section<'_>) -> Checked<Option<Written<Entries>>> {
    let Some(Written { value, spot }) = section.take("user_map") else {
        return Ok(None);
    };
    match value {
        Value::Table(entries) if entries.is_empty() => {
            Err(section.refuse(&spot, "user_map", "lists nobody"))
        }
        Value::Table(value) => Ok(Some(Written { value, spot })),
        _ => {
            let problem = "must be a table like { app = \"principal\" }, which only a configuration file can hold";
            Err(section.refuse(&spot, "user_map", problem))
        }
    }
}

fn principal(user: String, identity: Arc<IdentityConfig>) -> Arc<Principal> {
    Arc::new(Principal { user, identity })
}

/// The identity of a table, which makes sense only where tokens are used.
fn identity(
    section: &mut Section<'_>,
    mode: &Checked<Mode>,
    identities: &Identities,
) -> Checked<Arc<IdentityConfig>> {
    if *mode != Ok(Mode::Password) {
        return identities.of(section);
    }
    match section.take("identity") {
        None => Ok(Arc::default()),
        Some(written) => Err(section.refuse(
            &written.spot,
            "identity",
            "is for tokens, and upstream_auth is \"password\"",
        )),
    }
}

fn by_app_user(
    section: &Section<'_>,
    mode: &Checked<Mode>,
    identities: &Identities,
    default: &Checked<Arc<IdentityConfig>>,
    entries: Entries,
) -> Checked<Principals> {
    let principals: Vec<Checked<(String, Arc<Principal>)>> = entries
        .into_iter()
        .map(|(app_user, written)| {
            let key = format!("user_map.{}", shown(&app_user));
            let principal = match written.value {
                Value::Table(entries) => {
                    let mut inner = section.inner(
                        &format!("{}: {key}", section.context),
                        &written.spot,
                        entries,
                    );
                    own_identity(&mut inner, mode, identities, default)
                }
                value => {
                    let user = section.as_text(
                        &key,
                        Written {
                            value,
                            spot: written.spot,
                        },
                    )?;
                    Ok(principal(user.value, default.clone()?))
                }
            };
            Ok((app_user, principal?))
        })
        .collect();
    principals
        .into_iter()
        .collect::<Checked<Vec<_>>>()
        .map(Principals::ByAppUser)
}

/// `{ user = "principal", identity = "NAME" }`.
fn own_identity(
    section: &mut Section<'_>,
    mode: &Checked<Mode>,
    identities: &Identities,
    default: &Checked<Arc<IdentityConfig>>,
) -> Checked<Arc<Principal>> {
    let user = section.text("user");
    let identity = if section.has("identity") {
        identity(section, mode, identities)
    } else {
        default.clone()
    };
    section.finish();
    match user? {
        Some(user) => Ok(principal(user.value, identity?)),
        None => {
            Err(section.refuse_all("user: is missing; it is the database principal to log in as"))
        }
    }
}

/// Tells the identities that do not say it themselves which cloud the upstream is in.
pub(super) fn in_cloud(principals: Principals, cloud: Option<Cloud>) -> Principals {
    let told = |of: Arc<Principal>| {
        let Some(cloud) = cloud.filter(|_| of.identity.cloud.is_none()) else {
            return of;
        };
        let identity = IdentityConfig {
            cloud: Some(cloud),
            ..IdentityConfig::clone(&of.identity)
        };
        principal(of.user.clone(), Arc::new(identity))
    };
    match principals {
        Principals::One(one) => Principals::One(told(one)),
        Principals::ByAppUser(map) => Principals::ByAppUser(
            map.into_iter()
                .map(|(app_user, one)| (app_user, told(one)))
                .collect(),
        ),
    }
}
