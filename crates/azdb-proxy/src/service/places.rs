//! Where a service has its files.

use std::path::{Path, PathBuf};

use azdb_config::Overrides;
use azdb_identity::Environment;

/// The directories of the service.
#[derive(Debug)]
pub(super) struct Places {
    /// Configuration and secrets.
    pub(super) home: PathBuf,
}

impl Places {
    pub(super) fn of(env: &Environment) -> Self {
        let data = env.get("ProgramData").unwrap_or(r"C:\ProgramData");
        Self {
            home: Path::new(data).join("azdb-proxy"),
        }
    }

    /// The configuration, unless somebody has said another.
    pub(super) fn config(&self) -> PathBuf {
        self.home.join("proxy.toml")
    }

    /// Where it keeps what outlives it.
    pub(super) fn state(&self) -> PathBuf {
        self.home.join("state")
    }

    /// Where its log is.
    pub(super) fn logs(&self) -> PathBuf {
        self.home.join("logs")
    }

    /// The log, unless the configuration says another.
    pub(super) fn log(&self) -> PathBuf {
        self.logs().join("azdb-proxy.log")
    }

    /// What a service finds in its environment: these directories, in systemd's words, unless somebody has said others.
    pub(super) fn environment(&self, env: &Environment) -> Environment {
        let ours = [
            ("STATE_DIRECTORY", self.state()),
            ("LOGS_DIRECTORY", self.logs()),
        ];
        let ours = ours.into_iter().filter(|(name, _)| env.get(name).is_none());
        let ours = ours.map(|(name, path)| (name.to_owned(), path.display().to_string()));
        let theirs = env
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        theirs.chain(ours).collect()
    }
}

/// What the service manager says to the service.
pub(super) fn overrides(config: &Path) -> Overrides {
    Overrides {
        config: Some(config.to_owned()),
        ..Overrides::default()
    }
}

/// Names of files in a configuration are relative to it: a service begins in a directory of Windows'.
pub(super) fn go_to(config: &Path) {
    if let Some(directory) = config.parent() {
        // Where it cannot be entered, the configuration cannot be read either, which says so.
        let _ = std::env::set_current_dir(directory);
    }
}

/// The configuration that a service's command line names: it is the last word of it.
pub(super) fn config_in(command_line: &str) -> Option<PathBuf> {
    let (_, path) = command_line.rsplit_once(" --config ")?;
    Some(PathBuf::from(path.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_finds_its_directories_unless_somebody_has_said_others() {
        let env: Environment = [("ProgramData", r"D:\Data"), ("LOGS_DIRECTORY", r"E:\logs")]
            .into_iter()
            .collect();
        let places = Places::of(&env);
        assert_eq!(places.config(), Path::new(r"D:\Data\azdb-proxy\proxy.toml"));
        let env = places.environment(&env);
        assert_eq!(
            env.get("STATE_DIRECTORY"),
            Some(r"D:\Data\azdb-proxy\state")
        );
        assert_eq!(env.get("LOGS_DIRECTORY"), Some(r"E:\logs"));
        assert_eq!(env.get("ProgramData"), Some(r"D:\Data"));
    }

    #[test]
    fn the_configuration_is_read_from_the_command_line_that_install_writes() {
        for (line, config) in [
            (
                r#""C:\Program Files\azdb-proxy\azdb-proxy.exe" service run --config "C:\My Data\proxy.toml""#,
                Some(r"C:\My Data\proxy.toml"),
            ),
            (
                r"C:\azdb-proxy.exe service run --config C:\proxy.toml",
                Some(r"C:\proxy.toml"),
            ),
            (r"C:\nssm.exe", None),
        ] {
            assert_eq!(config_in(line).as_deref(), config.map(Path::new));
        }
    }
}
