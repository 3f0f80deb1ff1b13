//! A token in memory.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azure_core::base64;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::Clock;

/// An access token: cheap to clone, wiped when the last clone goes, with neither `Debug` nor `Display`.
///
/// ```compile_fail
/// fn show(token: &azdb_identity::Token) -> String {
///     format!("{token:?}")
/// }
/// ```
/// ```compile_fail
/// fn show(token: &azdb_identity::Token) -> String {
///     format!("{token}")
/// }
/// ```
/// ```
/// fn show(token: &azdb_identity::Token) -> String {
///     format!("{:?}", token.claims())
/// }
/// ```
#[derive(Clone)]
pub struct Token(Arc<Held>);

struct Held {
    secret: Zeroizing<String>,
    expires_at: SystemTime,
    /// The clock that its life is measured by.
    clock: Clock,
}

impl Token {
    pub(crate) fn new(secret: Zeroizing<String>, expires_at: SystemTime, clock: Clock) -> Self {
        Self(Arc::new(Held {
            secret,
            expires_at,
            clock,
        }))
    }

    /// The token itself, for the one write to the database.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0.secret
    }

    /// How long it is still good, by the clock of the [`Tokens`](crate::Tokens) that gave it; zero when it is over.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.0.clock.until(self.0.expires_at)
    }

    /// When it ends.
    pub(crate) fn expires_at(&self) -> SystemTime {
        self.0.expires_at
    }

    /// What the token says of itself; `None` for one that is not a JSON Web Token.
    ///
    /// **Unverified**: good for messages, not for decisions of trust.
    #[must_use]
    pub fn claims(&self) -> Option<Claims> {
        Claims::read(self.expose())
    }

    /// Whether both hold the same bytes.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// Copies a secret into memory that is wiped: made in its full size, because a string that grows leaves copies behind.
pub(crate) fn wiped(secret: &str) -> Zeroizing<String> {
    let mut copy = Zeroizing::new(String::with_capacity(secret.len()));
    copy.push_str(secret);
    copy
}

/// What a token says of itself, without proof. A claim of another type than ours counts as absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// What it is for.
    pub aud: Vec<String>,
    /// The object (principal) id: PostgreSQL's `pgaadauth_create_principal_with_oid` takes it.
    pub oid: Option<String>,
    /// The client (application) id: MySQL's `CREATE AADUSER` takes it.
    pub appid: Option<String>,
    /// The tenant id.
    pub tid: Option<String>,
    /// `app` for a service principal or managed identity, `user` for a person.
    pub idtyp: Option<String>,
    /// The sign-in name of a person.
    pub upn: Option<String>,
    /// The Azure resource id of a managed identity, or of the machine it belongs to.
    pub xms_mirid: Option<String>,
    /// When it ends, in seconds since 1970.
    pub exp: Option<u64>,
}

impl Claims {
    pub(crate) fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        let payload = Zeroizing::new(base64::decode_url_safe(payload).ok()?);
        let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
        // Version 1.0 and 2.0 tokens, and those of persons, have different names for the same thing.
        let text = |names: &[&str]| {
            let mut found = names.iter().filter_map(|name| claims.get(*name)?.as_str());
            found.next().map(str::to_owned)
        };
        let aud = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => several
                .iter()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        Some(Self {
            aud,
            oid: text(&["oid"]),
            appid: text(&["appid", "azp"]),
            tid: text(&["tid"]),
            idtyp: text(&["idtyp"]),
            upn: text(&["upn", "unique_name", "preferred_username"]),
            xms_mirid: text(&["xms_mirid"]),
            exp: claims.get("exp").and_then(Value::as_u64),
        })
    }

    /// What it says that it is for; nothing when it does not say.
    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> {
        let said = self.aud.iter().map(String::as_str);
        said.filter(|said| !said.is_empty())
    }

    /// The moment in `exp`.
    pub(crate) fn ends(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.exp?))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
pub(crate) mod tests {
    use super::*;

    /// A token of the right shape, signed by nobody.
    pub(crate) fn jwt(claims: &serde_json::Value) -> String {
        let part = |value: &serde_json::Value| base64::encode_url_safe(value.to_string());
        let header = serde_json::json!({"alg": "RS256", "typ": "JWT"});
        format!("{}.{}.c2lnbmF0dXJl", part(&header), part(claims))
    }

    #[test]
    fn claims_are_read_without_proof() {
        let token = Token::new(
            wiped(&jwt(
                &serde_json::json!({"aud": "https://a", "oid": "o", "appid": "c", "exp": 1_700_000_000}),
            )),
            SystemTime::UNIX_EPOCH,
            Clock::system(),
        );
        let claims = token.claims().unwrap();
        assert_eq!(claims.aud, ["https://a"]);
        assert_eq!(claims.oid.as_deref(), Some("o"));
        assert_eq!(claims.appid.as_deref(), Some("c"));
        assert_eq!(claims.exp, Some(1_700_000_000));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_follows_the_clock_of_its_maker_and_stops_at_zero() {
        let minute = Duration::from_secs(60);
        let clock = Clock::simulated(SystemTime::UNIX_EPOCH);
        let token = Token::new(wiped("t"), clock.now() + 3 * minute, clock.clone());
        assert_eq!(token.left(), 3 * minute);
        tokio::time::sleep(minute).await;
        assert_eq!(token.left(), 2 * minute);
        clock.suspend(5 * minute);
        assert_eq!(token.left(), Duration::ZERO);
    }

    #[test]
    fn claims_of_other_types_do_not_matter() {
        let claims = Claims::read(&jwt(
            &serde_json::json!({"aud": ["a", 7, "b"], "oid": ["o"], "azp": "c", "upn": 7, "unique_name": "u"}),
        ));
        let claims = claims.unwrap();
        assert_eq!(claims.aud, ["a", "b"]);
        assert_eq!(claims.oid, None);
        assert_eq!(claims.appid.as_deref(), Some("c"));
        assert_eq!(claims.upn.as_deref(), Some("u"));
    }

    #[test]
    fn what_is_not_a_token_has_no_claims() {
        for opaque in ["", "secret", "a.b.c", "a.b", "..."] {
            assert_eq!(Claims::read(opaque), None, "{opaque:?}");
        }
    }
}
