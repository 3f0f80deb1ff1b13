//! Why there is no TLS with an app: what it said of our certificate and of what we speak. All it heard of us was an alert, so the log
//! must say what to do.

use std::io;

use rustls::{AlertDescription, Error as TlsError, PeerIncompatible};

use super::tls_flaw::is_break;

/// What is wrong with an app's TLS, or with ours for the app.
///
/// Libraries do not agree on what they say of a certificate. OpenSSL tells `unknown_ca` from `bad_certificate`, which is also what it and Go say of
/// a wrong name; Java says `certificate_unknown` whatever it is; Python's asyncio, Node and most drivers of SQL Server say nothing and leave; and
/// libpq and MariaDB's client compare names when the handshake is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppTlsFlaw {
    /// It does not know who signed our certificate.
    #[error("the app does not trust the authority of our certificate")]
    UnknownAuthority(#[source] io::Error),

    /// It takes our certificate for too old.
    #[error("our certificate has expired for the app")]
    Expired(#[source] io::Error),

    /// It does not take our certificate, and says no more than that.
    #[error("the app does not accept our certificate")]
    NotAccepted(#[source] io::Error),

    /// It speaks TLS 1.1 at most, of which the library that we use has none.
    #[error("the app offers no TLS 1.2 or later")]
    OldVersion(#[source] io::Error),

    /// It speaks TLS 1.3 alone where handshakes go inside packets.
    #[error("the app offers no TLS 1.2, and inside packets nothing else is spoken")]
    NewVersion(#[source] io::Error),

    /// It speaks a version that we speak, with nothing else in common.
    #[error("the app has no cipher in common with us")]
    NoCommonCipher(#[source] io::Error),

    /// It speaks TLS 1.2 without the extension that FIPS 140-3 asks for (RFC 7627): GnuTLS in its compatible mode, so FreeTDS, for one.
    #[error(
        "the app does not offer the extended master secret, which a build for FIPS 140-3 must have in TLS 1.2"
    )]
    NoExtendedSecret(#[source] io::Error),

    /// It began with TLS, and with none of our protocols in it.
    #[error("the app's TLS is for another protocol")]
    OtherProtocol(#[source] io::Error),

    /// The connection ended in the handshake, or right after it, and the app had seen our certificate then.
    #[error("the app left when it had seen our certificate")]
    LeftAtCertificate(#[source] io::Error),

    /// The connection ended in the handshake, before the app could see anything.
    #[error("the app left in the handshake")]
    BrokenOff(#[source] io::Error),

    /// Anything else.
    #[error("the handshake failed")]
    Failed(#[source] io::Error),
}

impl AppTlsFlaw {
    /// What a handshake with an app that ended so means.
    pub(crate) fn of(error: io::Error) -> Self {
        use AlertDescription as Alert;
        let said = error.get_ref().and_then(|inner| inner.downcast_ref());
        let flaw = match said {
            None if is_break(&error) => Self::BrokenOff,
            Some(TlsError::AlertReceived(Alert::UnknownCA)) => Self::UnknownAuthority,
            Some(TlsError::AlertReceived(Alert::CertificateExpired)) => Self::Expired,
            Some(TlsError::AlertReceived(
                Alert::BadCertificate
                | Alert::CertificateUnknown
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::AccessDenied,
            )) => Self::NotAccepted,
            Some(
                TlsError::NoApplicationProtocol
                | TlsError::AlertReceived(Alert::NoApplicationProtocol),
            ) => Self::OtherProtocol,
            // Old apps have not even the extension of TLS 1.2 that is looked at before the version.
            Some(
                TlsError::PeerIncompatible(
                    PeerIncompatible::Tls12NotOffered
                    | PeerIncompatible::Tls12NotOfferedOrEnabled
                    | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
                )
                | TlsError::AlertReceived(Alert::ProtocolVersion),
            ) => Self::OldVersion,
            Some(TlsError::PeerIncompatible(
                PeerIncompatible::ExtendedMasterSecretExtensionRequired,
            )) => Self::NoExtendedSecret,
            Some(
                TlsError::PeerIncompatible(_)
                | TlsError::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity),
            ) => Self::NoCommonCipher,
            _ => Self::Failed,
        };
        flaw(error)
    }

    /// The same where the handshake goes inside packets, in which TLS 1.2 alone is spoken: who knows the extension that lists versions,
    /// and has no 1.2 in it, is too new.
    pub(crate) fn in_packets(error: io::Error) -> Self {
        let said = error.get_ref().and_then(|inner| inner.downcast_ref());
        match said {
            Some(TlsError::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled)) => {
                Self::NewVersion(error)
            }
            _ => Self::of(error),
        }
    }

    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownAuthority(_) => {
                "let the app trust what `azdb-proxy ca` prints, or the authority of local_tls's cert_file where the route has one; or let it \
                 encrypt without verifying (sslmode=require, TrustServerCertificate=yes)"
            }
            Self::Expired(_) => {
                "renew the certificate in local_tls's cert_file, or check the clock of the app's machine"
            }
            Self::NotAccepted(_) => {
                "let the app trust what `azdb-proxy ca` prints, and connect by a name that the certificate has (localhost, 127.0.0.1, this machine's, and \
                 local_tls_names); or let it encrypt without verifying (sslmode=require, TrustServerCertificate=yes)"
            }
            Self::OldVersion(_) => {
                "let the app speak TLS 1.2, nothing older can be had here; or set local_tls = \"off\" for this route, if its apps \
                 come over loopback alone"
            }
            Self::NewVersion(_) => {
                "let the app speak TLS 1.2 too, or begin with TLS (encrypt=strict)"
            }
            Self::NoCommonCipher(_) => {
                "let the app offer ciphers with forward secrecy and AEAD, AES-GCM for example; or set local_tls = \"off\" for this route, \
                 if its apps come over loopback alone"
            }
            Self::NoExtendedSecret(_) => {
                "let the app's TLS library offer it (RFC 7627), or speak TLS 1.3; or set local_tls = \"off\" for this route, if its apps come \
                 over loopback alone"
            }
            Self::OtherProtocol(_) => "connect with a client of the route's protocol",
            Self::LeftAtCertificate(_) => {
                "see the app's own log: most that leave so do not trust what `azdb-proxy ca` prints, or ask for a name that the \
                 certificate has not (it has localhost, 127.0.0.1, this machine's, and local_tls_names); sslmode=require and TrustServerCertificate=yes encrypt without verifying"
            }
            Self::BrokenOff(_) => {
                "see why the app hangs up, in its own log: one that speaks no TLS with us needs sslmode=disable, Encrypt=no, or local_tls = \"off\""
            }
            Self::Failed(_) => {
                "see the app's own log: whether it trusts what `azdb-proxy ca` prints, or take TLS out of its settings or of the route (local_tls)"
            }
        }
    }
}
