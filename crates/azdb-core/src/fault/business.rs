//! Whose business each cause is, and what to do about it.

use std::borrow::Cow;
use std::io;
use std::net::IpAddr;

use azdb_identity::TokenErrorKind;

use super::far_end::remedy_of_names;
use super::windows::says_silence;
use super::{Cause, Explained, Kind, label};

impl Explained for Cause {
    fn label(&self) -> &'static str {
        label::of_cause(self)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::UnknownUser { .. } | Self::WrongPassword { .. } | Self::AppWithoutTls => {
                Kind::User
            }
            Self::NotAdmitted { .. } | Self::NotAnnounced { .. } => Kind::Configuration,
            Self::TooManyWrong { .. }
            | Self::TooMany { .. }
            | Self::ShuttingDown
            | Self::Moved { .. }
            | Self::Idle { .. } => Kind::Limit,
            Self::NoRandomness | Self::NoUpstream => Kind::Bug,
            Self::Token { source, .. } => match source.kind() {
                TokenErrorKind::Network => Kind::Network,
                TokenErrorKind::Identity => Kind::Identity,
                TokenErrorKind::Configuration => Kind::Configuration,
                TokenErrorKind::Bug => Kind::Bug,
            },
            Self::SecretTooLong { .. } => Kind::Identity,
            Self::Password(_)
            | Self::PasswordInClear { .. }
            | Self::Loop { .. }
            | Self::NotSealed { .. } => Kind::Configuration,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::NoAnswer { .. }
            | Self::Unheard { .. }
            | Self::StuffedBytes { .. }
            | Self::UpstreamLost { .. }
            | Self::UpstreamSilent { .. }
            | Self::Overdue(_) => Kind::Network,
            Self::Tls { flaw, .. } => flaw.kind(),
            Self::NoTls { .. } | Self::UpstreamRules { .. } => Kind::Upstream,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::UnknownUser { .. } => {
                "add the user to user_map of this route, or connect as one that it lists"
            }
            Self::NotAdmitted { peer } => return Cow::Owned(remedy_of_strangers(peer)),
            Self::NotAnnounced { .. } => {
                "turn the header on there (send-proxy, proxy protocol), or take the address out of proxy_protocol_from of this route"
            }
            Self::WrongPassword { .. } => {
                "give the app a user and a password of the route's app_password_file"
            }
            Self::TooManyWrong { .. } => {
                "try again in a moment; find the app there whose password is wrong, its refusals are in the proxy's log"
            }
            Self::AppWithoutTls => {
                "turn TLS on in the app: sslmode=require, --ssl, ssl-mode=REQUIRED, Encrypt=yes (`azdb-proxy ca` prints the authority for those that \
                 verify); or take \"require\" out of local_tls"
            }
            Self::TooMany { .. } => {
                "close idle connections, make the app's pool smaller, or raise max_connections"
            }
            Self::ShuttingDown => "try again",
            Self::Moved { .. } => "connect again",
            Self::Idle { .. } => "connect again, or raise idle_timeout of this route",
            Self::NoRandomness => "check this machine's random number source",
            Self::Token { source, .. } => return Cow::Owned(source.remedy()),
            Self::SecretTooLong { .. } => {
                "tokens grow with group memberships, use an identity with fewer"
            }
            Self::Password(_) => "check upstream_password_file and upstream_tls",
            Self::PasswordInClear { .. } => {
                "verify the server (upstream_tls = \"verify\"; its own certificate may stand in upstream_ca_file), or let it ask for a \
                 proof (scram-sha-256, mysql_native_password); if anybody may be told, set upstream_password_in_clear"
            }
            Self::NoUpstream => "name one as upstream",
            Self::Resolve { host, .. } => return Cow::Owned(remedy_of_names(host)),
            Self::NoAnswer { far_end, .. } => return Cow::Owned(far_end.remedy_of_silence()),
            Self::Connect { far_end, source } if is_silence(source) => {
                return Cow::Owned(far_end.remedy_of_silence());
            }
            Self::Connect { far_end, .. } => far_end.remedy_of_refusal(),
            Self::Unheard { .. } => {
                "check that it is a server of the route's protocol and not overloaded, and look for a firewall or load balancer that takes \
                 connections in its place; or raise login_timeout"
            }
            Self::Loop { .. } => "name the database as upstream, not this proxy",
            Self::NoTls { .. } => "turn TLS on at the server; without it no secret is sent",
            Self::StuffedBytes { .. } => {
                "somebody between here and the server may be tampering with the connection"
            }
            Self::Tls { flaw, .. } => flaw.remedy(),
            Self::NotSealed { .. } => "set upstream_tls to \"verify\"",
            Self::UpstreamRules { .. } => {
                "check that the upstream is a server of the route's protocol"
            }
            Self::UpstreamLost { .. } => "try again; if it stays, see the server's log",
            Self::UpstreamSilent { .. } => {
                "connect again; if it stays, check that the server runs and the network to it, or raise upstream_timeout"
            }
            Self::Overdue(_) => {
                "check the network to whatever it waited for, or raise login_timeout"
            }
        })
    }
}

/// Of other machines addresses are listed, of this one users.
fn remedy_of_strangers(peer: &str) -> String {
    match peer.parse::<IpAddr>() {
        Ok(ip) if !ip.is_loopback() => {
            format!("if it may, add it to this route: allow = [\"{ip}\"]")
        }
        _ => "if it may, add its user id to allow_uids of this route".to_owned(),
    }
}

/// Whether the system says that no packet has come back, or that none can go.
fn is_silence(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    says_silence(error)
        || matches!(
            error.kind(),
            TimedOut | HostUnreachable | NetworkUnreachable
        )
}
