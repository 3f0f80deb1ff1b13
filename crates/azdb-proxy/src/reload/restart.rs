//! What a reload cannot change: it is fixed when the process starts.

use std::path::PathBuf;

use azdb_config::route::ListenAddr;
use azdb_config::{Admin, Config, Process};

/// What was so at the start, and is so until the end.
pub(super) struct Fixed {
    process: Process,
    health: Vec<ListenAddr>,
    admin: Admin,
}

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            process: config.process.clone(),
            health: config.health.clone(),
            admin: config.admin.clone(),
        }
    }

    /// Where the certificate for apps is kept.
    pub(super) fn state_dir(&self) -> Option<&PathBuf> {
        self.process.state_dir.as_ref()
    }

    /// A warning for each key of `config` that says something else than what is in force.
    pub(super) fn warnings(&self, config: &Config) -> Vec<String> {
        // Named one by one, so that nobody forgets to say of a new key what a reload does with it.
        let Process {
            log_format,
            log_to,
            log_file,
            state_dir,
            exit_when_idle,
            // Of the start alone: it has been.
            require_ready: _,
            ready_timeout: _,
            // In force from now on.
            log_level: _,
            min_sigterm_delay: _,
            max_sigterm_delay: _,
            drain_idle: _,
            exit_zero_on_sigterm: _,
            reload_on_change: _,
        } = &config.process;
        let process = &self.process;
        let keys = [
            ("[process] log_format", *log_format != process.log_format),
            ("[process] log_to", *log_to != process.log_to),
            ("[process] log_file", *log_file != process.log_file),
            ("[process] state_dir", *state_dir != process.state_dir),
            (
                "[process] exit_when_idle",
                *exit_when_idle != process.exit_when_idle,
            ),
            ("[health] listen", config.health != self.health),
            ("[admin]", config.admin != self.admin),
        ];
        let changed = keys.into_iter().filter(|(_, is_changed)| *is_changed);
        let needs = |(key, _)| format!("{key}: a change needs a restart");
        changed.map(needs).collect()
    }
}
