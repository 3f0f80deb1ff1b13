//! The fields of an answer, in all the names and types that they come in.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::schedule;
use crate::token::{Claims, wiped};

/// Everything that we read of an answer. Numbers may be written as text.
#[derive(Deserialize, Default)]
pub(super) struct Fields {
    #[serde(alias = "accessToken", alias = "token")]
    pub(super) access_token: Option<Wiped>,
    expires_on: Option<Value>,
    /// RFC 3339 from azd and PowerShell, local time without an offset from az.
    #[serde(rename = "expiresOn")]
    expires_on_text: Option<Value>,
    #[serde(alias = "expiresIn")]
    expires_in: Option<Value>,
    #[serde(alias = "refreshIn")]
    refresh_in: Option<Value>,
    // The identity that answered, as endpoints echo it.
    pub(super) client_id: Option<Value>,
    #[serde(alias = "principal_id")]
    pub(super) object_id: Option<Value>,
    #[serde(alias = "mi_res_id")]
    pub(super) msi_res_id: Option<Value>,
}

impl Fields {
    /// A token that comes without any.
    pub(super) fn of_token(token: &str) -> Self {
        Self {
            access_token: Some(Wiped(wiped(token))),
            ..Self::default()
        }
    }

    /// When the token ends: the earlier of what the answer says, else what the token says of itself.
    ///
    /// A zero is what a library writes that does not know: it counts only when nothing else is said.
    pub(super) fn ends(&self, now: SystemTime, claims: Option<&Claims>) -> Option<SystemTime> {
        let lasts = self.expires_in.as_ref().and_then(seconds);
        let by_span = lasts
            .filter(|lasts| !lasts.is_zero())
            .and_then(|lasts| now.checked_add(lasts));
        let dates = [&self.expires_on, &self.expires_on_text];
        let by_date = dates.into_iter().flatten().find_map(moment);
        let ends = match (by_date, by_span) {
            // A date that is over while the span is not: this machine's clock is ahead, and only the span is true here.
            (Some(date), Some(span)) if date < now + schedule::FLOOR => Some(span),
            (Some(date), Some(span)) => Some(date.min(span)),
            (date, span) => date.or(span),
        };
        let says_zero =
            |said: &Option<Value>| said.as_ref().and_then(seconds) == Some(Duration::ZERO);
        ends.or_else(|| claims.and_then(Claims::ends)).or_else(|| {
            (says_zero(&self.expires_in) || dates.into_iter().any(says_zero)).then_some(now)
        })
    }

    /// When its source wants to be asked for the next one.
    pub(super) fn refresh_in(&self) -> Option<Duration> {
        let wanted = self.refresh_in.as_ref().and_then(seconds);
        wanted.filter(|wanted| !wanted.is_zero())
    }
}

/// A number of seconds, written as a number or as text.
fn seconds(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Duration::try_from_secs_f64(number?.trunc()).ok()
}

/// Seconds since 1970, or RFC 3339, or the same with a space between date and time.
fn moment(value: &Value) -> Option<SystemTime> {
    if let Some(since) = seconds(value) {
        let moment = SystemTime::UNIX_EPOCH.checked_add(since);
        return moment.filter(|_| !since.is_zero());
    }
    let text = value.as_str()?.trim();
    let joined = text.replacen(' ', "T", 1);
    Some(azure_core::time::parse_rfc3339(&joined).ok()?.into())
}

/// A string that goes straight into memory that is wiped.
pub(super) struct Wiped(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WipedVisitor)
    }
}

struct WipedVisitor;

impl Visitor<'_> for WipedVisitor {
    type Value = Wiped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }

    fn visit_str<E>(self, text: &str) -> Result<Wiped, E> {
        Ok(Wiped(wiped(text)))
    }
}
