//! What a server says first, and what it can do.

use mysql_common::constants::{CapabilityFlags, MariadbCapabilities, StatusFlags};
use mysql_common::packets::HandshakePacket;

/// The version that an app of the sample reads.
pub(super) const VERSION: &str = "8.0.40-azure";
/// The plugin of the greeting: Azure's own default.
const DEFAULT_PLUGIN: &[u8] = b"caching_sha2_password";
/// utf8mb4_0900_ai_ci.
const CHARSET: u8 = 255;

/// Clear in a greeting of MariaDB, and in the answer of an app that has read its extended flags.
pub(super) const MYSQL: CapabilityFlags = CapabilityFlags::CLIENT_LONG_PASSWORD;

/// What every login is read with.
pub(super) const LOGIN: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH);

/// What no app is offered whatever the server behind can do: compression hides the commands, the others would have to be
/// answered by the door.
const NEVER: CapabilityFlags = CapabilityFlags::CLIENT_COMPRESS
    .union(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM)
    .union(CapabilityFlags::CLIENT_PROGRESS_OBSOLETE)
    .union(CapabilityFlags::CLIENT_SSL_VERIFY_SERVER_CERT)
    .union(CapabilityFlags::CLIENT_REMEMBER_OPTIONS);

/// What a session of the sample can, which is what `opensrv-mysql` can.
pub(super) const OF_SAMPLE: CapabilityFlags = MYSQL.union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// Flags that only a login needs.
pub(super) const ONLY_LOGIN: CapabilityFlags = CapabilityFlags::CLIENT_SSL
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA);

/// The greeting of the sample.
pub(super) fn of_sample(id: u32) -> HandshakePacket<'static> {
    let capabilities = OF_SAMPLE | LOGIN | ONLY_LOGIN;
    let status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    greeting(VERSION.as_bytes(), id, capabilities, CHARSET, status)
}

/// What the server behind has said, so that an app takes it for that server, as far as both can do it.
pub(super) fn before<'a>(server: &'a HandshakePacket<'_>) -> HandshakePacket<'a> {
    let capabilities = server.capabilities();
    let extended = match capabilities.contains(MYSQL) {
        true => MariadbCapabilities::empty(),
        false => server.mariadb_ext_capabilities(),
    };
    let offered = (capabilities - NEVER) | LOGIN | CapabilityFlags::CLIENT_SSL;
    greeting(
        server.server_version_ref(),
        server.connection_id(),
        offered,
        server.default_collation(),
        server.status_flags(),
    )
    .with_mariadb_ext_capabilities(extended)
}

/// As Azure was seen to do, without a random number: that comes with the switch of plugins.
fn greeting(
    version: &[u8],
    id: u32,
    offered: CapabilityFlags,
    charset: u8,
    status: StatusFlags,
) -> HandshakePacket<'_> {
    let (begin, end) = (
        [0xfe; 8],
        Some(&b"\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\0"[..]),
    );
    let plugin = Some(DEFAULT_PLUGIN);
    HandshakePacket::new(
        10, version, id, begin, end, offered, charset, status, plugin,
    )
}
