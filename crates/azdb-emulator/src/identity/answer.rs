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
    let served = service.serve(request, secret, identities, issuer);
    served.unwrap_or_else(|refusal| refusal)
}

impl Service {
    fn serve(
        self,
        request: &Recorded,
        secret: &str,
        identities: &[ManagedIdentity],
        issuer: &Issuer,
    ) -> Result<Answer, Answer> {
        if request.method != "GET" {
            return Err(self.refusal(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"));
        }
        self.check_caller(request, secret)?;
        self.check_version(request)?;
        let resource = request.parameter("resource");
        let resource = resource.filter(|resource| !resource.is_empty());
        let resource =
            resource.ok_or_else(|| self.bad("Required query variable 'resource' is missing"))?;
        let identity = self
            .select(request, identities)
            .map_err(|message| self.bad(message))?;
        if !KNOWN_RESOURCES.contains(&resource.trim_end_matches('/')) {
            return Err(self.unknown_resource(resource));
        }
        let token = issuer.issue(identity, resource).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "no token");
            self.refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
        })?;
        Ok((StatusCode::OK, self.token(&token, identity, resource)))
    }

    /// Both services ask for a header that a browser or a naive forwarder would not send.
    fn check_caller(self, request: &Recorded, secret: &str) -> Result<(), Answer> {
        match self {
            Self::AppService if request.header("x-identity-header") != Some(secret) => {
                let message = "The X-IDENTITY-HEADER header is missing or wrong.";
                Err(self.refusal(StatusCode::UNAUTHORIZED, message))
            }
            Self::Imds if request.header("metadata") != Some("true") => {
                Err(self.bad("Required metadata header not specified"))
            }
            _ => Ok(()),
        }
    }

    fn check_version(self, request: &Recorded) -> Result<(), Answer> {
        let version = request.parameter("api-version").unwrap_or_default();
        match self {
            Self::AppService if version != "2019-08-01" => {
                Err(self.bad("Unsupported api-version; use 2019-08-01."))
            }
            Self::Imds if version < "2018-02-01" => Err((
                StatusCode::BAD_REQUEST,
                json!({
                    "error": "Bad request. api-version is invalid or was not specified in the request.",
                    "newest-versions": ["2018-02-01", "2019-08-01"],
                }),
            )),
            _ => Ok(()),
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
            let id: fn(&ManagedIdentity) -> &str = match key.as_str() {
                "client_id" => |identity| &identity.client_id,
                "object_id" => |identity| &identity.object_id,
                "principal_id" if self == Self::AppService => |identity| &identity.object_id,
                name if name == resource_id => |identity| &identity.resource_id,
                _ => return None,
            };
            let mut identities = identities.iter();
            Some(identities.find(|identity| id(identity).eq_ignore_ascii_case(value)))
        });
        match (named, self) {
            (Some(Some(identity)), _) => Ok(identity),
            (None, _) => self.unnamed(identities),
            (Some(None), Self::Imds) => Err("Identity not found"),
            (Some(None), Self::AppService) => Err(
                "No User Assigned or Delegated Managed Identity found for specified \
                 ClientId/ResourceId/PrincipalId.",
            ),
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

    fn bad(self, message: &str) -> Answer {
        self.refusal(StatusCode::BAD_REQUEST, message)
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
            Self::AppService => self.bad(&message),
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
