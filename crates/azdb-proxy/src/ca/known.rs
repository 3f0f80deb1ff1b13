//! Whose authority it is: what the proxy says that runs, else what the files say.

use std::path::Path;
use std::sync::Arc;

use azdb_config::{Overrides, Problems};
use azdb_core::{AppTrust, LocalAuthority, LocalTlsError};
use azdb_identity::Environment;
use azdb_quote::Chain;
use hyper::{Method, StatusCode};
use serde::Deserialize;

use crate::ask::{Desk, Running};

/// What is known of one route.
#[derive(Debug, Deserialize)]
pub(super) struct Known {
    route: String,
    /// The authority's certificate.
    pem: Option<String>,
    /// Where it is kept, or where the certificate is that another authority has signed.
    file: Option<String>,
    /// Who has signed it, where that is all that is known.
    issuer: Option<String>,
    /// All names that the authority has vouched for, of one that the proxy has made.
    #[serde(default)]
    names: Option<Vec<String>>,
}

/// The authority that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen<'k> {
    pub(super) pem: &'k str,
    /// As in [`Known`].
    pub(super) file: Option<&'k str>,
    /// As in [`Known`].
    pub(super) names: Option<&'k [String]>,
}

/// What the proxy says that runs.
pub(super) async fn asked(running: &Running) -> Result<Vec<Known>, String> {
    let answer = running.ask(Desk::Admin, Method::GET, "/ca").await;
    let answer = answer.map_err(|unanswered| unanswered.to_string())?;
    match answer.status {
        StatusCode::OK => serde_json::from_str(&answer.body)
            .map_err(|error| format!("cannot read what the proxy says: {error}")),
        _ => Err(answer.line()),
    }
}

/// What the files of the configuration say.
pub(super) fn in_files(overrides: &Overrides, env: &Environment) -> Result<Vec<Known>, String> {
    let one_line = |problems: Problems| problems.to_string().replace('\n', "; ");
    let state_dir = azdb_config::load_endpoints(overrides, env)
        .map_err(one_line)?
        .state_dir;
    let nowhere = "and no directory is known where it would be kept: set --state-dir";
    let state_dir = state_dir.ok_or(nowhere)?;
    let kept = LocalAuthority::kept(&state_dir);
    let kept = kept
        .map_err(|error| Chain(&error).to_string())?
        .map(Arc::new);
    let Ok(config) = azdb_config::load(overrides, env) else {
        let authority = kept.ok_or_else(|| none_in(&state_dir))?;
        return Ok(vec![Known {
            route: "of any name".to_owned(),
            pem: Some(authority.ca_pem().to_owned()),
            file: authority.file().map(|file| file.display().to_string()),
            issuer: None,
            names: Some(authority.names().into_iter().collect()),
        }]);
    };
    let authority = || {
        kept.clone().ok_or_else(|| LocalTlsError::File {
            path: state_dir.clone(),
            source: std::io::ErrorKind::NotFound.into(),
        })
    };
    let mut known = Vec::new();
    for route in &config.routes {
        match AppTrust::of(&route.local_tls, &authority) {
            Ok(trust) => known.push(Known::of(&route.name, trust)),
            Err(_) if kept.is_none() => return Err(none_in(&state_dir)),
            Err(error) => return Err(Chain(&error).to_string()),
        }
    }
    Ok(known)
}

fn none_in(state_dir: &Path) -> String {
    format!(
        "and {} has none yet: start it, and ask as the user that runs it or as root",
        state_dir.display()
    )
}

impl Known {
    fn of(route: &str, trust: AppTrust) -> Self {
        let (pem, file, issuer, names) = match trust {
            AppTrust::Authority { pem, file, names } => (Some(pem), file, None, names),
            AppTrust::Elsewhere { issuer, file } => (None, Some(file), Some(issuer), None),
            AppTrust::NoTls => (None, None, None, None),
        };
        Self {
            route: route.to_owned(),
            pem,
            file: file.map(|file| file.display().to_string()),
            issuer,
            names,
        }
    }

    /// Why it has no authority to print.
    fn lack(&self) -> String {
        let Self {
            route,
            file,
            issuer,
            ..
        } = self;
        match (file, issuer) {
            (Some(file), Some(issuer)) => format!(
                "route {route:?}: the certificate in {file} was signed by {issuer:?}, whose own the proxy does not have: give apps that one, \
                 or append it to {file}"
            ),
            _ => format!("route {route:?} offers apps no TLS (local_tls = \"off\")"),
        }
    }

    fn place(&self) -> &str {
        self.file.as_deref().unwrap_or("the memory of the process: without a state_dir that can be written the next one has another")
    }
}

/// The authority of a route, or the one that all routes have, and whose it is.
pub(super) fn chosen<'k>(
    known: &'k [Known],
    route: Option<&str>,
) -> Result<(Chosen<'k>, String), String> {
    let wanted: Vec<&Known> = known
        .iter()
        .filter(|known| route.is_none_or(|route| known.route == route))
        .collect();
    let names = |of: &[&Known]| {
        let names: Vec<String> = of
            .iter()
            .map(|known| format!("{:?}", known.route))
            .collect();
        names.join(", ")
    };
    if let (Some(route), true) = (route, wanted.is_empty()) {
        let all: Vec<&Known> = known.iter().collect();
        return Err(format!(
            "no route is called {route:?}; there are: {}",
            names(&all)
        ));
    }
    let with: Vec<&Known> = wanted
        .iter()
        .copied()
        .filter(|known| known.pem.is_some())
        .collect();
    let Some((first, pem)) = with
        .first()
        .and_then(|first| Some((first, first.pem.as_deref()?)))
    else {
        let lacks: Vec<String> = wanted.iter().map(|known| known.lack()).collect();
        return Err(lacks.join("; "));
    };
    if with.iter().any(|known| known.pem.as_deref() != Some(pem)) {
        let each: Vec<String> = with
            .iter()
            .map(|known| format!("{:?} ({})", known.route, known.place()))
            .collect();
        return Err(format!(
            "routes have different authorities, say which route: {}",
            each.join(", ")
        ));
    }
    let whose = format!("route {}: from {}", names(&with), first.place());
    let chosen = Chosen {
        pem,
        file: first.file.as_deref(),
        names: first.names.as_deref(),
    };
    Ok((chosen, whose))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn known(route: &str, pem: Option<&str>, file: Option<&str>, issuer: Option<&str>) -> Known {
        let owned = |text: &str| text.to_owned();
        Known {
            route: route.to_owned(),
            pem: pem.map(owned),
            file: file.map(owned),
            issuer: issuer.map(owned),
            names: None,
        }
    }

    #[test]
    fn one_authority_is_printed_and_named_or_none() {
        let own = known("orders", Some("A"), Some("/state/local-tls.pem"), None);
        let same = known("shop", Some("A"), Some("/state/local-tls.pem"), None);
        let other = known("stock", Some("B"), Some("/etc/chain.pem"), None);
        let off = known("dev", None, None, None);
        let leaf = known("leaf", None, Some("/etc/leaf.pem"), Some("CN=House"));
        let all = [own, same, off, leaf];
        let (first, whose) = chosen(&all, None).unwrap();
        assert_eq!(first.pem, "A");
        assert_eq!(first.file, Some("/state/local-tls.pem"));
        assert_eq!(
            whose,
            "route \"orders\", \"shop\": from /state/local-tls.pem"
        );
        for (route, text) in [
            ("dev", "offers apps no TLS"),
            ("leaf", "signed by \"CN=House\""),
            (
                "none",
                "no route is called \"none\"; there are: \"orders\", \"shop\", \"dev\", \"leaf\"",
            ),
        ] {
            let why = chosen(&all, Some(route)).unwrap_err();
            assert!(why.contains(text), "{route}: {why}");
        }
        let [own, ..] = all;
        let two = [own, other];
        let why = chosen(&two, None).unwrap_err();
        assert!(
            why.contains("\"orders\" (/state/local-tls.pem), \"stock\" (/etc/chain.pem)"),
            "{why}"
        );
        assert_eq!(chosen(&two, Some("stock")).unwrap().0.pem, "B");
    }
}
