//! Tokens in the manner of Microsoft Entra: RS256 JWTs that say who a managed identity is.
//!
//! ```text
//!   identity endpoint -- issue(identity, audience) --> Issuer -- token --> whoever asked
//!   database server   -- verify(token, audience) ----> Issuer -- Claims | Rejected
//! ```
//!
//! Keys are made at start, so no token of one emulator is good for another. Tests script what the
//! next tokens look like: expired, for the wrong audience, signed by a stranger, of a given size.

mod token;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, get_current_timestamp,
};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::json;

use crate::door::locked;
use crate::identity::ManagedIdentity;
use crate::random;
pub use token::{Claims, Flaw, Rejected, Shape, Token};
use token::{LIFETIME, group_for};

/// The audience of Azure Database for PostgreSQL and MySQL in the public cloud.
pub const OSSRDBMS_AUDIENCE: &str = "https://ossrdbms-aad.database.windows.net";

/// The audience of Azure SQL in the public cloud.
pub const SQL_AUDIENCE: &str = "https://database.windows.net";

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// No RSA key could be made.
    #[error("cannot make a signing key")]
    Key(#[from] rcgen::Error),

    /// The claims could not be signed.
    #[error("cannot sign a token")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// Signs and verifies tokens. Clones share keys and script.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    tenant: String,
    iss: String,
    header: Header,
    signer: EncodingKey,
    verifier: DecodingKey,
    stranger: OnceLock<EncodingKey>,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    next: VecDeque<Shape>,
    otherwise: Shape,
}

impl Issuer {
    /// Makes an issuer for `tenant` (a UUID) with a new RSA key of 2048 bits.
    pub fn new(tenant: &str) -> Result<Self, IssuerError> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(random::hex(16));
        Ok(Self {
            inner: Arc::new(Inner {
                tenant: tenant.to_owned(),
                iss: format!("https://sts.windows.net/{tenant}/"),
                header,
                signer: EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes())?,
                verifier: DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes())?,
                stranger: OnceLock::new(),
                script: Mutex::default(),
            }),
        })
    }

    /// The next `count` tokens of [`issue`](Self::issue) have this shape; later calls queue behind.
    pub fn script(&self, count: usize, shape: impl Into<Shape>) {
        let shape = shape.into();
        let mut script = self.scripted();
        script.next.extend(std::iter::repeat_n(shape, count));
    }

    /// Every token that is not scripted has this shape.
    pub fn set_default(&self, shape: impl Into<Shape>) {
        self.scripted().otherwise = shape.into();
    }

    /// Makes a token for `identity` in the shape that is scripted next.
    pub fn issue(&self, identity: &ManagedIdentity, audience: &str) -> Result<Token, IssuerError> {
        let shape = {
            let mut script = self.scripted();
            script.next.pop_front().unwrap_or(script.otherwise)
        };
        self.issue_as(identity, audience, shape)
    }

    /// Makes a token for `identity` in a given shape, leaving the script alone.
    pub fn issue_as(
        &self,
        identity: &ManagedIdentity,
        audience: &str,
        shape: impl Into<Shape>,
    ) -> Result<Token, IssuerError> {
        let shape = shape.into();
        let issued_at = get_current_timestamp();
        let expires_on = issued_at + LIFETIME.as_secs();
        let (from, until, audience) = match shape.flaw {
            Some(Flaw::Expired) => (issued_at - 2 * 3600, issued_at - 3600, audience),
            Some(Flaw::WrongAudience) => (issued_at, expires_on, "https://management.azure.com/"),
            Some(Flaw::ForeignSignature) | None => (issued_at, expires_on, audience),
        };
        // As in Entra.
        let mut claims = json!({
            "aud": audience,
            "iss": self.inner.iss,
            "iat": from,
            "nbf": from,
            "exp": until,
            "appid": identity.client_id,
            "idtyp": "app",
            "oid": identity.object_id,
            "sub": identity.object_id,
            "tid": self.inner.tenant,
            "uti": random::hex(11),
            "ver": "1.0",
            "xms_mirid": identity.resource_id,
        });
        let key = match shape.flaw {
            Some(Flaw::ForeignSignature) => self.stranger()?,
            _ => &self.inner.signer,
        };
        let mut access_token = jsonwebtoken::encode(&self.inner.header, &claims, key)?;
        if access_token.len() < shape.size {
            let group = group_for(&claims, &access_token, shape.size);
            claims["groups"] = json!([group.map_err(jsonwebtoken::errors::Error::from)?]);
            access_token = jsonwebtoken::encode(&self.inner.header, &claims, key)?;
        }
        Ok(Token {
            access_token,
            expires_on,
            issued_at,
        })
    }

    /// Says who a token is for, or why it is refused: signature first, then time, then audience.
    pub fn verify(&self, token: &str, audience: &str) -> Result<Claims, Rejected> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.inner.iss]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss"]);
        match jsonwebtoken::decode::<Claims>(token, &self.inner.verifier, &validation) {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Rejected::Expired,
                ErrorKind::InvalidAudience => Rejected::Audience,
                _ => Rejected::Foreign,
            }),
        }
    }

    /// The key of [`Flaw::ForeignSignature`], made when it is first wanted: most runs never do.
    fn stranger(&self) -> Result<&EncodingKey, IssuerError> {
        if let Some(key) = self.inner.stranger.get() {
            return Ok(key);
        }
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let key = EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes())?;
        Ok(self.inner.stranger.get_or_init(|| key))
    }

    fn scripted(&self) -> MutexGuard<'_, Script> {
        locked(&self.inner.script)
    }
}
