//! In what two logins must be alike for a session of the one to serve the other.
//!
//! It is every field and every byte of a feature that a server could let a session depend on. What proves who the app is, is not
//! among them: the principal stands for it. Nor is what numbers the app's process, its connection and its network card, which differ with each
//! process of the same app.

use alloc::vec::Vec;

use super::feature::{Features, feature_id};
use super::login::Login7;

/// Who wants a session of before to be taken up again names this feature, with what that session was.
const SESSION_RECOVERY: u8 = 0x01;

impl Login7<'_> {
    /// Tells the fields by name, always all of them and in one order. `database` stands in place of the login's own.
    ///
    /// None of them is a secret.
    pub fn likeness(&self, database: &[u8], mut field: impl FnMut(&'static str, &[u8])) {
        field("TDS version", &self.version.to_login().to_le_bytes());
        field("packet size", &self.packet_size.to_le_bytes());
        field("driver version", &self.program_version.to_le_bytes());
        // Among them whether it only means to read.
        field("option flags", &self.flags);
        field("time zone", &self.time_zone.to_le_bytes());
        field("locale", &self.lcid.to_le_bytes());
        field("host name", self.host);
        field("application name", self.app);
        field("server name", self.server);
        field("driver", self.library);
        field("language", self.language);
        field("database", database);
        field("attached file", self.attach_file);
        field("features", &self.likeness_of_features());
    }

    /// The list as it came, but for the app's own token.
    fn likeness_of_features(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for (id, data) in self.features.iter() {
            let data = match id {
                feature_id::FED_AUTH => data.get(..1).unwrap_or(data),
                _ => data,
            };
            list.push(id);
            list.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
            list.extend_from_slice(data);
        }
        list
    }

    /// Whether the app wants a session of before to be taken up again: no other session could be that one.
    pub fn resumes(&self) -> bool {
        let recovery = self.features.get(SESSION_RECOVERY);
        recovery.is_some_and(|data| !data.is_empty())
    }
}

impl Features<'_> {
    /// Whether a server that grants these promises that the session could be taken up again.
    pub(super) fn promise_to_resume(self) -> bool {
        self.get(SESSION_RECOVERY).is_some()
    }
}
