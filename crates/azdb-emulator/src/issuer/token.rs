//! What a token is made of, and what may be wrong with it.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

/// Lifetime of a managed identity's token: 24 h, as in Azure.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a server does not accept a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not a token of this issuer: no JWT, another key, another issuer.
    #[error("not signed by this issuer")]
    Foreign,
    /// Its `exp` has passed, or its `nbf` has not come.
    #[error("expired")]
    Expired,
    /// Made for another service.
    #[error("wrong audience")]
    Audience,
}

/// What is wrong with a token on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// `exp` lies an hour back. The identity endpoint still announces a whole day, as if a
    /// clock went wrong or the token was revoked: its asker can't know until a server refuses it.
    Expired,
    /// `aud` is Azure Resource Manager instead of what was asked for.
    WrongAudience,
    /// Signed with a key that the servers don't know.
    ForeignSignature,
}

/// How a token is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Wished length of the whole token in bytes, reached with a `groups` claim. The token is at
    /// most two bytes longer (Base64 has no length 4n+1), and never shorter than without groups
    /// (about 1.2 KB).
    pub size: usize,
    /// What is wrong with it, if anything.
    pub flaw: Option<Flaw>,
}

impl From<Flaw> for Shape {
    fn from(flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..Self::default()
        }
    }
}

/// What a token says of whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// Client (application) id of the identity; Azure Database for MySQL matches this.
    pub appid: String,
    /// Object (principal) id of the identity; the other databases match this.
    pub oid: String,
    /// Not valid from this second on, seconds since 1970.
    pub exp: u64,
}

/// A signed token. Its `Debug` shows no byte of it.
#[derive(Clone)]
pub struct Token {
    /// The JWT.
    pub access_token: String,
    /// What the identity endpoint announces as its end, seconds since 1970.
    pub expires_on: u64,
    /// When it was made, seconds since 1970.
    pub issued_at: u64,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("bytes", &self.access_token.len())
            .field("expires_on", &self.expires_on)
            .finish_non_exhaustive()
    }
}

/// The one entry of claim `groups` that brings a token of these claims from its natural length to `size`.
pub(super) fn group_for(
    claims: &serde_json::Value,
    natural: &str,
    size: usize,
) -> Result<String, serde_json::Error> {
    let plain = serde_json::to_vec(claims)?.len();
    // Base64 makes four bytes of three.
    let around = natural.len() - (plain * 4).div_ceil(3);
    let wanted = (size.saturating_sub(around) * 3).div_ceil(4);
    let with_one = plain + r#","groups":[""]"#.len();
    Ok("0".repeat(wanted.saturating_sub(with_one)))
}
