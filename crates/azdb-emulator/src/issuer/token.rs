//! What a token is made of, and what may be wrong with it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::random;

/// Lifetime of a managed identity's token: 24 h, as in Azure.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// One entry of the `groups` claim in JSON: a quoted UUID and a comma.
const GROUP_BYTES: usize = 39;

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

/// The claims of a token, named as in Entra.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The service that the token is for.
    pub aud: String,
    /// Who signed it.
    pub iss: String,
    /// Issued at, seconds since 1970.
    pub iat: u64,
    /// Not valid before, seconds since 1970.
    pub nbf: u64,
    /// Not valid from this second on, seconds since 1970.
    pub exp: u64,
    /// Client (application) id of the identity; Azure Database for MySQL matches this.
    pub appid: String,
    /// `app` for managed identities and service principals.
    pub idtyp: String,
    /// Object (principal) id of the identity; Azure Database for PostgreSQL matches this.
    pub oid: String,
    /// The subject; equal to `oid` for a managed identity.
    pub sub: String,
    /// Tenant id.
    pub tid: String,
    /// Unique id of this token.
    pub uti: String,
    /// Version of the token format.
    pub ver: String,
    /// Azure resource id of the managed identity.
    pub xms_mirid: String,
    /// Groups that the identity is a member of; here only to make tokens large.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
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

/// The `groups` that bring a token of these claims from its natural length to `size`.
pub(super) fn groups_for(
    claims: &Claims,
    natural: &str,
    size: usize,
) -> Result<Vec<String>, serde_json::Error> {
    let plain = serde_json::to_vec(claims)?.len();
    let around = natural.len() - base64_len(plain);
    let one_empty_group = plain + r#","groups":[""]"#.len();

    let mut wanted = one_empty_group;
    let room = size.saturating_sub(around);
    wanted = wanted.max(room / 4 * 3);
    while base64_len(wanted) < room {
        wanted += 1;
    }

    let missing = wanted - one_empty_group;
    let mut groups: Vec<String> = (0..missing / GROUP_BYTES).map(|_| random::uuid()).collect();
    groups.push("0".repeat(missing % GROUP_BYTES));
    Ok(groups)
}

/// Length of unpadded Base64.
fn base64_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
