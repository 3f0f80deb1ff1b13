//! Where a route dials: `upstream` and `connect_to`.

use super::address::endpoint;
use super::keys::{Fact, of_route as keys};
use super::problems::{Checked, Written};
use super::section::Section;
use crate::route::Endpoint;

/// `upstream`: one database or several, in the order in which they are tried.
pub(super) fn upstream(section: &mut Section<'_>, port: u16) -> Checked<Vec<Written<Endpoint>>> {
    let texts = section.value(&keys::UPSTREAM)?;
    section.know(&Fact::Upstreams(texts.len()));
    let endpoints: Vec<Checked<_>> = texts
        .into_iter()
        .map(|Written { value, spot }| match endpoint(&value, port) {
            Ok(value) => Ok(Written { value, spot }),
            Err(problem) => Err(section.refuse(&spot, "upstream", problem)),
        })
        .collect();
    endpoints.into_iter().collect()
}

/// `connect_to`: dialled in place of the upstream. Without a port it takes the upstream's.
pub(super) fn connect_to(
    section: &mut Section<'_>,
    upstream: &Checked<Vec<Written<Endpoint>>>,
    port: u16,
) -> Checked<Option<Written<Endpoint>>> {
    let Some(Written { value, spot }) = section.read(&keys::CONNECT_TO)? else {
        return Ok(None);
    };
    let first = upstream.iter().flatten().next();
    let port = first.map_or(port, |first| first.value.port);
    match endpoint(&value, port) {
        Ok(value) => Ok(Some(Written { value, spot })),
        Err(problem) => Err(section.refuse(&spot, "connect_to", problem)),
    }
}
