//! Where a route dials: `upstream` and `connect_to`.

use super::address::endpoint;
use super::keys::{Fact, of_route as keys};
use super::problems::{Checked, Written};
use super::section::Section;
use super::token_host::is_under;
use crate::route::Endpoint;

/// The domain of examples (RFC 2606), in which there is no server: a name that was copied and not changed.
const EXAMPLES: &str = "example";

/// A place that may exist.
fn real(endpoint: Endpoint) -> Result<Endpoint, String> {
    if is_under(&endpoint.host, EXAMPLES) {
        return Err(format!(
            "{} is the name of an example, which no server has: write that of your own server",
            endpoint.host
        ));
    }
    Ok(endpoint)
}

/// `upstream`: one database or several, in the order in which they are tried.
pub(super) fn upstream(section: &mut Section<'_>, port: u16) -> Checked<Vec<Written<Endpoint>>> {
    let texts = section.value(&keys::UPSTREAM)?;
    section.know(&Fact::Upstreams(texts.len()));
    let endpoints: Vec<Checked<_>> = texts
        .into_iter()
        .map(|text| section.understood("upstream", text, |text| real(endpoint(text, port)?)))
        .collect();
    endpoints.into_iter().collect()
}

/// `connect_to`: dialled in place of the upstream. Without a port it takes the upstream's.
pub(super) fn connect_to(
    section: &mut Section<'_>,
    upstream: &Checked<Vec<Written<Endpoint>>>,
    port: u16,
) -> Checked<Option<Written<Endpoint>>> {
    let first = upstream.iter().flatten().next();
    let port = first.map_or(port, |first| first.value.port);
    section
        .read(&keys::CONNECT_TO)?
        .map(|text| section.understood("connect_to", text, |text| real(endpoint(text, port)?)))
        .transpose()
}
