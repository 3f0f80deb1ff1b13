//! The identity endpoint, asked by a plain HTTP client.

use std::net::SocketAddr;
use std::time::Duration;

use azdb_emulator::issuer::Rejected;
use azdb_emulator::{
    Behaviour, Emulator, EmulatorOptions, Flaw, ManagedIdentity, OSSRDBMS_AUDIENCE, Shape,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::emulator;

const RESOURCE: &str = "resource=https%3A%2F%2Fossrdbms-aad.database.windows.net";

/// Status, head and JSON body; `None` when the connection closed without an answer.
async fn get(
    address: SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
) -> Option<(u16, String, Value)> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap();
    Some((status, head.to_ascii_lowercase(), body))
}

async fn app_service(azure: &Emulator, more: &str) -> (u16, Value) {
    let target = format!("/msi/token?api-version=2019-08-01&{RESOURCE}{more}");
    let headers = [("X-IDENTITY-HEADER", azure.identity().secret())];
    let answer = get(azure.identity().address(), &target, &headers).await;
    let (status, _, body) = answer.unwrap();
    (status, body)
}

async fn imds(azure: &Emulator, more: &str) -> (u16, Value) {
    let target = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{RESOURCE}{more}");
    let answer = get(azure.identity().address(), &target, &[("Metadata", "true")]).await;
    let (status, _, body) = answer.unwrap();
    (status, body)
}

fn object_id(azure: &Emulator, body: &Value) -> String {
    let token = body["access_token"].as_str().unwrap();
    azure.issuer().verify(token, OSSRDBMS_AUDIENCE).unwrap().oid
}

/// One system-assigned identity and two user-assigned ones.
async fn three_identities() -> Emulator {
    let mut options = EmulatorOptions::default();
    options.identities.extend([
        ManagedIdentity::user_assigned("first"),
        ManagedIdentity::user_assigned("second"),
    ]);
    Emulator::start(options).await.unwrap()
}

#[tokio::test]
async fn app_service_answers_with_text_times() {
    let azure = emulator().await;
    let (status, body) = app_service(&azure, "").await;
    assert_eq!(status, 200);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["resource"], OSSRDBMS_AUDIENCE);
    let expires_on: u64 = body["expires_on"].as_str().unwrap().parse().unwrap();
    let token = body["access_token"].as_str().unwrap();
    let claims = azure.issuer().verify(token, OSSRDBMS_AUDIENCE).unwrap();
    assert_eq!(claims.exp, expires_on);
    assert_eq!(claims.appid, body["client_id"].as_str().unwrap());
    assert_eq!(claims.idtyp, "app");
    assert!(body.get("expires_in").is_none());
}

#[tokio::test]
async fn imds_answers_with_lifetime() {
    let azure = emulator().await;
    let (status, body) = imds(&azure, "").await;
    assert_eq!(status, 200);
    assert_eq!(body["expires_in"], "86400");
    object_id(&azure, &body);
}

#[tokio::test]
async fn identities_are_chosen_by_every_selector() {
    let azure = three_identities().await;
    let second = azure.identity().identities().get(2).unwrap().clone();
    let resource_id = second.resource_id.replace('/', "%2F");
    for selector in [
        format!("&client_id={}", second.client_id),
        format!("&object_id={}", second.object_id),
        format!("&principal_id={}", second.object_id),
        format!("&mi_res_id={resource_id}"),
    ] {
        let (status, body) = app_service(&azure, &selector).await;
        assert_eq!(status, 200, "{selector}");
        assert_eq!(object_id(&azure, &body), second.object_id, "{selector}");
    }
    let (_, body) = imds(&azure, &format!("&msi_res_id={resource_id}")).await;
    assert_eq!(object_id(&azure, &body), second.object_id);
}

#[tokio::test]
async fn selector_of_the_other_service_yields_the_system_identity() {
    let azure = three_identities().await;
    let (system, second) = match azure.identity().identities() {
        [system, _, second] => (system, second),
        other => panic!("{other:?}"),
    };
    let resource_id = second.resource_id.replace('/', "%2F");
    let (_, body) = app_service(&azure, &format!("&msi_res_id={resource_id}")).await;
    assert_eq!(object_id(&azure, &body), system.object_id);
    let (_, body) = imds(&azure, &format!("&mi_res_id={resource_id}")).await;
    assert_eq!(object_id(&azure, &body), system.object_id);
}

#[tokio::test]
async fn unknown_and_ambiguous_identities_are_refused_in_each_shape() {
    let options = EmulatorOptions {
        identities: vec![
            ManagedIdentity::user_assigned("first"),
            ManagedIdentity::user_assigned("second"),
        ],
        ..EmulatorOptions::default()
    };
    let azure = Emulator::start(options).await.unwrap();

    let (status, body) = app_service(&azure, "&client_id=unknown").await;
    assert_eq!((status, body["statusCode"].as_u64()), (400, Some(400)));
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with("No User Assigned or Delegated Managed Identity found"));
    let (status, body) = app_service(&azure, "").await;
    assert_eq!(status, 400);
    assert_eq!(
        body["message"],
        "Unable to load the proper Managed Identity."
    );

    let (status, body) = imds(&azure, "&client_id=unknown").await;
    assert_eq!((status, &body["error"]), (400, &"invalid_request".into()));
    assert_eq!(body["error_description"], "Identity not found");
    let (status, body) = imds(&azure, "").await;
    assert_eq!(status, 400);
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with("Multiple user assigned identities exist"));
}

#[tokio::test]
async fn callers_without_their_header_are_refused() {
    let azure = emulator().await;
    let address = azure.identity().address();
    let target = format!("/msi/token?api-version=2019-08-01&{RESOURCE}");
    for headers in [&[][..], &[("X-IDENTITY-HEADER", "guess")]] {
        let (status, _, body) = get(address, &target, headers).await.unwrap();
        assert_eq!(status, 401);
        assert!(body.get("access_token").is_none());
    }
    let target = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{RESOURCE}");
    for headers in [&[][..], &[("Metadata", "True")]] {
        let (status, _, body) = get(address, &target, headers).await.unwrap();
        assert_eq!(status, 400);
        assert_eq!(
            body["error_description"],
            "Required metadata header not specified"
        );
    }
}

#[tokio::test]
async fn unknown_resource_is_an_aadsts_error() {
    let azure = emulator().await;
    let target = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fx";
    let address = azure.identity().address();
    let (status, _, body) = get(address, target, &[("Metadata", "true")]).await.unwrap();
    assert_eq!((status, &body["error"]), (400, &"invalid_resource".into()));
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with("AADSTS500011"));
}

#[tokio::test]
async fn scripted_failures_come_in_their_order() {
    let azure = emulator().await;
    let busy = Behaviour::Answer {
        status: 429,
        body: "{}".to_owned(),
        retry_after: Some(Duration::from_secs(7)),
    };
    azure.identity().script(1, busy);
    azure.identity().script(1, Behaviour::Close);
    let target = "/msi/token";
    let address = azure.identity().address();
    let (status, head, _) = get(address, target, &[]).await.unwrap();
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: 7"), "{head}");
    assert_eq!(get(address, target, &[]).await, None);
    assert_eq!(app_service(&azure, "").await.0, 200);
}

#[tokio::test]
async fn hanging_request_ends_with_the_emulator() {
    let azure = emulator().await;
    azure.identity().script(1, Behaviour::Hang);
    let address = azure.identity().address();
    let asked = tokio::spawn(async move { get(address, "/msi/token", &[]).await });
    azure.identity().requested(1).await;
    azure.shutdown().await;
    assert_eq!(asked.await.unwrap(), None);
}

#[tokio::test]
async fn held_answers_come_when_the_hold_is_dropped() {
    let azure = emulator().await;
    let hold = azure.identity().hold();
    let address = azure.identity().address();
    let asked = tokio::spawn(async move { get(address, "/nowhere", &[]).await });
    azure.identity().requested(1).await;
    assert!(!asked.is_finished());
    drop(hold);
    assert_eq!(asked.await.unwrap().unwrap().0, 404);
}

#[tokio::test]
async fn requests_are_recorded_without_showing_the_secret() {
    let azure = emulator().await;
    app_service(&azure, "&client_id=a%20b").await;
    let requests = azure.identity().requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/msi/token")
    );
    assert_eq!(request.parameter("client_id"), Some("a b"));
    let secret = azure.identity().secret();
    assert_eq!(request.header("x-identity-header"), Some(secret));
    assert!(!format!("{request:?}").contains(secret));
}

#[tokio::test]
async fn scripted_tokens_are_as_wrong_as_wished() {
    let azure = emulator().await;
    let issuer = azure.issuer();
    for (flaw, rejected) in [
        (Flaw::Expired, Rejected::Expired),
        (Flaw::WrongAudience, Rejected::Audience),
        (Flaw::ForeignSignature, Rejected::Foreign),
    ] {
        issuer.script(1, flaw);
        let (_, body) = app_service(&azure, "").await;
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(
            issuer.verify(token, OSSRDBMS_AUDIENCE).unwrap_err(),
            rejected
        );
    }
    issuer.script(
        1,
        Shape {
            lifetime: Duration::from_secs(90),
            ..Shape::default()
        },
    );
    let (_, body) = imds(&azure, "").await;
    assert_eq!(body["expires_in"], "90");
    let (_, body) = imds(&azure, "").await;
    assert_eq!(body["expires_in"], "86400");
}

#[tokio::test]
async fn tokens_have_the_wished_size() {
    let azure = emulator().await;
    let identity = azure.identity().identities().first().unwrap();
    for size in [2_000, 2_001, 2_002, 2_003, 9_999, 30_000, 60_000] {
        let shape = Shape {
            size,
            ..Shape::default()
        };
        let issued = azure.issuer().issue_as(identity, OSSRDBMS_AUDIENCE, shape);
        let token = issued.unwrap().access_token;
        assert!(
            (size..=size + 2).contains(&token.len()),
            "{size}: {}",
            token.len()
        );
        azure.issuer().verify(&token, OSSRDBMS_AUDIENCE).unwrap();
    }
}

#[tokio::test]
async fn debug_of_a_token_shows_no_token() {
    let azure = emulator().await;
    let identity = azure.identity().identities().first().unwrap();
    let token = azure.issuer().issue(identity, OSSRDBMS_AUDIENCE).unwrap();
    let shown = format!("{token:?}");
    assert!(!shown.contains("eyJ"), "{shown}");
}
