//! Why there is no TLS with an upstream: causes that look alike in a log and have each another remedy.

use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError, PeerIncompatible};

use super::Kind;

/// A verifier's word for a certificate that has signed itself.
#[derive(Debug, thiserror::Error)]
#[error("self-signed")]
pub(crate) struct SelfSigned;

/// What is wrong with an upstream's TLS. Nothing secret was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFlaw {
    /// The certificate's time is over.
    #[error("its certificate has expired")]
    Expired(#[source] io::Error),

    /// The certificate's time has not come, or the clock here is wrong.
    #[error("its certificate is not valid yet")]
    NotYetValid(#[source] io::Error),

    /// The certificate is from before there were extensions, and not pinned.
    #[error("its certificate is one of X.509 version 1")]
    FirstVersion(#[source] io::Error),

    /// Nobody who is trusted here has signed the certificate.
    #[error("its certificate is of an authority that is not trusted here")]
    UnknownAuthority(#[source] io::Error),

    /// The certificate has signed itself, and nobody here has pinned it. The source would say the same again.
    #[error("it shows its own certificate, which nobody else has signed and nobody here knows")]
    SelfSigned(io::Error),

    /// The certificate is for somebody else.
    #[error("its certificate is for another name")]
    OtherName(#[source] io::Error),

    /// The certificate is good for nothing that we ask of it.
    #[error("its certificate cannot be used")]
    Unusable(#[source] io::Error),

    /// It speaks TLS 1.1 at most.
    #[error("it speaks neither TLS 1.2 nor 1.3")]
    OldVersion(#[source] io::Error),

    /// It speaks a version that we speak, with nothing else in common.
    #[error("it has no cipher in common with us")]
    NoCommonCipher(#[source] io::Error),

    /// It does not know TLS that comes without being asked for.
    #[error("it chose no protocol by ALPN")]
    NoAlpn,

    /// The connection broke in the middle.
    #[error("the connection broke in the handshake")]
    BrokenOff(#[source] io::Error),

    /// Anything else.
    #[error("the handshake failed")]
    Failed(#[source] io::Error),
}

impl TlsFlaw {
    /// What a handshake that ended so means.
    pub(crate) fn of(error: io::Error) -> Self {
        let said = error.get_ref().and_then(|inner| inner.downcast_ref());
        let flaw = match said {
            None if is_break(&error) => Self::BrokenOff,
            Some(TlsError::InvalidCertificate(why)) => of_certificate(why),
            Some(
                TlsError::PeerIncompatible(
                    PeerIncompatible::ServerDoesNotSupportTls12Or13
                    | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
                )
                | TlsError::AlertReceived(AlertDescription::ProtocolVersion),
            ) => Self::OldVersion,
            Some(
                TlsError::PeerIncompatible(_)
                | TlsError::AlertReceived(
                    AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
                ),
            ) => Self::NoCommonCipher,
            _ => Self::Failed,
        };
        flaw(error)
    }

    /// Whether it is the certificate that does not stand up.
    pub(super) fn is_of_the_certificate(&self) -> bool {
        match self {
            Self::Expired(_)
            | Self::NotYetValid(_)
            | Self::FirstVersion(_)
            | Self::UnknownAuthority(_)
            | Self::SelfSigned(_)
            | Self::OtherName(_)
            | Self::Unusable(_) => true,
            Self::OldVersion(_)
            | Self::NoCommonCipher(_)
            | Self::NoAlpn
            | Self::BrokenOff(_)
            | Self::Failed(_) => false,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Expired(_) | Self::OldVersion(_) | Self::NoCommonCipher(_) => Kind::Upstream,
            Self::NotYetValid(_)
            | Self::FirstVersion(_)
            | Self::UnknownAuthority(_)
            | Self::SelfSigned(_)
            | Self::OtherName(_)
            | Self::Unusable(_)
            | Self::NoAlpn => Kind::Configuration,
            Self::BrokenOff(_) | Self::Failed(_) => Kind::Network,
        }
    }

    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Expired(_) => {
                "let whoever runs the server renew its certificate; if it is a new one, check this machine's clock"
            }
            Self::NotYetValid(_) => "check this machine's clock, and the server's certificate",
            Self::FirstVersion(_) => {
                "put this very certificate into upstream_ca_file, or give the server one of version 3"
            }
            Self::UnknownAuthority(_) => {
                "set upstream_ca_file to the authority that signed the certificate, or have this machine trust it (Windows: certlm.msc, or as \
                 administrator certutil -addstore Root FILE); an authority that nobody here knows may also be a firewall that opens TLS"
            }
            Self::SelfSigned(_) => {
                "put it in upstream_ca_file, copied from the server's own files (PostgreSQL's server.crt) and not from this connection; \
                 Azure shows none like it, so before a server of Azure's it is a firewall that opens TLS"
            }
            Self::OtherName(_) => {
                "write the upstream by a name that its certificate carries, and where to dial into connect_to; or set \
                 upstream_tls_name to that name"
            }
            Self::Unusable(_) => {
                "put this very certificate into upstream_ca_file, or give the server one that a TLS client takes"
            }
            Self::OldVersion(_) => {
                "turn TLS 1.2 or 1.3 on at the server; nothing older is spoken here"
            }
            Self::NoCommonCipher(_) => {
                "let the server offer ciphers with forward secrecy and AEAD, AES-GCM for example"
            }
            Self::NoAlpn => {
                "take upstream_tls_first out of the route: this server does not speak TLS before it is asked to"
            }
            Self::BrokenOff(_) => {
                "look for a firewall between here and the server that lets no TLS through, and into the server's log"
            }
            Self::Failed(_) => {
                "check that the upstream is a server of the route's protocol, and its name"
            }
        }
    }
}

/// Whether the connection itself has gone.
pub(super) fn is_break(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}

/// How Windows' verdict ends that a chain leads to no authority that it knows (`CERT_E_CHAINING`), of a server that does not show the authority's own
/// certificate, as most do not. Its verifier has no other word for it.
const CHAINING: &str = "(os error -2146762486)";

/// What the verifier's verdict means.
fn of_certificate(why: &CertificateError) -> fn(io::Error) -> TlsFlaw {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFlaw::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFlaw::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFlaw::OtherName
        }
        // Two authorities of one name have two keys.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsFlaw::UnknownAuthority
        }
        CertificateError::Other(other) if other.to_string().ends_with(CHAINING) => {
            TlsFlaw::UnknownAuthority
        }
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => TlsFlaw::SelfSigned,
        // webpki's word, which rustls hands on as it is.
        CertificateError::Other(other) if other.to_string() == "UnsupportedCertVersion" => {
            TlsFlaw::FirstVersion
        }
        _ => TlsFlaw::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_chain_that_windows_cannot_end_is_of_an_unknown_authority() {
        let of = |verdict: &str| {
            let verdict = rustls::OtherError(Arc::new(io::Error::other(verdict.to_owned())));
            let error = TlsError::InvalidCertificate(CertificateError::Other(verdict));
            TlsFlaw::of(io::Error::new(io::ErrorKind::InvalidData, error))
        };
        let chaining = of("A certificate chain could not be built (os error -2146762486)");
        assert!(
            matches!(chaining, TlsFlaw::UnknownAuthority(_)),
            "{chaining:?}"
        );
        let other = of("The revocation process could not continue (os error -2146762482)");
        assert!(matches!(other, TlsFlaw::Unusable(_)), "{other:?}");
    }
}
