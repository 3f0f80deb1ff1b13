//! Waiting until files hold something else.
//!
//! They are read every now and then: that sees a change of content, and nothing else, on every file system, through symlinks that are
//! swapped as Kubernetes swaps those of config maps and secrets.
//!
//! # Invariants
//!
//! * A file that is still being written is waited for: two looks must agree.

use std::time::Duration;

use azdb_config::Files;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Files, as they are known.
pub(super) struct Watch {
    files: Files,
}

impl Watch {
    pub(super) fn over(files: Files) -> Self {
        Self { files }
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// Comes when they have changed, and have not changed since the last look. Returns which.
    pub(super) async fn changed(&self) -> Vec<String> {
        let mut before = self.files.clone();
        loop {
            tokio::time::sleep(PAUSE).await;
            let known = self.files.clone();
            // A thread that breaks off has seen nothing.
            let Ok(now) = tokio::task::spawn_blocking(move || known.now()).await else {
                continue;
            };
            if now == before && now != self.files {
                let different = self.files.different_in(&now);
                return different.map(|path| path.display().to_string()).collect();
            }
            before = now;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// The files of a configuration with one route.
    fn files_of(path: &std::path::Path) -> Files {
        let overrides = azdb_config::Overrides {
            config: Some(path.to_owned()),
            ..azdb_config::Overrides::default()
        };
        let env = azdb_identity::Environment::default();
        azdb_config::load(&overrides, &env).unwrap().files
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_still_being_written_is_waited_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let route = "[[route]]\nprotocol = \"tds\"\nupstream = \"stock.database.windows.net\"\n";
        std::fs::write(file.path(), route).unwrap();
        let watch = Watch::over(files_of(file.path()));
        let changed = watch.changed();
        let mut changed = std::pin::pin!(changed);
        // One look comes between two writes.
        let mut until_written = PAUSE / 2;
        for written in 0..5 {
            let waiting = tokio::time::timeout(until_written, changed.as_mut()).await;
            assert!(waiting.is_err(), "after {written}");
            until_written = PAUSE;
            std::fs::write(file.path(), format!("{route}# {written}\n")).unwrap();
        }
        assert_eq!(changed.await, [file.path().display().to_string()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_written_anew_with_the_same_content_has_not_changed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let route = "[[route]]\nprotocol = \"tds\"\nupstream = \"stock.database.windows.net\"\n";
        std::fs::write(file.path(), route).unwrap();
        let watch = Watch::over(files_of(file.path()));
        std::fs::write(file.path(), route).unwrap();
        assert!(
            tokio::time::timeout(PAUSE * 10, watch.changed())
                .await
                .is_err()
        );
    }
}
