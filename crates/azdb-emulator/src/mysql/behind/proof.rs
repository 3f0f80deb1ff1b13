//! How a password is proved to the server behind.

use mysql_common::crypto;
use mysql_common::packets::AuthPlugin;

/// AuthMoreData of caching_sha2_password: the server knows the password, OK follows.
pub(super) const KNOWN: [u8; 2] = [1, 3];
/// The same: the server wants to see the password itself.
pub(super) const SHOW: [u8; 2] = [1, 4];
/// What asks for the server's public key.
pub(super) const KEY_PLEASE: [u8; 1] = [2];

/// A plugin and the random number of its present challenge.
pub(super) struct Proof {
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
}

impl Proof {
    pub(super) fn new(plugin: AuthPlugin<'_>, nonce: &[u8]) -> Self {
        Self {
            plugin: plugin.into_owned(),
            nonce: nonce.to_vec(),
        }
    }

    /// The proof that a login begins with. For a plugin that is not known here it is one that is: if the user has
    /// that one, good; if not, the server says what it wants.
    pub(super) fn of_greeting(plugin: Option<AuthPlugin<'_>>, nonce: &[u8]) -> Self {
        let plugin = match plugin {
            Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
            _ => AuthPlugin::MysqlNativePassword,
        };
        Self::new(plugin, nonce)
    }

    pub(super) fn plugin(&self) -> &[u8] {
        self.plugin.as_bytes()
    }

    /// The answer to the challenge; `None` when the plugin is not known here.
    pub(super) fn answer(&self, password: &str) -> Option<Vec<u8>> {
        match &self.plugin {
            AuthPlugin::CachingSha2Password if password.is_empty() => Some(vec![0]),
            AuthPlugin::CachingSha2Password | AuthPlugin::MysqlNativePassword => {
                let answer = self.plugin.gen_data(Some(password), &self.nonce);
                Some(answer.map(|answer| answer.to_vec()).unwrap_or_default())
            }
            _ => None,
        }
    }

    /// The password itself, for TLS alone.
    pub(super) fn shown(password: &str) -> Vec<u8> {
        password.bytes().chain([0]).collect()
    }

    /// The password for the eyes of who has the key.
    pub(super) fn encrypted(&self, password: &str, key: &[u8]) -> Vec<u8> {
        let shown = Self::shown(password).into_iter();
        let masked = shown.zip(self.nonce.iter().cycle());
        let masked: Vec<u8> = masked.map(|(byte, mask)| byte ^ mask).collect();
        crypto::encrypt(&masked, key)
    }
}
