//! The identity endpoint: what an app asks for tokens, on App Service and on a virtual machine.
//!
//! ```text
//!   asker                                               endpoint
//!    | GET /msi/token?api-version=2019-08-01&resource=R     |   App Service, Container Apps
//!    |     X-IDENTITY-HEADER: secret                  ----> |
//!    | GET /metadata/identity/oauth2/token?api-version=...  |   IMDS (virtual machine)
//!    |     Metadata: true                             ----> |
//!    | <---- 200 {"access_token": ..., "expires_on": "..."} |
//!    | <---- 400 {"error": ...} or {"statusCode": ...}      |   each in its own error shape
//! ```
//!
//! Answers and error texts are those that users of Azure have quoted in public. Tests set the
//! endpoint's ways ([`IdentityEndpoint::set_default`]), hold its answers back ([`IdentityEndpoint::hold`]) and
//! read what was asked ([`IdentityEndpoint::requests`]).

mod answer;
mod endpoint;
mod script;

pub use endpoint::{Identity, IdentityEndpoint};
pub use script::{Behaviour, Hold, Recorded};

use crate::random;

/// How an identity came to its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// The resource's own identity, used when a request names none.
    System,
    /// One of several that a request may name.
    User,
}

/// A managed identity of the emulated tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedIdentity {
    /// Display name.
    pub name: String,
    /// Application id, claim `appid`.
    pub client_id: String,
    /// Principal id, claim `oid`.
    pub object_id: String,
    /// Azure resource id, claim `xms_mirid`.
    pub resource_id: String,
    /// System- or user-assigned.
    pub assigned: Assigned,
}

impl ManagedIdentity {
    /// A user-assigned identity with ids of its own.
    #[must_use]
    pub fn user_assigned(name: &str) -> Self {
        let kind = "ManagedIdentity/userAssignedIdentities";
        Self::of(name, kind, Assigned::User)
    }

    /// The system-assigned identity of an App Service site.
    #[must_use]
    pub fn system_assigned(name: &str) -> Self {
        Self::of(name, "Web/sites", Assigned::System)
    }

    fn of(name: &str, kind: &str, assigned: Assigned) -> Self {
        Self {
            name: name.to_owned(),
            client_id: random::uuid(),
            object_id: random::uuid(),
            resource_id: format!(
                "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/emulator\
                 /providers/Microsoft.{kind}/{name}"
            ),
            assigned,
        }
    }
}
