//! Every source against an endpoint on this machine that asks and answers as the real one does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod arc;
mod each;
mod endless;
mod endpoint;
mod entra;
mod families;
mod files;
mod managed;
mod picking;
mod places;
mod principal;
mod printed;
mod programs;
mod refusals;
mod service_fabric;
mod stand_in;
mod through_a_proxy;
mod workload;
mod wrong_tokens;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustls::{ClientConfig, RootCertStore};
use serde_json::json;

use super::{Surroundings, build, plan};
use crate::answer::Grant;
use crate::clock::Clock;
use crate::token::tests::jwt;
use crate::whereabouts::Whereabouts;
use crate::{Audience, Cloud, Environment, IdentityConfig, SourceKind, TokenError};

const CLIENT_ID: &str = "9a3f0000-0000-0000-0000-00000000c11e";
const OBJECT_ID: &str = "9a3f0000-0000-0000-0000-000000000b1e";
const RESOURCE_ID: &str = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders";
const TENANT: &str = "72f988bf-0000-0000-0000-000000000000";

fn audience() -> Audience {
    Cloud::Public.oss_rdbms_audience()
}

fn of(source: SourceKind) -> IdentityConfig {
    IdentityConfig {
        source,
        ..IdentityConfig::default()
    }
}

/// Seconds since 1970, `after` from now.
fn epoch(after: Duration) -> u64 {
    let moment = SystemTime::now() + after;
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A token as a managed identity gets it.
fn token_of(client_id: &str, object_id: &str, resource_id: &str) -> String {
    jwt(&json!({
        "aud": audience().as_str(),
        "iss": format!("https://sts.windows.net/{TENANT}/"),
        "appid": client_id,
        "oid": object_id,
        "xms_mirid": resource_id,
        "exp": epoch(Duration::from_secs(86_400)),
    }))
}

/// A TLS configuration that trusts nothing but `roots`.
fn tls(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Surroundings that have these variables and nothing else.
fn around<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Surroundings {
    around_with(variables, tls(RootCertStore::empty()))
}

fn around_with<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    tls: Arc<ClientConfig>,
) -> Surroundings {
    let nowhere = PathBuf::from("/nonexistent");
    let environment = Environment::from_iter(variables);
    Surroundings {
        on_terminal: false,
        // By variables alone, wherever the tests run.
        whereabouts: Whereabouts::told(&environment).unwrap_or_default(),
        arc_agent: nowhere.join("himds"),
        arc_keys: nowhere,
        ..Surroundings::new(environment, tls, Clock::system())
    }
}

/// Plans, builds and asks once.
async fn fetch(identity: &IdentityConfig, around: &Surroundings) -> Result<Grant, TokenError> {
    let (plan, _why) = plan(identity, &audience(), around)?;
    build(&plan, around).fetch(&audience()).await
}

fn refused(outcome: Result<Grant, TokenError>) -> TokenError {
    match outcome {
        Ok(_) => panic!("a token came"),
        Err(error) => error,
    }
}

/// A directory of this test that goes when it ends.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("azdb-identity-{name}-{process}-{number}"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A program that is a shell script. Another process writes it: if it were open for writing here, another test's child
    /// could inherit that, and a file that somebody may write is not run.
    #[cfg(unix)]
    fn program(&self, name: &str, script: &str) -> String {
        let path = self.0.join(name).to_str().unwrap().to_owned();
        let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
        let mut shell = std::process::Command::new("/bin/sh");
        let written = shell.args(["-c", write, &path, script]).status();
        assert!(written.unwrap().success());
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
