//! Token files.

#[cfg(unix)]
use std::path::Path;
use std::time::Duration;

use serde_json::json;

#[cfg(unix)]
use super::TENANT;
use super::{
    CLIENT_ID, OBJECT_ID, RESOURCE_ID, Scratch, around, epoch, fetch, of, refused, token_of,
};
#[cfg(unix)]
use crate::Selector;
use crate::{IdentityConfig, SourceKind};

fn file(path: std::path::PathBuf) -> IdentityConfig {
    IdentityConfig {
        token_file: Some(path),
        ..of(SourceKind::File)
    }
}

#[tokio::test]
async fn a_bare_token_ends_when_it_says() {
    let scratch = Scratch::new("file-bare");
    let token = token_of(CLIENT_ID, OBJECT_ID, RESOURCE_ID);
    let path = scratch.file("token", format!("\u{feff}{token}\r\n"));
    let grant = fetch(&file(path), &around([])).await.ok().unwrap();
    assert_eq!(grant.token.expose(), token);
    let claims = grant.token.claims().unwrap();
    assert_eq!(claims.ends(), Some(grant.token.expires_at()));
}

#[tokio::test]
async fn json_is_taken_and_the_file_is_read_again() {
    let scratch = Scratch::new("file-json");
    let path = scratch.file(
        "token",
        json!({"access_token": "one", "expires_on": epoch(Duration::from_secs(900))}).to_string(),
    );
    let identity = file(path);
    let grant = fetch(&identity, &around([])).await.ok().unwrap();
    assert_eq!(grant.token.expose(), "one");
    scratch.file(
        "token",
        json!({"token": "two", "expiresOn": "2100-01-02T03:04:05Z"}).to_string(),
    );
    let grant = fetch(&identity, &around([])).await.ok().unwrap();
    assert_eq!(grant.token.expose(), "two");
}

#[tokio::test]
async fn a_text_that_says_nothing_of_its_end_lasts_ten_minutes() {
    let scratch = Scratch::new("file-opaque");
    let path = scratch.file("token", "opaque");
    let around = around([]);
    let grant = fetch(&file(path), &around).await.ok().unwrap();
    let left = grant.token.left();
    assert!(
        left > Duration::from_secs(590) && left <= Duration::from_secs(600),
        "{left:?}"
    );
}

#[tokio::test]
async fn files_without_a_token_say_why() {
    let scratch = Scratch::new("file-wrong");
    for (content, says) in [
        (b"".as_slice(), "token` is empty"),
        (b"\n \n", "token` is empty"),
        (b"two words", "more than one word"),
        (b"{\"a\":1}", "no `access_token`"),
        (b"{broken", "not the JSON"),
        (b"\xff", "not text"),
        (b"\xff\xfet\0", "it is UTF-16"),
    ] {
        let path = scratch.file("token", content);
        let error = refused(fetch(&file(path), &around([])).await);
        assert!(error.cause().contains(says), "{}", error.cause());
    }
    let error = refused(fetch(&file(scratch.path().join("gone")), &around([])).await);
    assert!(error.cause().contains("gone"), "{}", error.cause());
    let error = refused(fetch(&file(scratch.path().to_owned()), &around([])).await);
    assert!(
        error.cause().contains("not a regular file"),
        "{}",
        error.cause()
    );
    assert!(
        error.remedy().contains("a regular file"),
        "{}",
        error.remedy()
    );
    let path = scratch.file("long", vec![b'x'; 256 * 1024 + 1]);
    let error = refused(fetch(&file(path), &around([])).await);
    assert!(
        error.cause().contains("longer than 256 KiB"),
        "{}",
        error.cause()
    );
}

/// A FIFO would hold whoever opens it until somebody writes to it, and a device never ends.
#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_is_refused_at_once_by_every_source_that_reads_one() {
    let scratch = Scratch::new("file-fifo");
    let fifo = scratch.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    for path in [fifo.as_path(), Path::new("/dev/zero"), Path::new("/")] {
        let principal = IdentityConfig {
            selector: Some(Selector::ClientId(CLIENT_ID.to_owned())),
            tenant_id: Some(TENANT.to_owned()),
            ..of(SourceKind::ServicePrincipal)
        };
        let path = || Some(path.to_owned());
        for identity in [
            file(path().unwrap()),
            IdentityConfig {
                client_secret_file: path(),
                ..principal.clone()
            },
            IdentityConfig {
                certificate_file: path(),
                ..principal.clone()
            },
            IdentityConfig {
                source: SourceKind::WorkloadIdentity,
                token_file: path(),
                ..principal.clone()
            },
        ] {
            let error = refused(fetch(&identity, &around([])).await);
            let cause = error.cause();
            assert!(cause.ends_with("it is not a regular file"), "{cause}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_over_is_not_taken() {
    let scratch = Scratch::new("file-over");
    let path = scratch.file(
        "token",
        json!({"access_token": "x", "expires_on": 1_500_000_000}).to_string(),
    );
    let error = refused(fetch(&file(path.clone()), &around([])).await);
    let cause = error.cause();
    let begins = format!(
        "the token file `{}` gave a token that ended at 2017-07-14T02:40:00Z, ",
        path.display()
    );
    assert!(
        cause.starts_with(&begins) && cause.ends_with(" days ago"),
        "{cause}"
    );
    // Whoever should renew it does not.
    assert!(!error.is_transient());
    assert!(
        error.remedy().contains("newer token written into the file"),
        "{}",
        error.remedy()
    );
}
