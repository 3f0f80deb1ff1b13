//! Whom apps become upstream: `upstream_user`, `user_map`, `identity`.

use std::sync::Arc;

use azdb_identity::{Cloud, IdentityConfig};

use super::identities::Identities;
use super::keys::{Fact, Key, ValueKind, of_route as keys};
use super::names::shown;
use super::problems::{Checked, Written};
use super::section::Section;
use super::upstream_auth::LoginWith;
use super::value::{Entries, Value};
use crate::route::{Principal, Principals};

/// What decides how a route's principals are read.
pub(super) struct Ways<'a> {
    pub(super) mode: &'a Checked<LoginWith>,
    /// SQL Server takes the user from the token: an identity is all there is to choose.
    pub(super) user_from_token: Checked<bool>,
    pub(super) identities: &'a Identities,
}

/// Everything that says who an app becomes.
pub(super) fn read(section: &mut Section<'_>, ways: &Ways<'_>) -> Checked<Principals> {
    ways.tell(section);
    let user = section.read(&keys::UPSTREAM_USER);
    let map = user_map(section);
    let identity = match &map {
        Ok(Some(map)) if map.value.values().all(has_own_identity) => needless(section),
        _ => ways.identity(section, &keys::IDENTITY),
    };
    let (user, map) = (user?, map?);
    let Some(map) = map else {
        let user = ways.user(section, user, "upstream_user");
        return Ok(Principals::One(principal(user?, identity?)));
    };
    if user.is_some() {
        let problem = "upstream_user is given too: leave one out";
        return Err(section.refuse(&map.spot, "user_map", problem));
    }
    let principals: Vec<Checked<_>> = map
        .value
        .into_iter()
        .map(|(app_user, written)| {
            let principal = ways.entry(section, &app_user, written, &identity);
            principal.map(|principal| (app_user, principal))
        })
        .collect();
    let principals: Checked<Vec<_>> = principals.into_iter().collect();
    principals.map(Principals::ByAppUser)
}

fn user_map(section: &mut Section<'_>) -> Checked<Option<Written<Entries>>> {
    let Some(Written { value, spot }) = section.read(&keys::USER_MAP)? else {
        return Ok(None);
    };
    match value {
        Value::Table(entries) if entries.is_empty() => {
            Err(section.refuse(&spot, "user_map", "lists nobody"))
        }
        Value::Table(value) => Ok(Some(Written { value, spot })),
        _ => {
            let problem = "must be a table like { app = \"principal\" }";
            Err(section.refuse(&spot, "user_map", problem))
        }
    }
}

fn has_own_identity(written: &Written<Value>) -> bool {
    matches!(&written.value, Value::Table(own) if own.contains_key(keys::OWN_IDENTITY.about.name))
}

/// The identity of a route whose users have each their own.
fn needless(section: &mut Section<'_>) -> Checked<Arc<IdentityConfig>> {
    match section.read(&keys::IDENTITY)? {
        None => Ok(Arc::default()),
        Some(written) => {
            let problem = "is for nobody: each user of user_map has one of its own";
            Err(section.refuse(&written.spot, "identity", problem))
        }
    }
}

fn principal(user: String, identity: Arc<IdentityConfig>) -> Arc<Principal> {
    Arc::new(Principal { user, identity })
}

impl Ways<'_> {
    /// Keys that mean nothing this way are refused.
    fn tell(&self, section: &mut Section<'_>) {
        if let Ok(mode) = *self.mode {
            section.know(&Fact::Login(mode));
        }
        if self.user_from_token == Ok(true) {
            section.know(&Fact::UserFromToken);
        }
    }

    /// The identity of a table, which makes sense only where tokens are used.
    fn identity(
        &self,
        section: &mut Section<'_>,
        key: &Key<impl ValueKind<Value = Value>>,
    ) -> Checked<Arc<IdentityConfig>> {
        match self.mode {
            Ok(LoginWith::Password) => Ok(Arc::default()),
            _ => self.identities.of(section, key),
        }
    }

    fn user(
        &self,
        section: &Section<'_>,
        user: Option<Written<String>>,
        key: &str,
    ) -> Checked<String> {
        match user {
            Some(user) => Ok(user.value),
            None if self.user_from_token? => Ok(String::new()),
            None => Err(section.refuse_all(format!(
                "{key}: is missing; it is the database principal to log in as"
            ))),
        }
    }

    /// `app_user = "principal"` or `app_user = { user = "principal", identity = "NAME" }`.
    fn entry(
        &self,
        section: &Section<'_>,
        app_user: &str,
        written: Written<Value>,
        default: &Checked<Arc<IdentityConfig>>,
    ) -> Checked<Arc<Principal>> {
        let key = format!("user_map.{}", shown(app_user));
        if matches!(written.value, Value::Table(_)) {
            let context = format!("{}: {key}", section.context);
            let mut own = section.inner(&keys::PRINCIPAL, &context, &key, written)?;
            self.tell(&mut own);
            let user = own.read(&keys::USER);
            let identity = match own.has(&keys::OWN_IDENTITY) {
                true => self.identity(&mut own, &keys::OWN_IDENTITY),
                false => default.clone(),
            };
            own.finish();
            let user = self.user(&own, user?, "user");
            return Ok(principal(user?, identity?));
        }
        if self.user_from_token == Ok(true) {
            let problem = "must be { identity = \"NAME\" }: the token says who the user is";
            return Err(section.refuse(&written.spot, &key, problem));
        }
        let user = section.as_text(&key, written)?;
        Ok(principal(user.value, default.clone()?))
    }
}

/// Tells the identities that do not say it themselves which cloud the upstream is in.
pub(super) fn in_cloud(principals: Principals, cloud: Option<Cloud>) -> Principals {
    let told = |of: Arc<Principal>| {
        let Some(cloud) = cloud.clone().filter(|_| of.identity.cloud.is_none()) else {
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
