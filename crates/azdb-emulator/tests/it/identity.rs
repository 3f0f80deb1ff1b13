//! The identity endpoint, asked by a plain HTTP client.

use azdb_emulator::issuer::Rejected;
use azdb_emulator::{
    Behaviour, Emulator, EmulatorOptions, Flaw, ManagedIdentity, OSSRDBMS_AUDIENCE, Shape,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{emulator, identity};

const APP: &str = "/msi/token?api-version=2019-08-01";
const IMDS: &str = "/metadata/identity/oauth2/token?api-version=2018-02-01";
const RESOURCE: &str = "&resource=https%3A%2F%2Fossrdbms-aad.database.windows.net";
const METADATA: &str = "Metadata: true";

/// Status and JSON body; `None` when the connection closed without an answer.
async fn asked(stream: TcpStream, target: &str, header: &str) -> Option<(u16, Value)> {
    let mut stream = stream;
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, serde_json::from_str(body).unwrap()))
}

async fn tcp(azure: &Emulator) -> TcpStream {
    let address = azure.identity().address();
    TcpStream::connect(address).await.unwrap()
}

/// The answer to a good request to one of the two services, and `more`.
async fn token(azure: &Emulator, service: &str, more: &str) -> (u16, Value) {
    let header = match service {
        APP => format!("X-IDENTITY-HEADER: {}", azure.identity().secret()),
        _ => METADATA.to_owned(),
    };
    let target = format!("{service}{RESOURCE}{more}");
    asked(tcp(azure).await, &target, &header).await.unwrap()
}

fn object_id(azure: &Emulator, body: &Value) -> String {
    let token = body["access_token"].as_str().unwrap();
    azure.issuer().verify(token, OSSRDBMS_AUDIENCE).unwrap().oid
}

/// Two user-assigned identities, and perhaps a system-assigned one.
async fn identities(with_system: bool) -> Emulator {
    let mut options = EmulatorOptions::default();
    options.identities.truncate(usize::from(with_system));
    let more = ["first", "second"].map(ManagedIdentity::user_assigned);
    options.identities.extend(more);
    Emulator::start(options).await.unwrap()
}

#[tokio::test]
async fn each_service_answers_in_its_own_shape() {
    let azure = emulator().await;
    let (status, body) = token(&azure, APP, "").await;
    assert_eq!(status, 200);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["resource"], OSSRDBMS_AUDIENCE);
    let access_token = body["access_token"].as_str().unwrap();
    let claims = azure.issuer().verify(access_token, OSSRDBMS_AUDIENCE);
    let claims = claims.unwrap();
    assert_eq!(body["expires_on"], claims.exp.to_string());
    assert_eq!(body["client_id"], claims.appid);
    assert!(body.get("expires_in").is_none());

    let (status, body) = token(&azure, IMDS, "").await;
    assert_eq!((status, &body["expires_in"]), (200, &"86400".into()));
    assert_eq!(object_id(&azure, &body), identity(&azure).object_id);
}

#[tokio::test]
async fn identities_are_chosen_by_the_selectors_of_the_service() {
    let azure = identities(true).await;
    let [system, _, second] = azure.identity().identities() else {
        panic!("three identities");
    };
    let resource_id = second.resource_id.replace('/', "%2F");
    for (service, selector, id, chosen) in [
        (APP, "client_id", &second.client_id, second),
        (APP, "object_id", &second.object_id, second),
        (APP, "principal_id", &second.object_id, second),
        (APP, "mi_res_id", &resource_id, second),
        (IMDS, "msi_res_id", &resource_id, second),
        // A selector of the other service is not looked at.
        (APP, "msi_res_id", &resource_id, system),
        (IMDS, "mi_res_id", &resource_id, system),
    ] {
        let (status, body) = token(&azure, service, &format!("&{selector}={id}")).await;
        assert_eq!(status, 200, "{selector}");
        assert_eq!(object_id(&azure, &body), chosen.object_id, "{selector}");
    }
}

#[tokio::test]
async fn refusals_have_the_shape_and_words_of_their_service() {
    let azure = identities(false).await;
    let secret = format!("X-IDENTITY-HEADER: {}", azure.identity().secret());
    let named = format!("{RESOURCE}&client_id=unknown");
    for (service, more, header, words) in [
        (APP, "", &*secret, "Required query variable"),
        (APP, &*named, &secret, "No User Assigned or Delegated"),
        (APP, RESOURCE, &secret, "Unable to load the proper"),
        (IMDS, RESOURCE, "Metadata: True", "Required metadata"),
        (IMDS, &named, METADATA, "Identity not found"),
        (IMDS, RESOURCE, METADATA, "Multiple user assigned"),
    ] {
        let target = format!("{service}{more}");
        let answer = asked(tcp(&azure).await, &target, header).await;
        let (status, body) = answer.unwrap();
        let field = match service {
            APP => "message",
            _ => "error_description",
        };
        assert_eq!(status, 400, "{target}");
        assert!(body[field].as_str().unwrap().starts_with(words), "{body}");
    }
    let target = format!("{APP}{RESOURCE}");
    let answer = asked(tcp(&azure).await, &target, "X-IDENTITY-HEADER: guess").await;
    assert_eq!(answer.unwrap().0, 401);
    let azure = emulator().await;
    let target = format!("{IMDS}&resource=https%3A%2F%2Fx");
    let answer = asked(tcp(&azure).await, &target, METADATA).await;
    let (_, body) = answer.unwrap();
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with("AADSTS500011"), "{body}");
}

#[tokio::test]
async fn endpoint_answers_hangs_and_waits_as_it_is_told() {
    let azure = emulator().await;
    let told = Behaviour::status(429, "{}");
    azure.identity().set_default(told);
    let hold = azure.identity().hold();
    let held = tokio::spawn(asked(tcp(&azure).await, "/msi/token", METADATA));
    azure.identity().requested(1).await;
    assert!(!held.is_finished());
    drop(hold);
    assert_eq!(held.await.unwrap().unwrap().0, 429);

    azure.identity().set_default(Behaviour::Hang);
    let hanging = tokio::spawn(asked(tcp(&azure).await, "/msi/token", METADATA));
    azure.identity().requested(2).await;
    azure.shutdown().await;
    assert_eq!(hanging.await.unwrap(), None);
}

#[tokio::test]
async fn requests_are_recorded_and_nothing_shows_a_secret() {
    let azure = emulator().await;
    let _ = token(&azure, APP, "&client_id=a%20b").await;
    let requests = azure.identity().requests();
    let request = requests.first().unwrap();
    assert_eq!((&*request.method, &*request.path), ("GET", "/msi/token"));
    assert_eq!(request.parameter("client_id"), Some("a b"));
    let secret = azure.identity().secret();
    assert_eq!(request.header("x-identity-header"), Some(secret));
    assert!(!format!("{request:?}").contains(secret));
    let token = azure.issuer().issue(identity(&azure), OSSRDBMS_AUDIENCE);
    let shown = format!("{:?}", token.unwrap());
    assert!(!shown.contains("eyJ"), "{shown}");
}

#[tokio::test]
async fn tokens_are_as_wrong_and_long_as_wished() {
    let azure = emulator().await;
    let issuer = azure.issuer();
    for (flaw, rejected) in [
        (Flaw::Expired, Rejected::Expired),
        (Flaw::WrongAudience, Rejected::Audience),
        (Flaw::ForeignSignature, Rejected::Foreign),
    ] {
        issuer.script(1, flaw);
        let (_, body) = token(&azure, APP, "").await;
        let verdict = issuer.verify(body["access_token"].as_str().unwrap(), OSSRDBMS_AUDIENCE);
        assert_eq!(verdict.unwrap_err(), rejected);
    }
    let shape = Shape::default();
    for size in [2_000, 2_001, 2_002, 2_003, 9_999, 30_000, 60_000] {
        let issued = issuer.issue_as(identity(&azure), OSSRDBMS_AUDIENCE, Shape { size, ..shape });
        let token = issued.unwrap().access_token;
        let length = token.len();
        assert!((size..=size + 2).contains(&length), "{size}: {length}");
        issuer.verify(&token, OSSRDBMS_AUDIENCE).unwrap();
    }
}
