//! What a request must be like to be answered.

use std::net::{IpAddr, Ipv6Addr};

use hyper::Request;
use hyper::header::{ACCEPT, HOST, ORIGIN};

use super::desk::Reach;

/// Whether it names a page, and one host at most. A target with a host of its own would be a second one.
///
/// # Errors
///
/// What is wrong, for whoever asked.
pub(super) fn is_plain<B>(request: &Request<B>) -> Result<(), &'static str> {
    let target = request.uri();
    if target.scheme().is_some() || target.authority().is_some() {
        return Err("the target must be a path\n");
    }
    if request.headers().get_all(HOST).iter().count() > 1 {
        return Err("two hosts\n");
    }
    Ok(())
}

/// Whether it was meant for us by a program, and not by a page in a browser.
pub(super) fn is_for_us<B>(request: &Request<B>, reach: Reach) -> bool {
    if request.headers().contains_key(ORIGIN) {
        return false;
    }
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| Host::parse(host.to_str().ok()?));
    match reach {
        // No page in a browser reaches a socket file or a pipe.
        Reach::Guarded => true,
        Reach::Loopback => host.is_some_and(|host| host.is_this_machine()),
        // By whatever name the network knows us.
        Reach::Network => host.is_some(),
    }
}

/// Whether a person will look at the answer.
pub(super) fn is_browser<B>(request: &Request<B>) -> bool {
    let accepted = request.headers().get_all(ACCEPT).iter();
    accepted
        .filter_map(|kinds| kinds.to_str().ok())
        .any(|kinds| kinds.contains("text/html"))
}

/// A host, without its port.
enum Host<'a> {
    Name(&'a str),
    Address(IpAddr),
}

impl<'a> Host<'a> {
    /// `name`, `name:port`, `[::1]`, `[::1]:port`.
    fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                (Self::Address(address.into()), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
                if name.is_empty() || !name.bytes().all(is_plain) {
                    return None;
                }
                (name.parse().map_or(Self::Name(name), Self::Address), port)
            }
        };
        let is_port = match port.strip_prefix(':') {
            Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
            None => port.is_empty(),
        };
        is_port.then_some(host)
    }

    fn is_this_machine(&self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}
