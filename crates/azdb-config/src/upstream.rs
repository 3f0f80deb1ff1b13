//! Where a route dials: `upstream` and `connect_to`.

use super::address::endpoint;
use super::problems::{Checked, Written};
use super::section::Section;
use crate::route::Endpoint;

/// `upstream`: one database or several, in the order in which they are tried.
pub(super) fn read(section: &mut Section<'_>, port: u16) -> Checked<Vec<Written<Endpoint>>> {
    let Some(texts) = section.texts("upstream")? else {
        let problem = "upstream: is missing; it is the database's host:port";
        return Err(section.refuse_all(problem));
    };
    let mut upstream = Vec::new();
    let mut result = Ok(());
    for Written { value, spot } in texts {
        match endpoint(&value, port) {
            Ok(value) => upstream.push(Written { value, spot }),
            Err(problem) => result = Err(section.refuse(&spot, "upstream", problem)),
        }
    }
    result.map(|()| upstream)
}

/// `connect_to`: dialled in place of every upstream. Without a port it takes the first upstream's.
pub(super) fn connect_to(
    section: &mut Section<'_>,
    upstream: &Checked<Vec<Written<Endpoint>>>,
    port: u16,
) -> Checked<Option<Written<Endpoint>>> {
    let Some(Written { value, spot }) = section.text("connect_to")? else {
        return Ok(None);
    };
    let port = upstream
        .iter()
        .flatten()
        .next()
        .map_or(port, |first| first.value.port);
    match endpoint(&value, port) {
        Ok(value) => Ok(Some(Written { value, spot })),
        Err(problem) => Err(section.refuse(&spot, "connect_to", problem)),
    }
}
