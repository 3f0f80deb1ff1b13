//! Reading what a source gave: lenient in the shape, strict in the meaning.
//!
//! Endpoints differ in the names of fields and in whether a number is written as a string. A token and one end of
//! its life are required, nothing else.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::fault::{Answered, SourceFault, first_line};
use crate::http::Answer;
use crate::token::{Claims, Token, wiped};
use crate::{Selector, schedule};

/// What a program or a file gave without saying when it ends is taken for good this long.
const OPAQUE_LIFE: Duration = Duration::from_secs(10 * 60);

/// A token, and when its source wants to be asked for the next one.
pub(crate) struct Grant {
    pub(crate) token: Token,
    pub(crate) refresh_in: Option<Duration>,
    /// Whether the answer or the token named the wanted identity.
    pub(crate) confirmed: bool,
}

/// Whether a bare token is an answer, and what follows when nothing says when it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The JSON of an identity endpoint.
    Json,
    /// JSON, or a token and nothing else.
    JsonOrBare,
}

/// An HTTP answer: a token of the wanted identity, or the fault that the endpoint reports.
pub(crate) fn granted(
    answer: &Answer,
    wanted: Option<&Selector>,
    clock: &Clock,
) -> Result<Grant, SourceFault> {
    if answer.status != 200 {
        let said = Answered::read(answer.status, answer.retry_after, &answer.body);
        return Err(SourceFault::Answered(said));
    }
    read(&answer.body, Shape::Json, wanted, clock)
}

/// Reads a token out of `body`.
pub(crate) fn read(
    body: &[u8],
    shape: Shape,
    wanted: Option<&Selector>,
    clock: &Clock,
) -> Result<Grant, SourceFault> {
    let body = std::str::from_utf8(body).map_err(|_| unreadable("it is not text"))?;
    let body = body.trim_start_matches('\u{feff}').trim();
    let mut fields = match shape {
        Shape::JsonOrBare if !body.starts_with('{') => bare(body)?,
        _ => serde_json::from_str(body).map_err(|_| unreadable("it is not the JSON of a token"))?,
    };
    let Some(Wiped(secret)) = fields.access_token.take() else {
        return Err(unreadable("there is no `access_token` in it"));
    };
    if secret.is_empty() {
        return Err(unreadable("`access_token` is empty"));
    }
    let claims = Claims::read(&secret);
    let confirmed = match wanted {
        Some(wanted) => is_named(wanted, &fields, claims.as_ref())?,
        None => false,
    };
    let now = clock.now();
    let ends = fields.ends(now);
    let ends = ends.or_else(|| claims.and_then(|claims| claims.ends()));
    let ends = match shape {
        Shape::JsonOrBare => ends.unwrap_or(now + OPAQUE_LIFE),
        Shape::Json => ends.ok_or_else(|| unreadable("it does not say when the token ends"))?,
    };
    let left = ends.duration_since(now).unwrap_or_default();
    if left < schedule::FLOOR {
        return Err(SourceFault::AlmostOver { left });
    }
    Ok(Grant {
        token: Token::new(secret, ends, clock.clone()),
        refresh_in: fields.refresh_in.as_ref().and_then(seconds),
        confirmed,
    })
}

fn bare(body: &str) -> Result<Fields, SourceFault> {
    if body.is_empty() {
        return Err(unreadable("it is empty"));
    }
    if body.contains(char::is_whitespace) {
        return Err(unreadable("it is more than one word, and not JSON"));
    }
    Ok(Fields {
        access_token: Some(Wiped(wiped(body))),
        ..Fields::default()
    })
}

fn unreadable(what: &str) -> SourceFault {
    let what = what.to_owned();
    SourceFault::Unreadable { what }
}

/// Everything that we read of an answer. Numbers may be written as text.
#[derive(Deserialize, Default)]
struct Fields {
    #[serde(alias = "accessToken", alias = "token")]
    access_token: Option<Wiped>,
    expires_on: Option<Value>,
    /// RFC 3339 from azd and PowerShell, local time without an offset from az.
    #[serde(rename = "expiresOn")]
    expires_on_text: Option<Value>,
    #[serde(alias = "expiresIn")]
    expires_in: Option<Value>,
    #[serde(alias = "refreshIn")]
    refresh_in: Option<Value>,
    // The identity that answered, as endpoints echo it.
    client_id: Option<Value>,
    #[serde(alias = "principal_id")]
    object_id: Option<Value>,
    #[serde(alias = "mi_res_id")]
    msi_res_id: Option<Value>,
}

impl Fields {
    fn ends(&self, now: SystemTime) -> Option<SystemTime> {
        let lasts = self.expires_in.as_ref().and_then(seconds);
        let by_span = lasts.and_then(|lasts| now.checked_add(lasts));
        let by_date = [&self.expires_on, &self.expires_on_text]
            .into_iter()
            .flatten()
            .find_map(moment);
        match (by_date, by_span) {
            // A date that is over while the span is not: this machine's clock is ahead, and only the span is true here.
            (Some(date), Some(span)) if date < now + schedule::FLOOR => Some(span),
            (Some(date), Some(span)) => Some(date.min(span)),
            (date, span) => date.or(span),
        }
    }
}

/// An endpoint that does not know the selector gives a token of the system-assigned identity instead of an error.
/// False when neither the answer nor the token names any.
fn is_named(
    wanted: &Selector,
    names: &Fields,
    claims: Option<&Claims>,
) -> Result<bool, SourceFault> {
    let (echoed, claimed) = match wanted {
        Selector::ClientId(_) => (&names.client_id, claims.and_then(|it| it.appid.as_deref())),
        Selector::ObjectId(_) => (&names.object_id, claims.and_then(|it| it.oid.as_deref())),
        Selector::ResourceId(_) => (
            &names.msi_res_id,
            claims.and_then(|it| it.xms_mirid.as_deref()),
        ),
    };
    let echoed = echoed.as_ref().and_then(Value::as_str);
    let mut named = false;
    for got in [claimed, echoed]
        .into_iter()
        .flatten()
        .filter(|got| !got.is_empty())
    {
        if !got.eq_ignore_ascii_case(wanted.id()) {
            let (asked, got) = (wanted.clone(), first_line(got));
            return Err(SourceFault::OtherIdentity { asked, got });
        }
        named = true;
    }
    Ok(named)
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

/// Seconds since 1970, or RFC 3339.
fn moment(value: &Value) -> Option<SystemTime> {
    if let Some(since) = seconds(value) {
        return SystemTime::UNIX_EPOCH.checked_add(since);
    }
    let text = value.as_str()?;
    Some(azure_core::time::parse_rfc3339(text).ok()?.into())
}

/// A string that goes straight into memory that is wiped.
struct Wiped(Zeroizing<String>);

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

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn life(body: &str) -> Option<Duration> {
        let clock = Clock::simulated(noon());
        let grant = read(body.as_bytes(), Shape::Json, None, &clock).ok()?;
        Some(grant.token.left())
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_ends_counts() {
        let both = |on: u64, within: u64| {
            format!(r#"{{"access_token":"t","expires_on":"{on}","expires_in":{within}}}"#)
        };
        assert_eq!(
            life(&both(1_800_003_600, 7200)),
            Some(Duration::from_secs(3600))
        );
        assert_eq!(
            life(&both(1_800_007_200, 3600)),
            Some(Duration::from_secs(3600))
        );
    }

    #[test]
    fn ends_that_make_no_sense_are_no_ends() {
        for end in ["-5", "\"soon\"", "1e300", "null", "[]", "true", "\"NaN\""] {
            let body = format!(r#"{{"access_token":"t","expires_in":{end},"refresh_in":{end}}}"#);
            assert_eq!(life(&body), None, "{end}");
        }
        assert!(life(r#"{"access_token":"t","expires_in":1e17}"#).is_some());
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            body in r#"(\{|\}|"|:|,|[0-9]{1,20}|-|e|access_token|expires_on|expires_in|expiresOn|refresh_in|eyJ|\.|\PC){0,60}"#,
        ) {
            let clock = Clock::simulated(noon());
            for shape in [Shape::Json, Shape::JsonOrBare] {
                if let Ok(grant) = read(body.as_bytes(), shape, None, &clock) {
                    let left = grant.token.expires_at().duration_since(noon()).unwrap_or_default();
                    proptest::prop_assert!(left >= schedule::FLOOR);
                }
            }
        }

        #[test]
        fn no_number_makes_it_panic(on: u64, within: f64, refresh: u64) {
            let body = serde_json::json!({
                "access_token": "t", "expires_on": on, "expires_in": within, "refresh_in": refresh,
            });
            let clock = Clock::simulated(noon());
            if let Ok(grant) = read(body.to_string().as_bytes(), Shape::Json, None, &clock) {
                let life = grant.token.expires_at().duration_since(noon()).unwrap_or_default();
                let wait = schedule::refresh(life, grant.refresh_in, &mut schedule::Jitter::seeded(on));
                proptest::prop_assert!(wait <= Duration::from_secs(86_400));
            }
        }
    }
}
