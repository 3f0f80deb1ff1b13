//! What only SQL Server's routes have.

use azdb_identity::Cloud;

use super::keys::{Form, Time, ValueKind, of_route as keys};
use super::problems::{Checked, Written};
use super::section::Section;
use super::upstream_auth::LoginWith;
use super::value::Value;
use crate::route::{SessionAge, TdsOptions};

/// Reads the keys that are theirs alone.
pub(super) fn read(section: &mut Section<'_>, mode: &Checked<LoginWith>) -> Checked<TdsOptions> {
    let suffixes = section.read(&keys::ROUTING_SUFFIXES);
    let sql_browser = section.value(&keys::SQL_BROWSER);
    let session_age = session_age(section, mode);
    let translate_limit = section.value(&keys::TRANSLATE_LIMIT);
    let suffixes = suffixes?.map(|suffixes| suffixes.value).unwrap_or_default();
    Ok(TdsOptions {
        routing_suffixes: suffixes.into_iter().map(|suffix| suffix.value).collect(),
        sql_browser: sql_browser?,
        session_age: session_age?,
        translate_limit: translate_limit?,
    })
}

/// In a cloud whose names are written out, an upstream may send us on to its servers.
pub(super) fn within(cloud: Option<&Cloud>, options: TdsOptions) -> TdsOptions {
    match cloud {
        Some(Cloud::Own(own)) if options.routing_suffixes.is_empty() => TdsOptions {
            routing_suffixes: own.suffixes.clone(),
            ..options
        },
        _ => options,
    }
}

fn session_age(section: &mut Section<'_>, mode: &Checked<LoginWith>) -> Checked<SessionAge> {
    let spot = section.spot_of(&keys::MAX_SESSION_AGE);
    let age = section.value_beside(&keys::MAX_SESSION_AGE, mode)?;
    match spot.filter(|_| age == SessionAge::Token && *mode == Ok(LoginWith::Password)) {
        None => Ok(age),
        Some(spot) => {
            let problem = "there is no token, because upstream_auth is \"password\"";
            Err(section.refuse(&spot, keys::MAX_SESSION_AGE.about.name, problem))
        }
    }
}

/// `"token"`, `"off"` or a duration.
pub(crate) struct Age(pub(crate) Time);

impl ValueKind for Age {
    type Value = SessionAge;

    fn read(
        &self,
        section: &Section<'_>,
        key: &str,
        written: Written<Value>,
    ) -> Checked<SessionAge> {
        let Written { value, spot } = section.as_text(key, written)?;
        match value.as_str() {
            "off" => Ok(SessionAge::Unlimited),
            "token" => Ok(SessionAge::Token),
            _ => {
                let value = Value::Text(value);
                let age = self.0.read(section, key, Written { value, spot })?;
                Ok(SessionAge::After(age))
            }
        }
    }

    fn form(&self) -> Form {
        Form::Either(vec![Form::Words(vec!["token", "off"]), self.0.form()])
    }
}
