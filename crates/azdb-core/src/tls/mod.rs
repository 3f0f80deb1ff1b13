//! Certificates on both sides: what apps are shown, and what upstreams must show.
//!
//! # Invariants
//!
//! * Every configuration names its crypto provider; none depends on a process-wide default.

mod app_trust;
mod authority;
mod first_version;
mod kept;
mod local;
mod names;
mod pem_file;
mod platform;
mod resolver;
mod self_signed;
mod shown;
mod to_trust;
mod trust;
mod verifier;

use std::sync::Arc;

use rustls::{ClientConfig, SupportedProtocolVersion};

pub use app_trust::AppTrust;
pub use authority::LocalAuthority;
pub(crate) use local::AppTlsConfig;
pub use local::LocalTlsError;
pub use names::local_names;
pub use platform::PlatformRoots;
pub use shown::ShownCertificate;
pub use to_trust::ToTrust;
pub(crate) use trust::UpstreamTlsConfig;
pub use trust::{TlsConfigError, platform_client};

/// How a protocol uses TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TlsUse {
    /// Its names among the TLS ALPN protocol ids (IANA's registry); empty for one that has none.
    pub(crate) alpn: &'static [&'static [u8]],
    /// Whether handshakes go inside its packets unless TLS comes first.
    pub(crate) in_packets: bool,
    /// How its servers end their connections, and so we the app's.
    pub(crate) app_end: TlsEnd,
    /// How its clients end theirs, and so we the upstream's.
    pub(crate) upstream_end: TlsEnd,
}

/// How a connection ends that has TLS around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsEnd {
    /// With `close_notify` before the FIN, as TLS would have it: the peer knows that nothing was cut off.
    CloseNotify,
    /// With the FIN alone. Whoever looks at a connection for its end alone, and takes a byte to read for a sign of life, sees it.
    Bare,
}

/// Handshakes inside packets are of this version: with 1.3 a server's tickets come when the packets are over, and drivers of TDS 7
/// take them for something else.
pub(crate) const IN_PACKETS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// A client configuration with these versions of TLS.
fn client_builder(
    versions: &[&'static SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    match ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions) {
        Ok(builder) => builder,
        Err(_) => unreachable!("aws-lc-rs speaks TLS 1.2 and 1.3"),
    }
}

fn owned(alpn: &[&[u8]]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.to_vec()).collect()
}

/// The one crypto provider of the workspace.
pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
