//! The agent of an Azure Arc machine. Written here because azure_identity 1.0 refuses such machines.
//!
//! ```text
//!   us                                      agent (127.0.0.1:40342)
//!    | -- GET token, Metadata: true ---------> |
//!    | <-- 401, Basic realm=/var/…/x.key ----- |   a file that only the agent's group can read
//!    |  read the file                          |
//!    | -- GET token, Basic <content> --------> |
//!    | <-------- token ----------------------- |
//! ```
//!
//! # Invariants
//!
//! * Only a `.key` file of at most 4096 bytes directly in the agent's own directory is read and sent: whoever
//!   answers on that port must not be able to make us send another file.
//! * An agent that does not know the wanted identity and gives its own instead is an error.

use std::path::{Path, PathBuf};

use azdb_quote::Quoted;
use azure_core::http::Url;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::file::read_secret;
use super::managed::{parse_url, select};
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Wanted, granted};
use crate::fault::SourceFault;
use crate::http::{Answer, HttpFault, Line, Outgoing};
use crate::identity::Chosen;
use crate::token::wiped;
use crate::{Audience, Environment, SourceKind, TokenError, sdk, text};

const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";
const API_VERSION: &str = "2020-06-01";
const LONGEST_KEY: usize = 4096;

/// Where the agent and its keys are on this system.
pub(super) fn places(environment: &Environment) -> (PathBuf, PathBuf) {
    if cfg!(windows) {
        let below = |variable, default: &str| {
            Path::new(environment.get(variable).unwrap_or(default)).to_owned()
        };
        let agent = below("ProgramFiles", r"C:\Program Files")
            .join(r"AzureConnectedMachineAgent\himds.exe");
        let keys =
            below("ProgramData", r"C:\ProgramData").join(r"AzureConnectedMachineAgent\Tokens");
        return (agent, keys);
    }
    (
        "/opt/azcmagent/bin/himds".into(),
        "/var/opt/azcmagent/tokens".into(),
    )
}

pub(super) struct AzureArc {
    endpoint: Option<String>,
    identity: Option<Chosen>,
    keys: PathBuf,
    line: Line,
}

impl AzureArc {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        let endpoint = surroundings.environment.get("IDENTITY_ENDPOINT");
        Self {
            endpoint: endpoint.map(str::to_owned),
            identity: plan.identity.clone(),
            keys: surroundings.arc_keys.clone(),
            line: surroundings.line.clone(),
        }
    }

    async fn ask(&self, audience: &Audience) -> Result<Answer, SourceFault> {
        let url = self.url(audience)?;
        let first = self.exchange(&url, None).await?;
        if first.status != 401 {
            return Ok(first);
        }
        let Some(realm) = first.challenge.as_deref().and_then(realm) else {
            return Err(SourceFault::Unreadable {
                what: "its 401 has no `WWW-Authenticate: Basic realm=…`".to_owned(),
            });
        };
        let key = self.key(Path::new(realm)).await?;
        self.exchange(&url, Some(&key)).await
    }

    fn url(&self, audience: &Audience) -> Result<Url, SourceFault> {
        let endpoint = self.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT);
        let mut url = parse_url("IDENTITY_ENDPOINT", endpoint)?;
        url.query_pairs_mut()
            .append_pair("api-version", API_VERSION)
            .append_pair("resource", audience.as_str());
        select(&mut url, self.identity.as_ref(), "msi_res_id");
        Ok(url)
    }

    async fn exchange(&self, url: &Url, key: Option<&str>) -> Result<Answer, SourceFault> {
        let endpoint = sdk::endpoint(url);
        let http = |source: HttpFault| SourceFault::Http {
            endpoint: endpoint.clone(),
            source,
        };
        let mut request = Outgoing::get(url.clone());
        request.headers.insert(
            HeaderName::from_static("metadata"),
            HeaderValue::from_static("true"),
        );
        if let Some(key) = key {
            let mut basic = Zeroizing::new(String::with_capacity("Basic ".len() + key.len()));
            basic.push_str("Basic ");
            basic.push_str(key);
            request.secret_header(AUTHORIZATION, &basic).map_err(http)?;
        }
        self.line.exchange(request).await.map_err(http)
    }

    /// The content of the file that the challenge names, if it is one that the agent may name.
    async fn key(&self, path: &Path) -> Result<Zeroizing<String>, SourceFault> {
        let ending = path.extension();
        let is_key = ending.is_some_and(|ending| is_same(Path::new(ending), Path::new("key")));
        if !is_key || !path.parent().is_some_and(|of| is_same(of, &self.keys)) {
            let what = format!(
                "its challenge names {}, which is not a key file in `{}`",
                Quoted(path.as_os_str().as_encoded_bytes()),
                self.keys.display()
            );
            return Err(SourceFault::Unreadable { what });
        }
        let content = read_secret("the Azure Arc agent's key", path).await?;
        if content.len() > LONGEST_KEY {
            let what = format!("its key file is longer than {LONGEST_KEY} bytes");
            return Err(SourceFault::Unreadable { what });
        }
        let key = text::read(&content).map_err(|not| SourceFault::Unreadable {
            what: format!("its key file cannot be used: {not}"),
        })?;
        Ok(wiped(key))
    }

    /// An older agent ignores the selector and gives the machine's own identity.
    fn confirm(&self, grant: Grant) -> Result<Grant, SourceFault> {
        match &self.identity {
            Some(asked) if !grant.confirmed => Err(SourceFault::OtherIdentity {
                asked: asked.clone(),
                got: "one that the answer does not name".to_owned(),
            }),
            _ => Ok(grant),
        }
    }
}

/// Whether two paths are the same as they are written: on Windows case does not count, nor which of the two slashes.
fn is_same(one: &Path, other: &Path) -> bool {
    let parts = |path: &Path| {
        let parts = path
            .components()
            .map(|part| part.as_os_str().to_ascii_lowercase());
        parts.collect::<Vec<_>>()
    };
    one == other || cfg!(windows) && parts(one) == parts(other)
}

/// The path in `Basic realm=PATH`.
fn realm(challenge: &str) -> Option<&str> {
    let (scheme, rest) = challenge.split_once(' ')?;
    let path = rest.trim().strip_prefix("realm=")?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then_some(path.trim_matches('"'))
}

#[async_trait::async_trait]
impl TokenSource for AzureArc {
    fn kind(&self) -> SourceKind {
        SourceKind::AzureArc
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let answer = self.ask(audience).await;
        answer
            .and_then(|answer| {
                let identity = self.identity.as_ref();
                let wanted = Wanted { audience, identity };
                let grant = granted(&answer, wanted, &self.line.clock)?;
                self.confirm(grant)
            })
            .map_err(|fault| TokenError::new(self.kind(), fault))
    }
}
