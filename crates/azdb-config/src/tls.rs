//! How the way upstream is protected: `upstream_tls` and the keys around it.
//!
//! # Invariants
//!
//! * In token mode there is no way upstream but verified TLS.

use std::path::PathBuf;

use super::address::server_name;
use super::files;
use super::login::Mode;
use super::problems::{Checked, Written};
use super::section::Section;
use crate::route::{ProtocolName, Roots, UpstreamTls};

/// The checked keys.
pub(super) struct Tls {
    pub(super) tls: UpstreamTls,
    pub(super) first: bool,
    /// `upstream_tls_name` as written.
    pub(super) name: Option<Written<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Verify,
    Unverified,
    Off,
}

const STRENGTHS: [(&str, Strength); 3] = [
    ("verify", Strength::Verify),
    ("unverified", Strength::Unverified),
    ("off", Strength::Off),
];

pub(super) fn read(
    section: &mut Section<'_>,
    mode: &Checked<Mode>,
    protocol: Option<ProtocolName>,
) -> Checked<Tls> {
    let strength = section.one_of("upstream_tls", &STRENGTHS);
    let first = section.boolean("upstream_tls_first");
    let ca_file = section.path("upstream_ca_file");
    let name = section.text("upstream_tls_name");
    let (strength, first) = (strength?, first?);
    let on = first.as_ref().filter(|first| first.value);
    if let (Some(first), Some(ProtocolName::Mysql)) = (on, protocol) {
        let problem = "mysql knows no TLS from the first byte";
        return Err(section.refuse(&first.spot, "upstream_tls_first", problem));
    }
    match strength {
        None
        | Some(Written {
            value: Strength::Verify,
            ..
        }) => {
            let tls = verified(section, ca_file, &name);
            Ok(Tls {
                tls: tls?,
                first: on.is_some(),
                name: name?,
            })
        }
        Some(Written { value, spot }) => {
            let tls = match value {
                Strength::Off => UpstreamTls::Off,
                _ => UpstreamTls::Unverified,
            };
            let mut result = Ok(Tls {
                tls,
                first: on.is_some(),
                name: None,
            });
            if *mode == Ok(Mode::Token) {
                let problem = "a token goes over verified TLS only: leave it out, \
                     or use upstream_auth = \"password\" for a development server";
                result = Err(section.refuse(&spot, "upstream_tls", problem));
            }
            for (key, spot) in [
                ("upstream_ca_file", ca_file?.map(|file| file.spot)),
                ("upstream_tls_name", name?.map(|name| name.spot)),
            ] {
                if let Some(spot) = spot {
                    result = Err(section.refuse(
                        &spot,
                        key,
                        "means nothing without upstream_tls = \"verify\"",
                    ));
                }
            }
            if let (Some(first), Strength::Off) = (on, value) {
                result = Err(section.refuse(
                    &first.spot,
                    "upstream_tls_first",
                    "upstream_tls is \"off\"",
                ));
            }
            section.warn(&spot, unprotected(value));
            result
        }
    }
}

fn unprotected(strength: Strength) -> &'static str {
    match strength {
        Strength::Off => {
            "upstream_tls = \"off\": the login and all data cross the network in clear"
        }
        _ => "upstream_tls = \"unverified\": whoever sits on the way can pose as the database",
    }
}

fn verified(
    section: &Section<'_>,
    ca_file: Checked<Option<Written<PathBuf>>>,
    name: &Checked<Option<Written<String>>>,
) -> Checked<UpstreamTls> {
    let roots = ca_file.and_then(|file| match file {
        None => Ok(Roots::Platform),
        Some(Written { value, spot }) => files::certificates(&value)
            .map(Roots::File)
            .map_err(|problem| section.refuse(&spot, "upstream_ca_file", problem)),
    });
    let name = match name {
        Ok(None) => Ok(None),
        Ok(Some(name)) => server_name(&name.value)
            .map(Some)
            .map_err(|problem| section.refuse(&name.spot, "upstream_tls_name", problem)),
        Err(reported) => Err(*reported),
    };
    Ok(UpstreamTls::Verified {
        roots: roots?,
        name: name?,
    })
}
