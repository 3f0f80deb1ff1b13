//! Capability flags: what an app is offered, and what goes upstream of what it takes.
//!
//! After the login the relay moves bytes that it does not read. That is right only while every flag that changes their form
//! is equal on both legs, so nothing is offered that the upstream lacks and nothing is added that the app did not ask for.
//! What ends at our own door, TLS and compression, is a matter between two neighbours.

use core::fmt;
use core::ops::BitOr;

/// The 32 flags of a greeting or a response.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(pub u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

flags! {
    /// Set by MySQL; a MariaDB that clears it has extended capabilities in the reserved bytes.
    MYSQL = 0;
    /// A database is named in the response.
    CONNECT_WITH_DB = 3;
    /// zlib in envelopes around packets.
    COMPRESS = 5;
    /// LOAD DATA LOCAL.
    LOCAL_FILES = 7;
    /// Protocol 4.1. Without it the app is older than we speak.
    PROTOCOL_41 = 9;
    /// TLS.
    SSL = 11;
    /// The authentication answer has its length in front.
    SECURE_CONNECTION = 15;
    /// Plugins are named.
    PLUGIN_AUTH = 19;
    /// The response ends in connection attributes.
    CONNECT_ATTRS = 20;
    /// The authentication answer may be longer than 255 bytes.
    PLUGIN_AUTH_LENENC = 21;
    /// OK packets carry session state.
    SESSION_TRACK = 23;
    /// Result sets end in OK packets.
    DEPRECATE_EOF = 24;
    /// The head of a result set says whether definitions of its columns follow.
    OPTIONAL_METADATA = 25;
    /// zstd in envelopes around packets, unless zlib is set, too.
    ZSTD_COMPRESSION = 26;
    /// COM_QUERY carries parameters in front of its text.
    QUERY_ATTRIBUTES = 27;
    /// More than one factor.
    MULTI_FACTOR = 28;
    /// Progress reports of MariaDB before 10.2.
    PROGRESS_OBSOLETE = 29;
    /// Private to clients.
    SSL_VERIFY_SERVER_CERT = 30;
    /// Private to clients.
    REMEMBER_OPTIONS = 31;
}

/// Offered whatever the upstream offers, and never sent: the envelopes between an app and us.
pub(super) const ENVELOPES: Capabilities =
    Capabilities(Capabilities::COMPRESS.0 | Capabilities::ZSTD_COMPRESSION.0);

/// Never offered and never sent: what changes the login, and what is private.
pub(super) const STRIPPED: Capabilities = Capabilities(
    Capabilities::MULTI_FACTOR.0
        | Capabilities::PROGRESS_OBSOLETE.0
        | Capabilities::SSL_VERIFY_SERVER_CERT.0
        | Capabilities::REMEMBER_OPTIONS.0,
);

/// What every login of ours needs, on both legs.
pub(super) const NEEDED: Capabilities = Capabilities(
    Capabilities::PROTOCOL_41.0 | Capabilities::SECURE_CONNECTION.0 | Capabilities::PLUGIN_AUTH.0,
);

/// What a route offers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// TLS between the app and us.
    pub tls: bool,
    /// LOAD DATA LOCAL, if the upstream has it.
    pub local_files: bool,
}

impl Capabilities {
    /// Whether all of `flags` are set.
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These without `flags`.
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }

    /// These with `flags` exactly if `set`.
    #[must_use]
    pub const fn with_if(self, flags: Self, set: bool) -> Self {
        let rest = self.without(flags);
        if set { Self(rest.0 | flags.0) } else { rest }
    }

    /// What an app is offered when the upstream offers these.
    #[must_use]
    pub const fn offered(self, offer: Offer) -> Self {
        let files = self.has(Self::LOCAL_FILES) && offer.local_files;
        Self(self.without(STRIPPED).0 | NEEDED.0 | ENVELOPES.0)
            .with_if(Self::SSL, offer.tls)
            .with_if(Self::LOCAL_FILES, files)
    }

    /// What goes upstream when the app, which was `offered` some, takes these. TLS is the caller's to add.
    ///
    /// The answer of ours is never longer than 255 bytes, so its long form is left out; only the login sees the difference.
    #[must_use]
    pub const fn towards_upstream(self, offered: Self) -> Self {
        let common = self.0 & offered.without(STRIPPED).0;
        // Whether reserved bytes hold extended capabilities is the app's to say, not something to agree on.
        Self(common | NEEDED.0)
            .without(Self::PLUGIN_AUTH_LENENC)
            .without(Self::SSL)
            .without(ENVELOPES)
            .with_if(Self::MYSQL, self.has(Self::MYSQL))
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capabilities({:#010x})", self.0)
    }
}
