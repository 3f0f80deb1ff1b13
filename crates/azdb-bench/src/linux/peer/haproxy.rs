//! HAProxy doing TLS origination. It can't ask for TLS as PostgreSQL wants it, so it starts with TLS.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{Bed, Places};
use crate::linux::chain::HOST;
use crate::linux::program;
use crate::linux::tls::ALPN;

/// Where it is looked for in the path.
const NAMES: [&str; 2] = ["haproxy", "haproxy3"];

/// The first one of this major version: of those `given`, else of those in the path.
pub(super) async fn of_version(major: u8, given: &[PathBuf]) -> anyhow::Result<Option<PathBuf>> {
    let candidates = match given {
        [] => NAMES.into_iter().filter_map(program::find).collect(),
        given => given.to_vec(),
    };
    for candidate in candidates {
        if is_of(major, &version(&candidate).await?) {
            return Ok(Some(candidate.canonicalize()?));
        }
    }
    Ok(None)
}

/// What it says of itself.
pub(super) async fn version(program: &Path) -> anyhow::Result<String> {
    program::first_line(program, "-v").await
}

/// Whether `HAProxy version 3.0.11-1 …` is of this major version.
fn is_of(major: u8, version: &str) -> bool {
    let number = version.split_once("version ").map(|(_, number)| number);
    number
        .and_then(|number| number.split_once('.'))
        .and_then(|(number, _)| number.parse().ok())
        == Some(major)
}

pub(super) fn set_up(command: &mut Command, bed: &Bed, places: &Places) -> anyhow::Result<()> {
    let threads = match bed.apart {
        Some(_) => NonZero::<usize>::MIN,
        None => std::thread::available_parallelism()?,
    };
    let text = format!(
        "global
    nbthread {threads}
    maxconn {most}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind {listen}
    server database {upstream} ssl verify required ca-file {ca} sni str({HOST}) verifyhost {HOST} alpn {ALPN}
",
        most = bed.most,
        listen = places.listen,
        upstream = places.upstream,
        ca = bed.ca_file().display(),
    );
    let file = places.file("haproxy.cfg");
    fs::write(&file, text)?;
    command.arg("-db").arg("-f").arg(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_stands_before_the_first_dot() {
        assert!(is_of(2, "HAProxy version 2.6.12-1+deb12u4 2026/10/17"));
        assert!(is_of(3, "HAProxy version 3.0.11 2026/10/15"));
        assert!(!is_of(3, "HAProxy version 2.3.3"));
        assert!(!is_of(2, "haproxy: no such option"));
    }
}
