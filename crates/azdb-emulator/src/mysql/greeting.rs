//! What a server says first, and the capability flags in it.

use mysql_common::packets::HandshakePacket;

/// The version that an app of the sample reads.
pub(super) const VERSION: &str = "8.0.40-azure";
/// The plugin of the greeting: Azure's own default.
const DEFAULT_PLUGIN: &str = "caching_sha2_password";

/// Capability flags.
pub(super) mod flag {
    /// Clear in a greeting of MariaDB, and in the answer of an app that has read its extended flags.
    pub(in super::super) const MYSQL: u32 = 1;
    pub(in super::super) const CONNECT_WITH_DB: u32 = 1 << 3;
    const COMPRESS: u32 = 1 << 5;
    pub(in super::super) const PROTOCOL_41: u32 = 1 << 9;
    pub(in super::super) const SSL: u32 = 1 << 11;
    pub(in super::super) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(in super::super) const PLUGIN_AUTH: u32 = 1 << 19;
    pub(in super::super) const CONNECT_ATTRS: u32 = 1 << 20;
    pub(in super::super) const LENENC: u32 = 1 << 21;
    pub(in super::super) const DEPRECATE_EOF: u32 = 1 << 24;
    const ZSTD: u32 = 1 << 26;
    /// Several factors, MariaDB's old progress reports, and two that only clients know.
    const FOUR_HIGHEST: u32 = 0xf << 28;

    /// What no app is offered whatever the server behind can do: compression hides the commands, the others would have to be
    /// answered by the door.
    pub(in super::super) const NEVER: u32 = COMPRESS | ZSTD | FOUR_HIGHEST;
    /// What every login is read with.
    pub(in super::super) const LOGIN: u32 = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;
}

/// What `opensrv-mysql` can do, which is what all sessions of the sample can, and the flags of a login.
pub(super) const CAPABILITIES: u32 = flag::MYSQL
    | flag::LOGIN
    | flag::CONNECT_WITH_DB
    | flag::SSL
    | flag::CONNECT_ATTRS
    | flag::LENENC
    | flag::DEPRECATE_EOF;

/// A greeting of the door.
#[derive(Clone)]
pub(super) struct Greeting {
    version: Vec<u8>,
    /// The id of the session, which `KILL` takes.
    pub(super) id: u32,
    pub(super) capabilities: u32,
    /// MariaDB's flags above the 32 of MySQL.
    pub(super) extended: u32,
    charset: u8,
    status: u16,
}

impl Greeting {
    /// The greeting of the sample.
    pub(super) fn of_sample(id: u32) -> Self {
        Self {
            version: VERSION.into(),
            id,
            capabilities: CAPABILITIES,
            extended: 0,
            charset: 255,
            status: 2,
        }
    }

    /// What the server behind has said, so that an app takes it for that server, as far as both can do it.
    pub(super) fn before(server: &HandshakePacket<'_>) -> Self {
        let capabilities = server.capabilities().bits();
        Self {
            version: server.server_version_ref().to_vec(),
            id: server.connection_id(),
            capabilities: capabilities & !flag::NEVER | flag::LOGIN | flag::SSL,
            extended: if capabilities & flag::MYSQL == 0 {
                server.mariadb_ext_capabilities().bits()
            } else {
                0
            },
            charset: server.default_collation(),
            status: server.status_flags().bits(),
        }
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        let [low_a, low_b, high_a, high_b] = self.capabilities.to_le_bytes();
        let mut payload = vec![10];
        payload.extend(&self.version);
        payload.push(0);
        payload.extend(self.id.to_le_bytes());
        // As Azure was seen to do: the random number comes with the switch.
        payload.extend([0xfe; 8]);
        payload.extend([0, low_a, low_b, self.charset]);
        payload.extend(self.status.to_le_bytes());
        payload.extend([high_a, high_b, 21]);
        payload.extend([0; 6]);
        payload.extend(self.extended.to_le_bytes());
        payload.extend([0xfe; 12]);
        payload.push(0);
        payload.extend(DEFAULT_PLUGIN.bytes().chain([0]));
        payload
    }
}
