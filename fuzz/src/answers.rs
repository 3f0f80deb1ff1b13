//! Any text as what an identity source answers.

use std::cell::RefCell;

use azdb_identity::{Audience, Environment, IdentityConfig, SourceKind};
use tempfile::NamedTempFile;
use tokio::runtime::{Builder, Runtime};

use super::house::tokens;

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a file"));
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
}

/// Takes it for the answer of a source, which ends with a token or with a cause and a remedy.
pub fn run(data: &[u8]) {
    FILE.with_borrow(|file| {
        std::fs::write(file.path(), data).expect("room");
        let identity = IdentityConfig {
            source: SourceKind::File,
            token_file: Some(file.path().to_owned()),
            ..IdentityConfig::default()
        };
        let tokens = tokens(Environment::default());
        let audience = Audience::new("https://ossrdbms-aad.database.windows.net");
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                let got = tokens.get(&identity, &audience);
                let limit = std::time::Duration::from_secs(60);
                if let Ok(Err(error)) = tokio::time::timeout(limit, got).await {
                    assert!(!error.to_string().is_empty());
                    assert!(!error.remedy().is_empty());
                }
                let _ = tokens.status();
            });
        });
    });
}
