//! AKS identity bindings: a token proxy of the cluster stands in for the authority.
//!
//! The platform gives its URL, the certificate authority that signs it, and the name to ask for in TLS. It passes
//! requests for the authority on, so only the address of the request changes.
//!
//! It is opt-in by variables, as in Azure's SDKs, and half of them is a mistake that is told: without the proxy the federated
//! token would go to an authority that does not know its issuer.

use std::path::Path;
use std::sync::Arc;

use azure_core::http::Url;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::file::read_secret;
use crate::fault::SourceFault;
use crate::http::{HttpFault, Line, Outgoing};
use crate::sdk::Amend;
use crate::{Environment, text};

const PROXY: &str = "AZURE_KUBERNETES_TOKEN_PROXY";
const CA_FILE: &str = "AZURE_KUBERNETES_CA_FILE";
const CA_DATA: &str = "AZURE_KUBERNETES_CA_DATA";
const SNI_NAME: &str = "AZURE_KUBERNETES_SNI_NAME";

/// What the platform says about the token proxy.
pub(super) struct Binding<'a> {
    proxy: Url,
    ca_file: Option<&'a str>,
    ca_data: Option<&'a str>,
    sni_name: Option<&'a str>,
}

impl<'a> Binding<'a> {
    /// `None` when there is no token proxy.
    pub(super) fn of(environment: &'a Environment) -> Result<Option<Self>, SourceFault> {
        let [ca_file, ca_data, sni_name] =
            [CA_FILE, CA_DATA, SNI_NAME].map(|name| environment.get(name));
        let Some(proxy) = environment.get(PROXY) else {
            return match ca_file.or(ca_data).or(sni_name) {
                None => Ok(None),
                Some(_) => Err(wrong(format!("{PROXY} is not set, but its companions are"))),
            };
        };
        if ca_file.is_some() && ca_data.is_some() {
            return Err(wrong(format!("{CA_FILE} and {CA_DATA} exclude each other")));
        }
        let proxy =
            Url::parse(proxy).map_err(|error| wrong(format!("{PROXY} is not a URL: {error}")))?;
        let is_plain = proxy.username().is_empty() && proxy.password().is_none();
        if proxy.scheme() != "https" || proxy.host_str().is_none() || !is_plain {
            return Err(wrong(format!("{PROXY} is not a plain https URL")));
        }
        Ok(Some(Self {
            proxy,
            ca_file,
            ca_data,
            sni_name,
        }))
    }

    /// The way to the proxy, and what to change about a request to the authority.
    pub(super) async fn line(self, usual: &Line) -> Result<(Line, Amend), SourceFault> {
        let pem = match (self.ca_file, self.ca_data) {
            // The file is replaced when the authority changes, so it is read for each token.
            (Some(path), _) => Some(
                read_secret(
                    "the authority of the cluster's token proxy in",
                    Path::new(path),
                )
                .await?
                .to_vec(),
            ),
            (None, Some(data)) => Some(data.as_bytes().to_vec()),
            (None, None) => None,
        };
        let tls = match pem {
            Some(pem) => trusting(&usual.tls, &pem)?,
            None => Arc::clone(&usual.tls),
        };
        let verify_as = match self.sni_name {
            Some(name) => {
                let name = ServerName::try_from(name.to_owned());
                Some(name.map_err(|_| wrong(format!("{SNI_NAME} is not a host name")))?)
            }
            None => None,
        };
        let proxy = self.proxy;
        let amend = move |mut request: Outgoing| {
            request.url = through(&proxy, &request.url).ok_or(HttpFault::BadUrl)?;
            Ok(request)
        };
        let line = Line {
            tls,
            verify_as,
            // The token proxy is in the cluster, and asked directly: the usual line has no proxy.
            ..usual.clone()
        };
        Ok((line, Box::new(amend)))
    }
}

/// The path of `asked`, below the path of `proxy`.
fn through(proxy: &Url, asked: &Url) -> Option<Url> {
    let mut url = proxy.clone();
    let path = format!("{}{}", proxy.path().trim_end_matches('/'), asked.path());
    url.set_path(&path);
    url.set_query(asked.query());
    url.set_fragment(None);
    url.host_str().is_some().then_some(url)
}

/// The caller's TLS configuration with these roots and no others.
fn trusting(tls: &ClientConfig, pem: &[u8]) -> Result<Arc<ClientConfig>, SourceFault> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text::unmarked(pem)) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        added.map_err(|error| {
            wrong(format!(
                "the certificates of the token proxy cannot be used: {error}"
            ))
        })?;
    }
    if roots.is_empty() {
        return Err(wrong(
            "there is no certificate for the token proxy".to_owned(),
        ));
    }
    let provider = Arc::clone(tls.crypto_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("no TLS for the token proxy: {error}")))?;
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}

fn wrong(cause: String) -> SourceFault {
    let remedy =
        "check the AKS identity binding of this pod, or unset the AZURE_KUBERNETES_ variables";
    SourceFault::Setup { cause, remedy }
}
