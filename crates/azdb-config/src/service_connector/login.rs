//! How an app logs in to its database, as the variables of one set say it.

use secrecy::{ExposeSecret, SecretString};

use super::connection::{Told, told};
use super::sets::Set;
use super::statements::{Statement, Statements};
use super::words::{self, Means, Part};
use crate::problems::{Spot, Written};
use crate::route::ProtocolName;

/// How it logs in.
pub(super) enum Login {
    /// As an identity of the platform; with an id, as the user-assigned one of that `client_id` or `object_id`.
    Identity(Option<(&'static str, Told)>),
    /// As an app registration.
    Principal {
        client_id: Told,
        tenant_id: Option<Told>,
        secret: Written<SecretString>,
    },
    /// With a password of the database.
    Password(Written<SecretString>),
}

impl Login {
    /// Whether both are the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Identity(one), Self::Identity(other)) => {
                let id = |of: &Option<(&str, Written<String>)>| {
                    of.as_ref().map(|(_, id)| id.value.clone())
                };
                id(one) == id(other)
            }
            (
                Self::Principal {
                    client_id, secret, ..
                },
                Self::Principal {
                    client_id: other,
                    secret: their,
                    ..
                },
            ) => {
                client_id.value == other.value
                    && secret.value.expose_secret() == their.value.expose_secret()
            }
            (Self::Password(one), Self::Password(other)) => {
                one.value.expose_secret() == other.value.expose_secret()
            }
            _ => false,
        }
    }
}

/// # Errors
///
/// The variables do not say one thing.
pub(super) fn of(
    set: &Set<'_>,
    said: &Statements<'_>,
    protocol: ProtocolName,
) -> Result<Login, String> {
    match protocol {
        ProtocolName::Tds => sql_server(set, said),
        ProtocolName::Postgres | ProtocolName::Mysql => other(set, said),
    }
}

fn secret(said: &Statement<'_>) -> Written<SecretString> {
    Written {
        value: SecretString::from(said.value.as_str()),
        spot: Spot::named(said.variable),
    }
}

/// An app registration, where a secret of one is given.
fn principal(set: &Set<'_>, said: &Statements<'_>) -> Result<Option<Login>, String> {
    let Some(given) = said.one(Part::ClientSecret)? else {
        return Ok(None);
    };
    let client_id = said.one(Part::ClientId)?.map(told);
    let client_id = client_id.ok_or_else(|| {
        format!(
            "{} has a secret in {} and no CLIENTID",
            set.prefix, given.variable
        )
    })?;
    Ok(Some(Login::Principal {
        client_id,
        tenant_id: said.one(Part::TenantId)?.map(told),
        secret: secret(given),
    }))
}

/// PostgreSQL and MySQL.
fn other(set: &Set<'_>, said: &Statements<'_>) -> Result<Login, String> {
    let principal = principal(set, said)?;
    let client_id = said.one(Part::ClientId)?;
    match (said.one(Part::Password)?, principal, client_id) {
        (Some(password), None, None) => Ok(Login::Password(secret(password))),
        (Some(password), _, Some(id)) => Err(either(password, id)),
        (_, Some(principal), _) => Ok(principal),
        (None, None, id) => Ok(Login::Identity(id.map(|id| ("client_id", told(id))))),
    }
}

fn either(password: &Statement<'_>, id: &Statement<'_>) -> String {
    let (password, id) = (password.variable, id.variable);
    format!("{password} has a password and {id} names an identity: take one of them away")
}

/// SQL Server's strings say how to log in.
fn sql_server(set: &Set<'_>, said: &Statements<'_>) -> Result<Login, String> {
    let way = said.one(Part::Authentication)?;
    let means = match way {
        None => Means::Open,
        Some(way) => words::authentication(&way.value)
            .ok_or_else(|| format!("{} has an unknown way to log in", way.variable))?,
    };
    let (user, password) = (said.one(Part::User)?, said.one(Part::Password)?);
    let client_id = said.one(Part::ClientId)?;
    let is_person = || {
        format!(
            "{} wants the sign-in of a person, and the proxy logs in as an identity: write Authentication=ActiveDirectoryDefault",
            way.map_or(set.prefix.as_str(), |way| way.variable)
        )
    };
    match means {
        Means::Person => Err(is_person()),
        Means::Principal => {
            let (Some(id), Some(given)) = (
                client_id.or(user),
                said.one(Part::ClientSecret)?.or(password),
            ) else {
                return Err(format!(
                    "{} names a service principal and has no id or no secret of it",
                    set.prefix
                ));
            };
            Ok(Login::Principal {
                client_id: told(id),
                tenant_id: said.one(Part::TenantId)?.map(told),
                secret: secret(given),
            })
        }
        Means::Identity => match principal(set, said)? {
            Some(principal) => Ok(principal),
            None => Ok(Login::Identity(identity(client_id, user))),
        },
        Means::Open => match (principal(set, said)?, password, user, client_id) {
            (Some(principal), None, ..) => Ok(principal),
            (_, Some(password), _, Some(id)) => Err(either(password, id)),
            (_, Some(password), ..) => Ok(Login::Password(secret(password))),
            (None, None, Some(user), None) => Err(format!(
                "{} names a user and no password: is it an identity's id? Then write Authentication=ActiveDirectoryManagedIdentity",
                user.variable
            )),
            (None, None, _, id) => Ok(Login::Identity(id.map(|id| ("client_id", told(id))))),
        },
    }
}

/// In a connection string the user is an identity's client id; Python's variable of its own has the object id.
fn identity(
    client_id: Option<&Statement<'_>>,
    user: Option<&Statement<'_>>,
) -> Option<(&'static str, Told)> {
    match (client_id, user) {
        (Some(id), _) => Some(("client_id", told(id))),
        (None, Some(user)) if user.is_alone => Some(("object_id", told(user))),
        (None, user) => user.map(|user| ("client_id", told(user))),
    }
}
