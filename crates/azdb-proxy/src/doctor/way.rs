//! The proxy's own way to a database: one login of a real driver, watched, and what it may do there.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use azdb_core::{
    Home, LocalAuthority, LocalTlsError, Phase, PlatformRoots, Reach, Reception, Resources,
    ShownCertificate, Sights, Watched, platform_client,
};
use azdb_identity::{Environment, Tokens};
use azdb_names::Names;
use azdb_quote::{Chain, OneLine, Spelled};

use super::finding::{Finding, Findings, Step};
use super::token::lasting;
use super::{Way, Wishes, claims, questions, token};
use crate::database::{As, Database, Refusal};

/// A certificate that ends so soon is worth a look.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Takes every step of a way.
pub(super) async fn examine(way: &Way, wishes: &Wishes, env: &Environment) -> Findings {
    let mut findings = Findings::of(&way.route.name, way.title());
    let tokens = Tokens::new(env.clone(), platform_client());
    if let Some(token) = token::examine(&way.route, &way.principal, &tokens, &mut findings).await {
        findings.add(claims::examine(&way.route, &way.principal, &token));
    }
    if findings.cross().is_some() {
        findings.untried(&Step::WAY);
        return findings;
    }
    match reception(way, &tokens) {
        Ok(reception) => log_in(way, wishes, &reception, &mut findings).await,
        Err(error) => {
            findings.add(Finding::bad(Step::Tls, format!("{error:#}")));
        }
    }
    findings
}

fn reception(way: &Way, tokens: &Tokens) -> anyhow::Result<Reception> {
    let no_authority = || -> Result<Arc<LocalAuthority>, LocalTlsError> {
        LocalAuthority::naming(None, &[]).map(Arc::new)
    };
    let resources = Resources {
        tokens,
        names: Names::of_the_system(),
        home: Home::with([]),
        roots: PlatformRoots::default(),
        authority: &no_authority,
    };
    Ok(Reception::new(&way.route, &resources)?)
}

async fn log_in(way: &Way, wishes: &Wishes, reception: &Reception, findings: &mut Findings) {
    let who = As {
        user: way.app_user.clone(),
        database: way.database(wishes),
        ..As::default()
    };
    let (opened, watched) = Database::open_watched(reception, &who).await;
    let mut database = match opened {
        Ok(database) => database,
        Err(refusal) => {
            refused(way, &refusal, &watched, findings);
            return;
        }
    };
    let sights = watched.sights();
    for step in Step::WAY {
        let took = step.phase().and_then(|phase| watched.spent(phase));
        let finding = match step {
            Step::Login => Finding::good(step, "the database has let us in"),
            _ => seen(way, step, &sights),
        };
        findings.add(finding.took(took));
    }
    questions::ask(way, &mut database, findings).await;
    leave(database).await;
    findings.add(price(reception, &who).await);
}

/// Whoever does not answer has refused.
pub(super) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let late = |_| Refusal::because(format_args!("no answer in {}", Spelled(limit)));
    let answered = tokio::time::timeout(limit, asked).await;
    answered.map_err(late)?
}

/// Says goodbye to a server that may not listen.
pub(super) async fn leave(database: Database) {
    const LIMIT: Duration = Duration::from_secs(2);
    let _ = tokio::time::timeout(LIMIT, database.close()).await;
}

/// What became of the steps of a login that was refused: the one that it had come to is the cross.
fn refused(way: &Way, refusal: &Refusal, watched: &Watched, findings: &mut Findings) {
    let (cross, sights) = (
        watched.came_to().map_or(Step::Login, Step::of),
        watched.sights(),
    );
    if cross < Step::Name {
        // The token that there was could not be had any more.
        let said = refusal_in_words(refusal);
        findings.add(Finding::bad(Step::Token, said).remedy(refusal.remedy()));
        findings.untried(&Step::WAY);
        return;
    }
    for step in Step::WAY {
        let took = step.phase().and_then(|phase| watched.spent(phase));
        match step.cmp(&cross) {
            std::cmp::Ordering::Less => findings.add(seen(way, step, &sights).took(took)),
            std::cmp::Ordering::Equal => {
                let remedy = refusal.remedy();
                findings.add(
                    Finding::bad(step, refusal_in_words(refusal))
                        .remedy(remedy)
                        .took(took),
                );
            }
            std::cmp::Ordering::Greater => findings.untried(&[step]),
        }
    }
    findings.untried(&[Step::Query]);
}

/// What the route has written down, which is the same in every protocol, or else what the driver has read.
pub(super) fn refusal_in_words(refusal: &Refusal) -> String {
    if let Some(word) = &refusal.route {
        return word.cause.clone();
    }
    let said = refusal.to_string();
    said.strip_prefix("azdb-proxy: ")
        .map(str::to_owned)
        .unwrap_or(said)
}

/// What a step has met that went well.
fn seen(way: &Way, step: Step, sights: &Sights) -> Finding {
    match step {
        Step::Name => Finding::good(step, names(way, sights)),
        Step::Connection => Finding::good(step, connections(sights)),
        _ => tls(step, sights),
    }
}

fn names(way: &Way, sights: &Sights) -> String {
    let mut said = String::new();
    for (endpoint, addrs) in &sights.names {
        let gap = if said.is_empty() { "" } else { "; " };
        let kept = addrs.iter().take(4).map(|addr| {
            let ip = addr.ip().to_canonical();
            let reach = match Reach::of(ip) {
                Reach::Here => "this machine",
                Reach::Private => "private",
                Reach::Public => "public",
            };
            format!("{ip} ({reach})")
        });
        let kept = kept.collect::<Vec<_>>().join(", ");
        let is_address = endpoint.host.parse::<IpAddr>().is_ok();
        let name = if is_address {
            "an address:"
        } else {
            &format!("{} is", endpoint.host)
        };
        let _ = write!(said, "{gap}{name} {kept}");
    }
    if way.route.connect_to.is_some() {
        said.push_str(", as connect_to has it");
    }
    said
}

fn connections(sights: &Sights) -> String {
    let mut hops =
        sights
            .connected
            .iter()
            .map(|(upstream, addr)| match addr.port() == upstream.port {
                true => addr.to_string(),
                false => format!("{addr} for port {}", upstream.port),
            });
    let first = hops.next().unwrap_or_default();
    let on: String = hops.map(|hop| format!(", sent on to {hop}")).collect();
    format!("to {first}{on}")
}

fn tls(step: Step, sights: &Sights) -> Finding {
    let Some(tls) = &sights.tls else {
        return Finding::doubtful(step, "no TLS (upstream_tls = \"off\")");
    };
    let shown = tls.certificate.as_deref().and_then(ShownCertificate::read);
    let Some(shown) = shown else {
        return Finding::good(step, tls.version.clone());
    };
    let left = shown
        .not_after
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    let names = shown
        .names
        .iter()
        .take(3)
        .map(|name| OneLine(name).to_string());
    let names = names.collect::<Vec<_>>().join(", ");
    let issuer = OneLine(&shown.issuer);
    let said = format!(
        "{}, verified: {names}, by {issuer}, {} left",
        tls.version,
        days(left)
    );
    match left < SOON {
        true => Finding::doubtful(step, said).remedy(Some(format!(
            "the server's certificate ends in {}",
            lasting(left)
        ))),
        false => Finding::good(step, said),
    }
}

fn days(left: Duration) -> String {
    match left.as_secs() / (24 * 3600) {
        days @ 0..=999 => format!("{days} days"),
        days => format!("{} years", days / 365),
    }
}

/// What a login takes an app while the proxy has its token: the second one, for the first has fetched what is kept.
async fn price(reception: &Reception, who: &As) -> Finding {
    let began = Instant::now();
    let (opened, watched) = Database::open_watched(reception, who).await;
    let took = began.elapsed();
    match opened {
        Ok(database) => {
            leave(database).await;
            let parts = [
                ("name", Phase::Dns),
                ("connection", Phase::Tcp),
                ("tls", Phase::Tls),
                ("database", Phase::Database),
            ];
            let spent = parts.into_iter().filter_map(|(word, phase)| {
                let spent = watched.spent(phase)?;
                Some(format!("{word} {}", milliseconds(spent)))
            });
            let spent = spent.collect::<Vec<_>>().join(", ");
            Finding::good(Step::Price, format!("a login of an app: {spent}")).took(Some(took))
        }
        Err(refusal) => {
            let said = format!("a second login was refused: {}", Chain(&refusal));
            Finding::doubtful(Step::Price, said).remedy(refusal.remedy())
        }
    }
}

/// With a place behind the point where it counts.
pub(super) fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    match ms < 10.0 {
        true => format!("{ms:.1} ms"),
        false => format!("{ms:.0} ms"),
    }
}
