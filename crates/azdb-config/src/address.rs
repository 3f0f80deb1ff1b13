//! Hosts and ports as people write them.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

use crate::route::Endpoint;

/// Cuts `host`, `host:port`, `[::1]`, `[::1]:port` and a bare `::1`. The host comes back without brackets.
///
/// # Errors
///
/// The message says what is accepted.
pub(super) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let wrong = || format!("{text:?} is not host:port");
    if text.parse::<IpAddr>().is_ok() {
        return Ok((text, None));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').ok_or_else(wrong)?;
            if !host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_ipv6())
            {
                return Err(wrong());
            }
            match rest {
                "" => (host, None),
                rest => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    match port {
        _ if host.is_empty() => Err(wrong()),
        None => Ok((host, None)),
        Some(port) if digits(port) => port
            .parse()
            .map(|port| (host, Some(port)))
            .map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

/// A place to dial: a name or an address, and a port other than 0.
///
/// # Errors
///
/// The message says what is wrong.
pub(super) fn endpoint(text: &str, default_port: u16) -> Result<Endpoint, String> {
    let (host, port) = host_and_port(text)?;
    let port = port.unwrap_or(default_port);
    if port == 0 {
        return Err(format!("{text:?} has port 0"));
    }
    server_name(host)?;
    Ok(Endpoint {
        host: host.to_owned(),
        port,
    })
}

/// A name that TLS can verify.
///
/// # Errors
///
/// The message says what is wrong.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    if host.ends_with('.') {
        return Err(format!(
            "{host:?} ends in a dot: leave it out, because certificates do not have it"
        ));
    }
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{host:?} is neither a host name nor an address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_in_all_their_forms() {
        for (text, host, port) in [
            ("db", "db", None),
            ("db:5432", "db", Some(5432)),
            ("10.0.0.4", "10.0.0.4", None),
            ("10.0.0.4:0", "10.0.0.4", Some(0)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[::1]:65535", "::1", Some(65535)),
        ] {
            assert_eq!(host_and_port(text), Ok((host, port)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not_host_and_port() {
        for text in [
            "",
            ":",
            ":5432",
            "db:",
            "db:x",
            "db:+1",
            "db:65536",
            "[::1",
            "[::1]5432",
            "[db]:5432",
            "[]",
            "1::2::3",
        ] {
            assert!(
                host_and_port(text).is_err() || endpoint(text, 5432).is_err(),
                "{text} became {:?}",
                host_and_port(text)
            );
        }
    }

    #[test]
    fn an_endpoint_is_a_name_or_an_address() {
        let port_of = |text| endpoint(text, 5432).map(|endpoint| endpoint.to_string());
        assert_eq!(port_of("db"), Ok("db:5432".to_owned()));
        assert_eq!(port_of("::1"), Ok("[::1]:5432".to_owned()));
        assert_eq!(port_of("db:0"), Err("\"db:0\" has port 0".to_owned()));
        assert_eq!(
            port_of("a b"),
            Err("\"a b\" is neither a host name nor an address".to_owned())
        );
        assert_eq!(
            port_of("1.2.3"),
            Err("\"1.2.3\" is neither a host name nor an address".to_owned())
        );
        assert_eq!(
            port_of("db.example.org."),
            Err("\"db.example.org.\" ends in a dot: leave it out, because certificates do not have it".to_owned())
        );
    }
}
