//! The answers of the two token services, in the words of Azure.

use hyper::StatusCode;
use serde_json::json;

use super::script::Recorded;
use super::{Assigned, ManagedIdentity};
use crate::issuer::{Issuer, Token};
use crate::random;

/// The path in `IDENTITY_ENDPOINT` of App Service.
pub(super) const APP_SERVICE_PATH: &str = "/msi/token";
/// The path of the instance metadata service.
pub(super) const IMDS_PATH: &str = "/metadata/identity/oauth2/token";

/// Audiences that exist in the emulated tenant; others get AADSTS500011.
const KNOWN_RESOURCES: [&str; 6] = [
    "https://ossrdbms-aad.database.windows.net",
    "https://ossrdbms-aad.database.usgovcloudapi.net",
    "https://ossrdbms-aad.database.chinacloudapi.cn",
    "https://database.windows.net",
    "https://database.usgovcloudapi.net",
    "https://database.chinacloudapi.cn",
];

/// Which of the two services is asked. They differ in header, parameter names and error shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    AppService,
    Imds,
}

/// Status and JSON body.
pub(super) type Answer = (StatusCode, serde_json::Value);

/// Answers a request: a token, or the refusal that Azure would give.
pub(super) fn answer(
    request: &Recorded,
    secret: &str,
    identities: &[ManagedIdentity],
    issuer: &Issuer,
) -> Answer {
    let service = match request.path.as_str() {
        APP_SERVICE_PATH => Service::AppService,
        IMDS_PATH => Service::Imds,
        _ => return (StatusCode::NOT_FOUND, json!({ "error": "not found" })),
    };
    if request.method != "GET" {
        return service.refusal(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    }
    if let Some(refusal) = service.check_caller(request, secret) {
        return refusal;
    }
    if let Some(refusal) = service.check_version(request) {
        return refusal;
    }
    let Some(resource) = request.parameter("resource").filter(|r| !r.is_empty()) else {
        return service.refusal(
            StatusCode::BAD_REQUEST,
            "Required query variable 'resource' is missing",
        );
    };
    let identity = match service.select(request, identities) {
        Ok(identity) => identity,
        Err(message) => return service.refusal(StatusCode::BAD_REQUEST, message),
    };
    if !KNOWN_RESOURCES.contains(&resource.trim_end_matches('/')) {
        return service.unknown_resource(resource);
    }
    match issuer.issue(identity, resource) {
        Ok(token) => (StatusCode::OK, service.token(&token, identity, resource)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "no token");
            service.refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
        }
    }
}

impl Service {
    /// Both services ask for a header that a browser or a naive forwarder would not send.
    fn check_caller(self, request: &Recorded, secret: &str) -> Option<Answer> {
        match self {
            Self::AppService if request.header("x-identity-header") != Some(secret) => {
                Some(self.refusal(
                    StatusCode::UNAUTHORIZED,
                    "The X-IDENTITY-HEADER header is missing or wrong.",
                ))
            }
            Self::Imds if request.header("metadata") != Some("true") => Some(self.refusal(
                StatusCode::BAD_REQUEST,
                "Required metadata header not specified",
            )),
            _ => None,
        }
    }

    fn check_version(self, request: &Recorded) -> Option<Answer> {
        let version = request.parameter("api-version").unwrap_or_default();
        match self {
            Self::AppService if version != "2019-08-01" => Some(self.refusal(
                StatusCode::BAD_REQUEST,
                "Unsupported api-version; use 2019-08-01.",
            )),
            Self::Imds if version < "2018-02-01" => Some((
                StatusCode::BAD_REQUEST,
                json!({
                    "error": "Bad request. api-version is invalid or was not specified in the request.",
                    "newest-versions": ["2018-02-01", "2019-08-01"],
                }),
            )),
            _ => None,
        }
    }

    /// Finds the identity that a request names. A selector of the other service is not looked at,
    /// so it yields the system-assigned identity, as in Azure.
    fn select<'a>(
        self,
        request: &Recorded,
        identities: &'a [ManagedIdentity],
    ) -> Result<&'a ManagedIdentity, &'static str> {
        let resource_id = match self {
            Self::AppService => "mi_res_id",
            Self::Imds => "msi_res_id",
        };
        let named = request.query.iter().find_map(|(key, value)| {
            let matches: fn(&ManagedIdentity, &str) -> bool = match key.as_str() {
                "client_id" => |identity, value| identity.client_id.eq_ignore_ascii_case(value),
                "object_id" => |identity, value| identity.object_id.eq_ignore_ascii_case(value),
                "principal_id" if self == Self::AppService => {
                    |identity, value| identity.object_id.eq_ignore_ascii_case(value)
                }
                name if name == resource_id => {
                    |identity, value| identity.resource_id.eq_ignore_ascii_case(value)
                }
                _ => return None,
            };
            Some(identities.iter().find(|identity| matches(identity, value)))
        });
        match named {
            Some(Some(identity)) => Ok(identity),
            Some(None) => Err(self.identity_not_found()),
            None => self.unnamed(identities),
        }
    }

    fn unnamed(self, identities: &[ManagedIdentity]) -> Result<&ManagedIdentity, &'static str> {
        let system = identities
            .iter()
            .find(|identity| identity.assigned == Assigned::System);
        match (self, system, identities) {
            (_, Some(identity), _) => Ok(identity),
            (Self::AppService, None, _) => Err("Unable to load the proper Managed Identity."),
            (Self::Imds, None, [only]) => Ok(only),
            (Self::Imds, None, []) => Err("Identity not found"),
            (Self::Imds, None, _) => Err(
                "Multiple user assigned identities exist, please specify the clientId / resourceId \
                 of the identity in the token request",
            ),
        }
    }

    fn identity_not_found(self) -> &'static str {
        match self {
            Self::AppService => {
                "No User Assigned or Delegated Managed Identity found for specified \
                 ClientId/ResourceId/PrincipalId."
            }
            Self::Imds => "Identity not found",
        }
    }

    fn refusal(self, status: StatusCode, message: &str) -> Answer {
        let body = match self {
            Self::AppService => json!({
                "statusCode": status.as_u16(),
                "message": message,
                "correlationId": random::uuid(),
            }),
            Self::Imds => json!({ "error": "invalid_request", "error_description": message }),
        };
        (status, body)
    }

    fn unknown_resource(self, resource: &str) -> Answer {
        let message = format!(
            "AADSTS500011: The resource principal named {resource} was not found in the tenant \
             named azdb-emulator. This can happen if the application has not been installed by the \
             administrator of the tenant or consented to by any user in the tenant."
        );
        match self {
            Self::AppService => self.refusal(StatusCode::BAD_REQUEST, &message),
            Self::Imds => (
                StatusCode::BAD_REQUEST,
                json!({ "error": "invalid_resource", "error_description": message }),
            ),
        }
    }

    /// All times are decimal text, as both services write them.
    fn token(self, token: &Token, identity: &ManagedIdentity, resource: &str) -> serde_json::Value {
        let mut body = json!({
            "access_token": token.access_token,
            "client_id": identity.client_id,
            "expires_on": token.expires_on.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        if self == Self::Imds {
            let lifetime = token.expires_on.saturating_sub(token.issued_at).to_string();
            body["expires_in"] = lifetime.as_str().into();
            body["ext_expires_in"] = lifetime.into();
            body["not_before"] = token.issued_at.to_string().into();
        }
        body
    }
}
