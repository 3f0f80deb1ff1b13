//! How the way upstream is protected: `upstream_tls` and the keys around it.
//!
//! # Invariants
//!
//! * In token mode there is no way upstream but verified TLS.

use super::files;
use super::keys::{Fact, Word, of_route as keys};
use super::problems::{Checked, Spot, Written};
use super::section::Section;
use super::upstream_auth::LoginWith;
use crate::route::{Roots, UpstreamTls};

/// `upstream_tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strength {
    Verify,
    Unverified,
    Off,
}

impl Strength {
    pub(crate) const WORDS: Word<Self> = Word(
        &[Self::Verify, Self::Unverified, Self::Off],
        |strength| match strength {
            Self::Verify => "verify",
            Self::Unverified => "unverified",
            Self::Off => "off",
        },
    );
}

/// The checked keys.
pub(super) struct CheckedTls {
    pub(super) tls: UpstreamTls,
    pub(super) first: bool,
    /// `upstream_tls_name` as written.
    pub(super) name: Option<Written<String>>,
}

pub(super) fn read(section: &mut Section<'_>, mode: &Checked<LoginWith>) -> Checked<CheckedTls> {
    let spot = section.spot_of(&keys::UPSTREAM_TLS);
    let strength = section.value(&keys::UPSTREAM_TLS);
    if let Ok(strength) = strength {
        section.know(&Fact::Tls(strength));
    }
    if section.has(&keys::UPSTREAM_CA_FILE) {
        section.know(&Fact::CaFile);
    }
    let first = section.value(&keys::UPSTREAM_TLS_FIRST);
    let ca_file = section.read(&keys::UPSTREAM_CA_FILE);
    let name = section.read(&keys::UPSTREAM_TLS_NAME);
    let spot = spot.as_ref().unwrap_or(&section.spot);
    let refused = match strength.ok().and_then(unprotected) {
        None => Ok(()),
        Some(warning) => {
            section.warn(spot, warning);
            needs_password(section, spot, mode)
        }
    };
    let roots = ca_file.and_then(|file| match file {
        None => Ok(Roots::Platform),
        Some(file) => section
            .understood("upstream_ca_file", file, |file| files::certificates(file))
            .map(|roots| Roots::File(roots.value)),
    });
    let (strength, first, roots, name) = (strength?, first?, roots?, name?);
    refused?;
    Ok(CheckedTls {
        first,
        name: name.as_ref().map(|Written { value, spot }| Written {
            value: value.to_str().into_owned(),
            spot: spot.clone(),
        }),
        tls: match strength {
            Strength::Verify => UpstreamTls::Verified {
                roots,
                name: name.map(|name| name.value),
            },
            Strength::Unverified => UpstreamTls::Unverified,
            Strength::Off => UpstreamTls::Off,
        },
    })
}

fn needs_password(section: &Section<'_>, spot: &Spot, mode: &Checked<LoginWith>) -> Checked<()> {
    if *mode != Ok(LoginWith::Token) {
        return Ok(());
    }
    let problem = "a token goes over verified TLS only: leave it out, \
                   or use upstream_auth = \"password\" for a development server";
    Err(section.refuse(spot, "upstream_tls", problem))
}

/// What is to be said of less than verified TLS at every start.
fn unprotected(strength: Strength) -> Option<&'static str> {
    match strength {
        Strength::Verify => None,
        Strength::Off => {
            Some("upstream_tls = \"off\": the login and all data cross the network in clear")
        }
        Strength::Unverified => {
            Some("upstream_tls = \"unverified\": whoever sits on the way can pose as the database")
        }
    }
}
