//! What is known of a login: what it shares with others, how it is said once more, and what came of it.

use azdb_wire::mysql::{Capabilities, Greeting, Response, plugin, without_process};

use super::upstream::{Granted, bad_packet};
use super::{MysqlFault, Secretive};
use crate::fault::Fault;
use crate::kept::Key;
use crate::ledger::Beginning;

/// The fields of a login that no change of user changes.
const LASTING: [&str; 5] = [
    "caller",
    "principal",
    "capabilities",
    "extended capabilities",
    "max_packet",
];

/// What it takes to log in as an app did.
pub(crate) struct Pattern {
    /// What it called itself.
    pub(super) user: Vec<u8>,
    database: Option<Vec<u8>>,
    /// Without those of its process.
    attributes: Vec<u8>,
    capabilities: Capabilities,
    extended: u32,
    max_packet: u32,
    charset: u8,
    /// The flags that its upstream had offered.
    pub(super) offered: (Capabilities, u32),
}

/// What is remembered of a login that was granted.
pub(crate) struct Memory {
    /// The payload of the greeting before it.
    pub(super) greeting: Secretive,
    /// The payload of its OK.
    pub(super) ok: Vec<u8>,
    /// The plugin of the account.
    pub(super) plugin: Vec<u8>,
    pub(super) agreed: Capabilities,
    pub(super) extended: u32,
}

impl Pattern {
    /// Of an app that calls itself `user` and says this upstream, where such flags were offered.
    pub(super) fn of(user: &[u8], ours: &Response<'_>, offered: (Capabilities, u32)) -> Self {
        // A login whose attributes cannot be read has no key, and is no pattern.
        let attributes = without_process(ours.attributes).unwrap_or_default();
        Self {
            user: user.to_vec(),
            database: ours.database.map(<[u8]>::to_vec),
            attributes,
            capabilities: ours.capabilities,
            extended: ours.extended,
            max_packet: ours.max_packet,
            charset: ours.charset,
            offered,
        }
    }

    pub(super) fn ours<'a>(&'a self, user: &'a str) -> Response<'a> {
        Response {
            capabilities: self.capabilities,
            max_packet: self.max_packet,
            charset: self.charset,
            extended: self.extended,
            user: user.as_bytes(),
            auth: b"",
            database: self.database.as_deref(),
            plugin: plugin::NATIVE,
            attributes: &self.attributes,
            zstd_level: 0,
        }
    }
}

impl Memory {
    pub(super) fn of<S>(granted: &Granted<S>, agreed: Capabilities, extended: u32) -> Self {
        Self {
            greeting: granted.greeting.clone(),
            ok: granted.ok.clone(),
            plugin: granted.plugin.clone(),
            agreed,
            extended,
        }
    }

    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        Greeting::parse(&self.greeting).map_err(bad_packet)
    }
}

/// A login by all that another must share with it to have its session; `None` where its attributes cannot be read. It goes on what is
/// known of any protocol's.
pub(super) fn key_of(ours: &Response<'_>, of_any: Key) -> Option<Key> {
    let parts = [ours.lasting_parts(), ours.passing_parts()?].concat();
    Some(
        parts
            .into_iter()
            .fold(of_any, |key, (name, value)| key.with(name, value)),
    )
}

/// In what a login differs from that of a session which waits, if it cannot have it.
pub(super) fn difference(waiting: &Key, key: &Key, beginning: Beginning) -> Option<Box<[u8]>> {
    if beginning == Beginning::Reused {
        let differs = |name: &&&str| waiting.field(name) != key.field(name);
        let name = LASTING.iter().find(differs)?;
        return Some(name.as_bytes().into());
    }
    let difference = key.differs_from(waiting)?;
    Some(difference.first)
}
