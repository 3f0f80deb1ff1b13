//! How azure_identity works for us: it says what to ask, we ask it and read the answer.
//!
//! ```text
//!   source            azure_identity credential         Carrier                endpoint
//!     | -- get_token ------>  |                            |                       |
//!     |                       | -- execute_request ------> | -- amended request -> |
//!     |                       |                            | <----- answer ------- |
//!     | <---------------- the raw answer ----------------- |
//!     |   (the credential's future is dropped here)
//! ```
//!
//! The credential never sees an answer. Its own readers want fields that endpoints leave out, ignore `refresh_in`,
//! and keep copies that nobody wipes; its cache returns errors while a token is still good; its retries last 72
//! seconds and cannot be turned off. All of that is ours (`answer`, `keeper`), so the first answer ends its work.
//! A credential is made for each question and thrown away after it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::credentials::TokenCredential;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Transport};
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::oneshot;

use crate::Audience;
use crate::fault::{SourceFault, first_line};
use crate::http::{Answer, HttpFault, Line, Outgoing};

/// What has to be changed about the credential's request before it leaves.
pub(crate) type Amend = Box<dyn Fn(Outgoing) -> Result<Outgoing, HttpFault> + Send + Sync>;

/// Nothing has to be changed.
pub(crate) fn as_it_is() -> Amend {
    Box::new(Ok)
}

/// A transport for one question: the options go into the credential, the other half to [`ask`].
pub(crate) fn line_out(line: &Line, amend: Amend) -> (ClientOptions, Reply) {
    let (reply, replied) = oneshot::channel();
    let carrier = Carrier {
        line: line.clone(),
        amend,
        reply: Mutex::new(Some(reply)),
    };
    let options = ClientOptions {
        transport: Some(Transport::new(Arc::new(carrier))),
        ..ClientOptions::default()
    };
    (options, Reply(replied))
}

/// Lets `credential` ask for a token, and returns what the endpoint answered.
pub(crate) async fn ask(
    credential: &dyn TokenCredential,
    audience: &Audience,
    reply: Reply,
) -> Result<Answer, SourceFault> {
    let scope = audience.scope();
    let scopes = [scope.as_str()];
    tokio::select! {
        biased;
        Ok((endpoint, answer)) = reply.0 => answer.map_err(|source| SourceFault::Http { endpoint, source }),
        ended = credential.get_token(&scopes, None) => Err(match ended {
            Err(error) => refused(&error),
            // The carrier never lets an answer through.
            Ok(_) => SourceFault::Unreadable { what: "a token without an answer".to_owned() },
        }),
    }
}

/// The credential would not even ask.
pub(crate) fn refused(error: &azure_core::Error) -> SourceFault {
    SourceFault::Setup {
        cause: first_line(&error.to_string()),
        remedy: "check the identity's configuration and the AZURE_ variables of this process",
    }
}

/// Where the answer arrives.
pub(crate) struct Reply(oneshot::Receiver<Replied>);

type Replied = (String, Result<Answer, HttpFault>);

struct Carrier {
    line: Line,
    amend: Amend,
    reply: Mutex<Option<oneshot::Sender<Replied>>>,
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier")
    }
}

impl Carrier {
    async fn carry(&self, request: &azure_core::http::Request) -> Replied {
        let asked = endpoint(request.url());
        let outgoing = match plain(request).and_then(&self.amend) {
            Ok(outgoing) => outgoing,
            Err(fault) => return (asked, Err(fault)),
        };
        (endpoint(&outgoing.url), self.line.exchange(outgoing).await)
    }
}

#[async_trait::async_trait]
impl HttpClient for Carrier {
    async fn execute_request(
        &self,
        request: &azure_core::http::Request,
    ) -> azure_core::Result<AsyncRawResponse> {
        let reply = self.carry(request).await;
        let waiting = self
            .reply
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waiting) = waiting {
            // Nobody listens any more when the question was given up.
            let _ = waiting.send(reply);
        }
        std::future::pending().await
    }
}

/// The SDK's request in hyper's terms.
fn plain(request: &azure_core::http::Request) -> Result<Outgoing, HttpFault> {
    let method = request.method().as_str().as_bytes();
    let mut outgoing = Outgoing::get(request.url().clone());
    outgoing.method = hyper::Method::from_bytes(method).map_err(|_| HttpFault::BadUrl)?;
    outgoing.body = request.body().into();
    for (name, value) in request.headers().iter() {
        let name =
            HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|_| HttpFault::BadHeader)?;
        let value = HeaderValue::from_str(value.as_str()).map_err(|_| HttpFault::BadHeader)?;
        outgoing.headers.insert(name, value);
    }
    Ok(outgoing)
}

/// The part of a URL that may be shown: no query, no user information.
pub(crate) fn endpoint(url: &azure_core::http::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use azdb_quote::Chain;
    use azure_core::http::StatusCode;
    use azure_core::http::headers::Headers;
    use azure_identity::{ClientAssertionCredentialOptions, WorkloadIdentityCredentialOptions};

    use super::*;

    /// An authority that refuses.
    #[derive(Debug)]
    struct Refusing;

    #[async_trait::async_trait]
    impl HttpClient for Refusing {
        async fn execute_request(
            &self,
            _: &azure_core::http::Request,
        ) -> azure_core::Result<AsyncRawResponse> {
            let said = r#"{"error":"invalid_client","error_description":"AADSTS1: no"}"#;
            let (status, headers) = (StatusCode::BadRequest, Headers::new());
            Ok(AsyncRawResponse::from_bytes(status, headers, said))
        }
    }

    #[tokio::test]
    async fn nobody_is_sent_to_the_librarys_manual() {
        let name = format!("azdb-identity-manual-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, "an assertion").unwrap();
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::new(Refusing))),
            ..ClientOptions::default()
        };
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options },
            tenant_id: Some("00000000-0000-0000-0000-000000000001".to_owned()),
            client_id: Some("00000000-0000-0000-0000-000000000002".to_owned()),
            token_file_path: Some(file.clone()),
        };
        let credential = azure_identity::WorkloadIdentityCredential::new(Some(options)).unwrap();
        let asked = credential.get_token(&["https://example.org/.default"], None);
        let error = asked.await.unwrap_err();
        std::fs::remove_file(&file).unwrap();
        let said = error.to_string();
        assert!(said.contains('\n') && said.contains("https://"), "{said}");
        for shown in [
            Chain(&refused(&error)).to_string(),
            Chain(&error).to_string(),
        ] {
            assert!(shown.contains("AADSTS1: no"), "{shown}");
            assert!(!shown.contains("https://"), "{shown}");
        }
    }
}
