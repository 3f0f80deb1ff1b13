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
use crate::route::{PlainPassword, ProtocolName, Roots, UpstreamTls};

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
    pub(super) plain_password: PlainPassword,
    /// `upstream_tls_name` as written.
    pub(super) name: Option<Written<String>>,
}

pub(super) fn read(
    section: &mut Section<'_>,
    mode: &Checked<LoginWith>,
    protocol: Checked<ProtocolName>,
) -> Checked<CheckedTls> {
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
    let plain_password = plain_password(section);
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
        Some(file) => {
            let path = file.value.clone();
            let read = section.understood("upstream_ca_file", file, |file| {
                files::certificates(file, section.files())
            });
            read.map(|certificates| Roots::File {
                file: path,
                certificates: certificates.value,
            })
        }
    });
    let (strength, first, roots, name) = (strength?, first?, roots?, name?);
    let plain_password = plain_password?;
    refused?;
    if protocol == Ok(ProtocolName::Tds) && strength != Strength::Verify {
        can_log_in(section, spot, plain_password)?;
    }
    Ok(CheckedTls {
        first,
        plain_password,
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

/// `upstream_password_in_clear`.
fn plain_password(section: &mut Section<'_>) -> Checked<PlainPassword> {
    let spot = section.spot_of(&keys::UPSTREAM_PASSWORD_IN_CLEAR);
    if !section.value(&keys::UPSTREAM_PASSWORD_IN_CLEAR)? {
        return Ok(PlainPassword::ToVerified);
    }
    let spot = spot.as_ref().unwrap_or(&section.spot);
    let warning = "upstream_password_in_clear = true: whoever answers in the database's place is told the password";
    section.warn(spot, warning);
    Ok(PlainPassword::ToAnybody)
}

/// A login of SQL Server has the password in it as it is: without a verified server, or leave to tell it to any, there is none.
fn can_log_in(section: &Section<'_>, spot: &Spot, plain: PlainPassword) -> Checked<()> {
    match plain {
        PlainPassword::ToAnybody => Ok(()),
        PlainPassword::ToVerified => {
            let problem = "SQL Server's login has the password in it as good as it is: verify the server (its own certificate may stand \
                           in upstream_ca_file), or say upstream_password_in_clear = true";
            Err(section.refuse(spot, "upstream_tls", problem))
        }
    }
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
