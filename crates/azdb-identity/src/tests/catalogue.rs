//! `docs/errors.md` says of every reason for which there is no token what the code says.
//!
//! `AZDB_WRITE=1 cargo test -p azdb-identity catalogue` writes it anew.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};
use std::{env, fs, io};

use azdb_names::NameError;
use azdb_quote::Chain;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;

use crate::fault::{Answered, ProgramFault, SourceFault};
use crate::http::{EXCHANGE, HttpFault};
use crate::identity::{Chosen, ChosenBy};
use crate::proxy::TunnelFault;
use crate::whereabouts::Whereabouts;
use crate::{Audience, Selector, SourceKind, TokenErrorKind, remedy};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

/// Those that are asked over HTTP.
const ASKED: &[SourceKind] = &[
    SourceKind::Imds,
    SourceKind::AppService,
    SourceKind::AzureArc,
    SourceKind::ServiceFabric,
    SourceKind::WorkloadIdentity,
    SourceKind::ServicePrincipal,
];
/// Those that are Microsoft's authority, to which alone a proxy leads.
const AUTHORITY: &[SourceKind] = &[SourceKind::WorkloadIdentity, SourceKind::ServicePrincipal];
/// Those that are programs.
const PROGRAMS: &[SourceKind] = &[
    SourceKind::AzureCli,
    SourceKind::AzureDeveloperCli,
    SourceKind::AzurePowershell,
    SourceKind::Command,
];
/// Those that give tokens, and do not stand for others.
const GIVERS: &[SourceKind] = &[
    SourceKind::Imds,
    SourceKind::AppService,
    SourceKind::AzureArc,
    SourceKind::ServiceFabric,
    SourceKind::WorkloadIdentity,
    SourceKind::ServicePrincipal,
    SourceKind::AzureCli,
    SourceKind::AzureDeveloperCli,
    SourceKind::AzurePowershell,
    SourceKind::Command,
    SourceKind::File,
];

/// What every exchange that did not come about begins with.
const UNASKED: &str = "cannot be asked at `https://…`: ";

/// Who can meet a fault. A new one does not compile until somebody says so.
fn met_by(fault: &SourceFault) -> &'static [SourceKind] {
    match fault {
        // Their texts and remedies are made where they are met.
        SourceFault::Setup { .. } | SourceFault::NoIdentity { .. } => &[],
        SourceFault::TaskBroke => GIVERS,
        SourceFault::Http { source, .. } => match source {
            HttpFault::TlsThrough { .. } | HttpFault::ProxyAway { .. } => AUTHORITY,
            HttpFault::Tunnel { fault, .. } => match fault {
                TunnelFault::Refused(_) | TunnelFault::Broken(_) | TunnelFault::BadHost => {
                    AUTHORITY
                }
            },
            HttpFault::BadHeader => &[SourceKind::AppService],
            HttpFault::Resolve { .. }
            | HttpFault::ConnectTimeout(_)
            | HttpFault::Connect(_)
            | HttpFault::Tls(_)
            | HttpFault::Broken(_)
            | HttpFault::Silent(_)
            | HttpFault::TooLong
            | HttpFault::LongHead
            | HttpFault::BadUrl => ASKED,
        },
        SourceFault::Answered(answer) if answer.aadsts.is_some() => AUTHORITY,
        SourceFault::Answered(_)
        | SourceFault::UnknownIdentity { .. }
        | SourceFault::Redirected { .. } => ASKED,
        SourceFault::Unreadable { .. }
        | SourceFault::AlmostOver { .. }
        | SourceFault::OtherIdentity { .. }
        | SourceFault::OtherAudience { .. }
        | SourceFault::Over { .. }
        | SourceFault::UnderWay { .. }
        | SourceFault::Stray { .. } => GIVERS,
        SourceFault::Empty => &[SourceKind::File],
        SourceFault::Program(
            ProgramFault::NotFound { .. }
            | ProgramFault::Start { .. }
            | ProgramFault::Failed { .. }
            | ProgramFault::TooSlow { .. }
            | ProgramFault::TooMuch { .. },
        ) => PROGRAMS,
        SourceFault::File { .. } => &[SourceKind::File, SourceKind::AzureArc],
    }
}

/// What hyper says of a far end that hangs up.
async fn broken() -> hyper::Error {
    let (near, mut far) = tokio::io::duplex(64);
    let (mut sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap();
    let asking = sender.send_request(Request::new(Empty::<Bytes>::new()));
    let hangs_up = async move { drop(far.read_u8().await) };
    let (answer, _, ()) = tokio::join!(asking, connection, hangs_up);
    answer.unwrap_err()
}

/// One of every exchange that did not come about.
async fn exchanges() -> Vec<SourceFault> {
    let said = || io::Error::other("as the system says it");
    let proxy = || "http://proxy.example.org:3128".to_owned();
    let tunnel = |fault| HttpFault::Tunnel {
        proxy: proxy(),
        fault,
    };
    let (host, source) = (
        "login.example.org".to_owned(),
        NameError::NoAnswer(Duration::from_secs(5)),
    );
    let all = vec![
        HttpFault::Resolve { host, source },
        HttpFault::ConnectTimeout(Duration::from_secs(1)),
        HttpFault::Connect(said()),
        HttpFault::Tls(said()),
        HttpFault::TlsThrough {
            proxy: proxy(),
            error: said(),
        },
        HttpFault::ProxyAway {
            proxy: proxy(),
            fault: Box::new(HttpFault::ConnectTimeout(Duration::from_secs(1))),
        },
        tunnel(TunnelFault::Refused(403)),
        tunnel(TunnelFault::Refused(407)),
        tunnel(TunnelFault::Refused(502)),
        tunnel(TunnelFault::Broken(broken().await)),
        tunnel(TunnelFault::BadHost),
        HttpFault::Broken(broken().await),
        HttpFault::Silent(EXCHANGE),
        HttpFault::TooLong,
        HttpFault::LongHead,
        HttpFault::BadUrl,
        HttpFault::BadHeader,
    ];
    let met = |source| SourceFault::Http {
        endpoint: "https://…".to_owned(),
        source,
    };
    all.into_iter().map(met).collect()
}

/// One of every "no" of an endpoint that means something of its own.
fn refusals() -> Vec<SourceFault> {
    let answered = |status, aadsts, text: &str| {
        SourceFault::Answered(Answered {
            status,
            text: text.to_owned(),
            aadsts,
            retry_after: None,
        })
    };
    let mut all = vec![answered(400, None, "… multiple …")];
    let statuses = [400, 401, 403, 404, 408, 410, 429, 500];
    all.extend(statuses.map(|status| answered(status, None, "")));
    // Entra's codes have five to seven digits, in a few ranges.
    let ranges = [
        50_000..100_000,
        500_000..502_000,
        700_000..702_000,
        900_000..902_000,
        7_000_000..7_002_000,
    ];
    let unknown = |code: u32| format!("look up AADSTS{code} ");
    for code in ranges.into_iter().flatten() {
        let text = format!("AADSTS{code}: …");
        let fault = answered(401, Some(code), &text);
        if !remedy::of(SourceKind::WorkloadIdentity, Whereabouts::default(), &fault)
            .starts_with(&unknown(code))
        {
            all.push(fault);
        }
    }
    all.push(answered(401, Some(99_999), "AADSTS99999: …"));
    all
}

/// One of every other fault.
fn others() -> Vec<SourceFault> {
    let program = || "get-token".to_owned();
    let asked = |id: &str| Chosen {
        selector: Selector::ClientId(id.to_owned()),
        by: ChosenBy::Configuration,
    };
    let id = || asked("11111111-2222-3333-4444-555555555555");
    let said = || {
        Answered::read(
            400,
            None,
            br#"{"error":"invalid_request","error_description":"Identity not found"}"#,
        )
    };
    vec![
        SourceFault::TaskBroke,
        SourceFault::UnknownIdentity {
            said: said(),
            asked: id(),
        },
        SourceFault::UnknownIdentity {
            said: said(),
            asked: asked("orders-app"),
        },
        SourceFault::Redirected {
            status: 302,
            to: "`https://portal.example.org`".to_owned(),
        },
        SourceFault::Unreadable {
            what: "no token in it".to_owned(),
        },
        SourceFault::AlmostOver {
            left: Duration::from_secs(10),
        },
        SourceFault::Over {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            ago: Duration::from_secs(5400),
        },
        SourceFault::UnderWay {
            since: Duration::from_secs(9),
        },
        SourceFault::Empty,
        SourceFault::OtherIdentity {
            asked: id(),
            got: "client id 99999999-8888-7777-6666-555555555555".to_owned(),
        },
        SourceFault::OtherAudience {
            wanted: Audience::new("https://database.windows.net"),
            got: "https://management.azure.com".to_owned(),
        },
        SourceFault::Stray { what: "a space" },
        SourceFault::Program(ProgramFault::NotFound { program: program() }),
        SourceFault::Program(ProgramFault::Start {
            program: program(),
            source: io::Error::other("as the system says it"),
        }),
        SourceFault::Program(ProgramFault::Failed {
            program: program(),
            status: "exit status: 1".to_owned(),
            said: "its last words".to_owned(),
        }),
        SourceFault::Program(ProgramFault::TooSlow {
            program: program(),
            limit: Duration::from_secs(30),
        }),
        SourceFault::Program(ProgramFault::TooMuch {
            program: program(),
            limit: 65_536,
        }),
        SourceFault::File {
            what: "the token file",
            path: "/run/token".into(),
            source: io::Error::other("as the system says it"),
        },
    ]
}

/// In one word, as metrics have it.
fn kind(kind: TokenErrorKind) -> &'static str {
    match kind {
        TokenErrorKind::Network => "network",
        TokenErrorKind::Identity => "identity",
        TokenErrorKind::Configuration => "configuration",
        TokenErrorKind::Bug => "bug",
    }
}

/// Text in which nothing is taken for markup.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<")
}

/// Faults of these sources that are mended in one way.
struct Row {
    said: Vec<String>,
    sources: Vec<String>,
    kind: TokenErrorKind,
    remedy: String,
}

/// What can be done about a fault, by the sources that it is the same for.
fn rows(fault: &SourceFault) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let anywhere = met_by(fault).iter().map(|source| {
        let remedy = remedy::of(*source, Whereabouts::default(), fault);
        (*source, remedy, format!("`{source}`"))
    });
    // What is mended in another way there.
    let elsewhere = met_by(fault).iter().flat_map(|source| {
        let usual = remedy::of(*source, Whereabouts::default(), fault);
        Whereabouts::NAMED
            .iter()
            .filter_map(move |(whereabouts, name)| {
                let remedy = remedy::of(*source, *whereabouts, fault);
                (remedy != usual).then(|| (*source, remedy, format!("`{source}` {name}")))
            })
    });
    for (source, remedy, name) in anywhere.chain(elsewhere) {
        let said = Chain(fault).to_string();
        let levels: Vec<&str> = said.split(": ").collect();
        assert!(
            levels.windows(2).all(|pair| pair.first() != pair.last()),
            "said twice: {said}"
        );
        match rows.iter_mut().find(|row| row.remedy == remedy) {
            Some(row) => row.sources.push(name),
            None => rows.push(Row {
                said: vec![plain(&said)],
                sources: vec![name],
                kind: fault.kind(source),
                remedy,
            }),
        }
    }
    rows
}

/// A line for each way to mend faults.
fn table(faults: &[SourceFault]) -> String {
    let mut all: Vec<Row> = Vec::new();
    for row in faults.iter().flat_map(rows) {
        let alike = |one: &Row| {
            one.remedy == row.remedy && one.sources == row.sources && one.kind == row.kind
        };
        match all.iter().position(alike).and_then(|at| all.get_mut(at)) {
            Some(same) => same.said.extend(row.said),
            None => all.push(row),
        }
    }
    let mut table = "| it | source | kind | remedy |\n|---|---|---|---|\n".to_owned();
    for row in all {
        let said = row
            .said
            .join("<br>")
            .replace(&format!("<br>{UNASKED}"), "<br>… ");
        let (kind, remedy) = (kind(row.kind), plain(&row.remedy));
        let sources = match row.sources.len() {
            every if every == GIVERS.len() => "every".to_owned(),
            _ => row.sources.join(", "),
        };
        let _ = writeln!(table, "| {said} | {sources} | `{kind}` | {remedy} |");
    }
    table
}

/// The part of the page that this crate has to say.
async fn part() -> String {
    let parts = [
        ("The endpoint cannot be asked", exchanges().await),
        ("The endpoint says no", refusals()),
        (
            "What came is no token for this database, or nothing came",
            others(),
        ),
    ];
    let part = parts.map(|(title, faults)| format!("### {title}\n\n{}\n", table(&faults)));
    part.concat()
}

#[tokio::test]
async fn the_catalogue_of_reasons_for_no_token_is_that_of_the_code() {
    let written = fs::read_to_string(PAGE).unwrap();
    let begin = "<!-- causes: tokens -->\n";
    let (before, rest) = written.split_once(begin).unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let page = format!("{before}{begin}\n{}<!-- end -->{after}", part().await);
    if env::var_os("AZDB_WRITE").is_some() {
        fs::write(PAGE, page).unwrap();
        return;
    }
    let mut lines = written.lines().zip(page.lines());
    let differs = lines.find(|(is, should)| is != should);
    assert!(
        written == page,
        "docs/errors.md: AZDB_WRITE=1 cargo test -p azdb-identity catalogue makes it true: {differs:?}"
    );
}
