//! Where a token comes from, and whether there is one.

use std::pin::pin;
use std::time::{Duration, Instant};

use azdb_config::route::{Principal, Route, UpstreamAuth};
use azdb_identity::{Audience, SourceKind, Token, TokenError, TokenErrorKind, Tokens};
use azdb_quote::Spelled;

use super::finding::{Finding, Findings, Step};

/// How long a token may take. Programs that print one take seconds.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a source is asked again that has said no for the moment.
const TRIES: Duration = Duration::from_secs(3);
/// Between two looks at what it has said.
const LOOK: Duration = Duration::from_millis(100);

/// Fetches the token of a way. `None` where the route needs none, or there is none.
pub(super) async fn examine(
    route: &Route,
    principal: &Principal,
    tokens: &Tokens,
    findings: &mut Findings,
) -> Option<Token> {
    let UpstreamAuth::Token(audience) = &route.auth else {
        let said = "the route logs in with a password (upstream_password_file), and needs no token";
        findings.add(Finding::good(Step::Identity, said));
        return None;
    };
    let began = Instant::now();
    let fetched = fetched(tokens, principal, audience).await;
    let took = began.elapsed();
    let source = source(tokens, principal, audience);
    match fetched {
        Some(Ok(token)) => {
            findings.add(Finding::good(Step::Identity, source));
            let left = lasting(token.left());
            let said = format!("for {audience}, good for {left}");
            findings.add(Finding::good(Step::Token, said).took(Some(took)));
            Some(token)
        }
        Some(Err(error)) => {
            refused(findings, source, &error, took);
            None
        }
        None => {
            findings.add(Finding::good(Step::Identity, source));
            let said = format!("no answer in {}", Spelled(LIMIT));
            findings.add(Finding::bad(Step::Token, said).took(Some(took)));
            None
        }
    }
}

/// A token, or why there is none. What may go away by itself has a few tries, and is then told.
async fn fetched(
    tokens: &Tokens,
    principal: &Principal,
    audience: &Audience,
) -> Option<Result<Token, TokenError>> {
    let began = Instant::now();
    let mut getting = pin!(tokens.get(&principal.identity, audience));
    loop {
        if let Ok(got) = tokio::time::timeout(LOOK, &mut getting).await {
            return Some(got);
        }
        let met = tokens.last_error(&principal.identity, audience);
        match met {
            Some(error) if began.elapsed() >= TRIES => return Some(Err(error)),
            None if began.elapsed() >= LIMIT => return None,
            _ => {}
        }
    }
}

fn refused(findings: &mut Findings, source: String, error: &TokenError, took: Duration) {
    let remedy = Some(error.remedy());
    if error.kind() == TokenErrorKind::Configuration {
        findings.add(Finding::bad(Step::Identity, error.cause()).remedy(remedy));
        findings.untried(&[Step::Token]);
    } else {
        findings.add(Finding::good(Step::Identity, source));
        findings.add(
            Finding::bad(Step::Token, error.cause())
                .remedy(remedy)
                .took(Some(took)),
        );
    }
}

/// `managed-identity (picked by auto), system-assigned`.
fn source(tokens: &Tokens, principal: &Principal, audience: &Audience) -> String {
    let configured = principal.identity.source;
    let statuses = tokens.status();
    let mine = statuses.iter().find(|status| status.audience == *audience);
    let source = mine.map_or(configured, |status| status.source);
    let selector = mine.and_then(|status| status.selector.as_ref());
    let mut said = format!("from {source}");
    if source != configured {
        said.push_str(&format!(" (picked by {configured})"));
    }
    match selector.or(principal.identity.selector.as_ref()) {
        Some(selector) => said.push_str(&format!(", {selector}")),
        None if is_managed(source) => said.push_str(", system-assigned"),
        None => {}
    }
    said
}

fn is_managed(source: SourceKind) -> bool {
    use SourceKind::{AppService, AzureArc, Imds, ManagedIdentity, ServiceFabric};
    matches!(
        source,
        ManagedIdentity | Imds | AppService | AzureArc | ServiceFabric
    )
}

/// In hours, where it is so much: nobody counts the minutes of a day.
pub(super) fn lasting(left: Duration) -> String {
    let minutes = left.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) if hours < 10 => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{hours} h"),
    }
}
