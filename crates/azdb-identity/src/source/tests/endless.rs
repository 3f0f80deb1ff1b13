//! Whoever answers without end is left, whatever it is that does not end.

use super::each::ask_each;
use super::endpoint::Endpoint;
use super::refused;
#[cfg(unix)]
use super::{Scratch, around, fetch, of};
#[cfg(unix)]
use crate::{IdentityConfig, SourceKind};

/// Whatever were given up by its time would say so, and not what these texts say.
#[tokio::test]
async fn no_endpoint_can_answer_without_end() {
    let (answer, head) = (
        "the answer is longer than",
        "the head of the answer is longer",
    );
    for (begins, goes_on, says) in [
        ("HTTP/1.1 200 OK\r\n\r\n", [b' '; 4096].as_slice(), answer),
        ("HTTP/1.1 400 No\r\n\r\n{", b"\"error\":", answer),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"8\r\n        \r\n",
            answer,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
            b" ",
            answer,
        ),
        ("HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n", head),
        ("HTTP/1.1 200 OK\r\nX-Long: ", [b'x'; 4096].as_slice(), head),
        ("HTTP/1.1 200 ", [b'O'; 4096].as_slice(), head),
    ] {
        let asking = ask_each(async |way| Endpoint::endless(way, begins, goes_on).await);
        for (kind, outcome) in asking.await {
            let error = refused(outcome);
            assert!(
                error.cause().contains(says),
                "{kind}, {begins:?}: {}",
                error.cause()
            );
            assert!(!error.is_transient(), "{kind}, {begins:?}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn no_program_can_print_without_end() {
    let scratch = Scratch::new("endless");
    for (name, source) in [
        ("az", SourceKind::AzureCli),
        ("azd", SourceKind::AzureDeveloperCli),
        ("pwsh", SourceKind::AzurePowershell),
        ("token", SourceKind::Command),
    ] {
        let program = scratch.program(name, "exec yes '{'");
        let path = format!("{}:/usr/bin:/bin", scratch.path().display());
        let identity = IdentityConfig {
            command: vec![program],
            ..of(source)
        };
        let error = refused(fetch(&identity, &around([("PATH", path.as_str())])).await);
        assert!(
            error.cause().ends_with("printed more than 262144 bytes"),
            "{}",
            error.cause()
        );
        // What it complains is cut, and does not keep it from its end.
        let script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 3";
        scratch.program(name, script);
        let error = refused(fetch(&identity, &around([("PATH", path.as_str())])).await);
        assert!(
            error.cause().contains("ended with code 3: xxx"),
            "{}",
            error.cause()
        );
        assert!(error.cause().len() < 1000);
    }
}
