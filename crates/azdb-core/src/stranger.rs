//! Who comes to a door and is no app of its protocol: probes, scanners, and what took a wrong port.
//!
//! They are nobody's fault and no refused login: each is one line for whoever looks closely.

use std::fmt;

use azdb_config::route::ProtocolName;
use azdb_wire::tds::kind;

/// What came where an app should have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// It left without a byte, in order or by a reset: a port probe.
    Probe,
    /// It stayed without a byte.
    Silent,
    /// It left in the middle of its first packet.
    Half,
    /// A request of HTTP.
    Http,
    /// A header of HAProxy's PROXY protocol, in front of whatever else would come.
    ProxyHeader,
    /// A handshake of TLS where none is due.
    Tls,
    /// A handshake of TLS from the first byte that does not name the protocol by ALPN.
    OtherTls,
    /// A client of MySQL from before 4.1.
    OldMysql,
    /// An app that speaks another of our protocols. MySQL's are not known so: they wait for the server's word.
    AppOf(ProtocolName),
    /// Bytes of something else.
    Unknown,
}

/// What is said to whoever waits behind such a header, and what to do.
pub(crate) const PROXY_HEADER: (&str, &str) = (
    "azdb-proxy: a header of the PROXY protocol came first, and not from a load balancer that may send one",
    "take send-proxy out of its settings, or add its address to proxy_protocol_from of this route",
);

/// First bytes of requests.
const HTTP: [&[u8]; 10] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"TRACE ",
    b"PATCH ",
    b"PRI * HTTP",
];

/// First bytes of a header, in its two versions (HAProxy's "The PROXY protocol", section 2).
const PROXY: [&[u8]; 2] = [b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"];

/// The extension of a ClientHello by which libpq names its protocol from version 17 on (RFC 7301, section 3.1).
const ALPN_POSTGRES: &[u8] = b"\0\x10\0\x0d\0\x0b\x0apostgresql";
/// That of drivers of TDS 8.0.
const ALPN_TDS: &[u8] = b"\0\x10\0\x0a\0\x08\x07tds/8.0";

impl Stranger {
    /// Tells strangers apart by what they say first, of which the beginning is enough.
    pub(crate) fn with(first: &[u8]) -> Self {
        let begins = |known: &&[u8]| {
            let count = known.len().min(first.len());
            count >= 3 && known.get(..count) == first.get(..count)
        };
        if is_tls(first) {
            Self::in_tls(first, Self::Tls)
        } else if PROXY.iter().any(begins) {
            Self::ProxyHeader
        } else if HTTP.iter().any(begins) {
            Self::Http
        } else if is_postgres(first) {
            Self::AppOf(ProtocolName::Postgres)
        } else if is_tds(first) {
            Self::AppOf(ProtocolName::Tds)
        } else {
            Self::Unknown
        }
    }

    /// Who begins with TLS: an app of the protocol that it names by ALPN, or else `other`. A handshake that has not come as a whole names
    /// nothing.
    pub(crate) fn in_tls(first: &[u8], other: Self) -> Self {
        let names = |list: &[u8]| first.windows(list.len()).any(|bytes| bytes == list);
        if names(ALPN_POSTGRES) {
            Self::AppOf(ProtocolName::Postgres)
        } else if names(ALPN_TDS) {
            Self::AppOf(ProtocolName::Tds)
        } else {
            other
        }
    }

    /// Who has left with this much said.
    pub(crate) fn left(said: &[u8]) -> Self {
        match said {
            [] => Self::Probe,
            _ => Self::Half,
        }
    }
}

/// Whether these bytes begin a handshake of TLS (RFC 8446, section 5.1): the type, and the version of every TLS so far.
pub(crate) fn is_tls(first: &[u8]) -> bool {
    matches!(first, [0x16, 3, 0..=4, ..])
}

/// Whether these bytes begin a first packet of PostgreSQL: a length below 64 KiB, and a request for encryption, a cancel or a version 3.
fn is_postgres(first: &[u8]) -> bool {
    matches!(
        first,
        [0, 0, _, _, 0x04, 0xd2, 0x16, 0x2e..=0x30, ..] | [0, 0, _, _, 0, 3, 0, ..]
    )
}

/// Whether these bytes begin a packet with a login of SQL Server, or what comes before one: the kind, the status, and a length with which
/// it can have its header.
fn is_tds(first: &[u8]) -> bool {
    const KINDS: [u8; 3] = [kind::PRELOGIN, kind::LOGIN7, kind::OLD_LOGIN];
    match first {
        [what, 0 | 1, high, low, channel @ ..] => {
            KINDS.contains(what)
                && u16::from_be_bytes([*high, *low]) >= 8
                && channel.iter().take(2).all(|byte| *byte == 0)
        }
        _ => false,
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "a probe, which left without a byte",
            Self::Silent => "a connection that said nothing",
            Self::Half => "half a packet",
            Self::Http => "a request of HTTP",
            Self::ProxyHeader => {
                "a header of the PROXY protocol, not from a load balancer that may send one"
            }
            Self::Tls => "a handshake of TLS where none is due",
            Self::OtherTls => "TLS from the first byte that does not name this protocol by ALPN",
            Self::OldMysql => "a client of MySQL from before 4.1",
            // Of another protocol it is told of with its door.
            Self::AppOf(_) => "a handshake of TLS where none is due",
            Self::Unknown => "nothing of this protocol",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: Stranger = Stranger::AppOf(ProtocolName::Postgres);
    const TDS: Stranger = Stranger::AppOf(ProtocolName::Tds);

    #[test]
    fn strangers_are_known_by_their_first_bytes() {
        for (first, stranger) in [
            (&b"GET / HTTP/1.1\r\n"[..], Stranger::Http),
            (b"GET ", Stranger::Http),
            (b"OPTI", Stranger::Http),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Stranger::Http),
            (
                b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
                Stranger::ProxyHeader,
            ),
            (b"PROX", Stranger::ProxyHeader),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11", Stranger::ProxyHeader),
            (b"\x16\x03\x01\x02\0\x01", Stranger::Tls),
            (b"\x16\x03\x03\0", Stranger::Tls),
            (
                b"\x16\x03\x01\x02\0\x01\0\x10\0\x0d\0\x0b\x0apostgresql\0",
                POSTGRES,
            ),
            (
                b"\x16\x03\x01\x02\0\x01\0\x10\0\x0a\0\x08\x07tds/8.0\0",
                TDS,
            ),
            (
                b"\x16\x03\x01\x02\0\x01\0\x10\0\x0b\0\x09\x08http/1.1\0",
                Stranger::Tls,
            ),
            // SSLRequest, GSSENCRequest, CancelRequest, StartupMessage.
            (b"\0\0\0\x08\x04\xd2\x16\x2f", POSTGRES),
            (b"\0\0\0\x08\x04\xd2\x16\x30", POSTGRES),
            (b"\0\0\0\x10\x04\xd2\x16\x2e\0\0", POSTGRES),
            (b"\0\0\x01\x29\0\x03\0\0user\0", POSTGRES),
            (b"\0\0\0\x29\0\x02\0\0", Stranger::Unknown),
            (b"\0\0\0\x08", Stranger::Unknown),
            // PRELOGIN, LOGIN7 in several packets, the login of before.
            (b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a", TDS),
            (b"\x12\x01\0\x2f", TDS),
            (b"\x10\0\x02\0\0\0\x01\0\x90", TDS),
            (b"\x02\0\x02\0\0\0\0\0host", TDS),
            (b"\x12\x01\0\x01", Stranger::Unknown),
            (b"\x12\x01\0\x2f\x01\0", Stranger::Unknown),
            (b"SSH-2.0-OpenSSH_9.2", Stranger::Unknown),
            (b"P", Stranger::Unknown),
            (b"", Stranger::Unknown),
        ] {
            assert_eq!(
                Stranger::with(first),
                stranger,
                "{}",
                azdb_quote::Quoted(first)
            );
        }
    }
}
