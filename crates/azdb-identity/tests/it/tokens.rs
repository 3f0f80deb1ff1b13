//! `Tokens`: what is shared, what is told, what is never written.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::endpoint::{Endpoint, TOKEN, tls};
use azdb_identity::{
    Audience, Clock, Cloud, Environment, IdentityConfig, Selector, SourceKind, Tokens,
};

const SECRET: &str = "the-secret-of-this-instance";

fn of(source: SourceKind) -> IdentityConfig {
    IdentityConfig {
        source,
        ..IdentityConfig::default()
    }
}

fn audience() -> Audience {
    Cloud::Public.oss_rdbms_audience()
}

fn app_service(endpoint: &Endpoint) -> Tokens {
    let variables = [
        ("IDENTITY_ENDPOINT", endpoint.url.as_str()),
        ("IDENTITY_HEADER", SECRET),
    ];
    Tokens::new(Environment::from_iter(variables), tls())
}

/// A token file of one test.
struct TokenFile(PathBuf);

impl TokenFile {
    fn new(name: &str, token: &str) -> Self {
        let file = format!("azdb-identity-it-{name}-{}", std::process::id());
        let file = Self(std::env::temp_dir().join(file));
        file.write(token);
        file
    }

    fn write(&self, token: &str) {
        let content = format!(r#"{{"access_token":"{token}","expires_in":3600}}"#);
        std::fs::write(&self.0, content).unwrap();
    }

    fn identity(&self) -> IdentityConfig {
        IdentityConfig {
            token_file: Some(self.0.clone()),
            ..of(SourceKind::File)
        }
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

#[tokio::test]
async fn configurations_that_mean_the_same_share_one_token() {
    let endpoint = Endpoint::start();
    let tokens = app_service(&endpoint);
    let lazy = IdentityConfig {
        lazy: true,
        ..of(SourceKind::AppService)
    };
    for identity in [
        of(SourceKind::Auto),
        of(SourceKind::ManagedIdentity),
        of(SourceKind::AppService),
        lazy,
    ] {
        for tokens in [&tokens, &tokens.clone()] {
            assert_eq!(
                tokens.get(&identity, &audience()).await.unwrap().expose(),
                TOKEN
            );
        }
    }
    assert_eq!(endpoint.heads().len(), 1, "{:?}", endpoint.heads());
}

#[tokio::test]
async fn other_identities_and_audiences_have_their_own_tokens() {
    let endpoint = Endpoint::start();
    let tokens = app_service(&endpoint);
    let selector = Some(Selector::ObjectId("o".to_owned()));
    let other = IdentityConfig {
        selector,
        ..of(SourceKind::Auto)
    };
    tokens
        .get(&of(SourceKind::Auto), &audience())
        .await
        .unwrap();
    tokens
        .get(&of(SourceKind::Auto), &Cloud::Public.sql_audience())
        .await
        .unwrap();
    tokens.get(&other, &audience()).await.unwrap();
    let heads = endpoint.heads().join("\n");
    assert_eq!(endpoint.heads().len(), 3, "{heads}");
    assert!(heads.contains("object_id=o"), "{heads}");
    assert_eq!(tokens.status().len(), 3);
}

#[tokio::test]
async fn the_status_tells_everything_but_the_token() {
    let file = TokenFile::new("status", TOKEN);
    let tokens = Tokens::new(Environment::default(), tls());
    tokens.get(&file.identity(), &audience()).await.unwrap();
    let [status] = tokens.status().try_into().unwrap();
    assert_eq!(status.source, SourceKind::File);
    assert_eq!(status.audience, audience());
    let left = status.expires_in.unwrap();
    assert!(
        left > Duration::from_secs(3500) && left <= Duration::from_secs(3600),
        "{left:?}"
    );
    assert!(status.refresh_in.unwrap() < left);
    assert!(status.age.unwrap() < Duration::from_secs(60));
    assert_eq!(
        (
            status.fetched,
            status.failed_transient,
            status.failed_permanent
        ),
        (1, 0, 0)
    );
    assert!(!status.failing && status.last_error.is_none());
    assert!(!format!("{status:?}").contains(TOKEN));
}

#[tokio::test]
async fn an_error_is_in_the_status_with_its_time() {
    let file = TokenFile::new("error", "");
    let before = SystemTime::now();
    let tokens = Tokens::new(Environment::default(), tls());
    assert!(tokens.get(&file.identity(), &audience()).await.is_err());
    let [status] = tokens.status().try_into().unwrap();
    assert!(status.failing && status.expires_in.is_none());
    assert_eq!(
        (
            status.fetched,
            status.failed_transient,
            status.failed_permanent
        ),
        (0, 0, 1)
    );
    let (error, at) = status.last_error.unwrap();
    let cause = error.cause();
    let begin = std::env::temp_dir().join("azdb");
    let named = format!("the token file `{}", begin.display());
    assert!(cause.starts_with(&named), "{cause}");
    assert!(
        cause.ends_with("` gave no usable answer: `access_token` is empty"),
        "{cause}"
    );
    assert!(at >= before && at <= SystemTime::now());
}

#[tokio::test]
async fn what_a_fetch_met_is_there_for_a_login_whose_deadline_came_first() {
    // Taken, and not listened at.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let endpoint = format!("http://{}", taken.local_addr().unwrap());
    let variables = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", SECRET),
    ];
    let tokens = Tokens::new(Environment::from_iter(variables), tls());
    let identity = of(SourceKind::AppService);
    tokens.start(&identity, &audience()).unwrap();
    while tokens.last_error(&identity, &audience()).is_none() {
        tokio::task::yield_now().await;
    }
    let error = tokens.why_none(&identity, &audience()).unwrap();
    assert!(error.is_transient());
    assert!(
        error
            .cause()
            .contains("the App Service identity endpoint cannot be asked"),
        "{}",
        error.cause()
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_source_that_has_not_answered_is_named_to_a_login_whose_deadline_came_first() {
    let identity = IdentityConfig {
        command: vec!["/bin/sleep".to_owned(), "600".to_owned()],
        ..of(SourceKind::Command)
    };
    let tokens = Tokens::new(Environment::from_iter([("PATH", "/bin")]), tls());
    tokens.start(&identity, &audience()).unwrap();
    let error = loop {
        match tokens.why_none(&identity, &audience()) {
            Some(error) => break error,
            None => tokio::task::yield_now().await,
        }
    };
    let cause = error.cause();
    assert!(
        cause.starts_with("the token command `/bin/sleep` has not answered for "),
        "{cause}"
    );
    assert!(
        error.remedy().contains("must not ask questions"),
        "{}",
        error.remedy()
    );
    assert_eq!(error.kind(), azdb_identity::TokenErrorKind::Identity);
}

#[tokio::test]
async fn tokens_start_before_anybody_asks() {
    let endpoint = Endpoint::start();
    let tokens = app_service(&endpoint);
    tokens.start(&of(SourceKind::Auto), &audience()).unwrap();
    while tokens.status().iter().all(|status| status.fetched == 0) {
        tokio::task::yield_now().await;
    }
    let refused = tokens
        .start(&of(SourceKind::Command), &audience())
        .unwrap_err();
    assert_eq!(refused.cause(), "source `command` needs `command`");
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_forgotten() {
    let (a, b) = (
        TokenFile::new("retain-a", "a"),
        TokenFile::new("retain-b", "b"),
    );
    let tokens = Tokens::new(Environment::default(), tls());
    for file in [&a, &b] {
        tokens.get(&file.identity(), &audience()).await.unwrap();
    }
    a.write("a-again");
    tokens.retain([(&a.identity(), &audience())]);
    assert_eq!(tokens.status().len(), 1);
    assert_eq!(
        tokens
            .get(&a.identity(), &audience())
            .await
            .unwrap()
            .expose(),
        "a",
        "what is wanted stays"
    );
    tokens.retain([]);
    assert!(tokens.status().is_empty());
    assert_eq!(
        tokens
            .get(&a.identity(), &audience())
            .await
            .unwrap()
            .expose(),
        "a-again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_database_rejects_is_read_again() {
    let file = TokenFile::new("replace", "old");
    let clock = Clock::simulated(SystemTime::now());
    let tokens = Tokens::with_clock(Environment::default(), tls(), clock);
    let rejected = tokens.get(&file.identity(), &audience()).await.unwrap();
    assert!(
        tokens
            .replace(&file.identity(), &audience(), &rejected)
            .await
            .unwrap()
            .is_none()
    );
    file.write("new");
    tokio::time::sleep(Duration::from_secs(31)).await;
    let replaced = tokens
        .replace(&file.identity(), &audience(), &rejected)
        .await
        .unwrap();
    assert_eq!(replaced.unwrap().expose(), "new");
}
