//! What an app asks for when it logs in or changes its user, and how that is asked of somebody else.

use std::io;

use mysql_common::constants::{CapabilityFlags, MariadbCapabilities};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, HandshakeResponse, SslRequest};

use super::greeting::MYSQL;
use super::packet::{invalid, payload};

/// utf8mb4_general_ci.
const ANY_CHARSET: u16 = 45;
/// The only length of a request for TLS; responses are longer.
const SSL_REQUEST: usize = 32;

/// A response to the greeting, or a COM_CHANGE_USER.
#[derive(Clone, Default)]
pub(super) struct Asked {
    pub(super) user: String,
    pub(super) database: String,
    /// The plugin that it announces, and the answer that it has sent for that.
    pub(super) plugin: String,
    pub(super) answer: Vec<u8>,
    pub(super) charset: u16,
    /// Flags of the session.
    pub(super) capabilities: CapabilityFlags,
    /// MariaDB's flags above the 32 of MySQL.
    pub(super) extended: MariadbCapabilities,
    pub(super) max_packet: u32,
}

/// A login that we send: who it is and how that is proved.
pub(super) struct Proof<'a> {
    pub(super) user: &'a str,
    pub(super) plugin: AuthPlugin<'a>,
    pub(super) answer: Vec<u8>,
}

/// Whether a payload is a request for TLS.
pub(super) fn wants_tls(payload: &[u8]) -> bool {
    let request = ParseBuf(payload).parse::<SslRequest>(());
    let has_flag = |it: SslRequest| it.capabilities().contains(CapabilityFlags::CLIENT_SSL);
    payload.len() == SSL_REQUEST && request.is_ok_and(has_flag)
}

impl Asked {
    /// Reads a response.
    pub(super) fn at_login(payload: &[u8]) -> io::Result<Self> {
        let head: SslRequest = ParseBuf(payload).parse(())?;
        let mut rest = ParseBuf(payload);
        let response: HandshakeResponse<'_> = rest.parse(())?;
        let capabilities = response.capabilities();
        if !capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
            return Err(invalid("a client from before 4.1"));
        }
        if !rest.is_empty() {
            return Err(invalid("bytes behind the response"));
        }
        let plugin = response.auth_plugin().map(AuthPlugin::as_bytes);
        Ok(Self {
            user: text(response.user()),
            database: text(response.db_name().unwrap_or_default()),
            plugin: text(plugin.unwrap_or_default()),
            answer: response.scramble_buf().to_vec(),
            charset: response.collation().into(),
            capabilities,
            extended: match capabilities.contains(MYSQL) {
                true => MariadbCapabilities::empty(),
                false => response.mariadb_ext_capabilities(),
            },
            max_packet: head.max_packet_size(),
        })
    }

    /// Reads a COM_CHANGE_USER of who has logged in so. Its connection attributes are nobody's business.
    pub(super) fn change(&self, command: &[u8]) -> io::Result<Self> {
        let short = || invalid("a change of user that ends too early");
        let mut fields = ParseBuf(command);
        fields.checked_eat_u8().ok_or_else(short)?;
        let user = text(fields.eat_null_str());
        let answer = fields.checked_eat_u8_str().ok_or_else(short)?.to_vec();
        let database = text(fields.eat_null_str());
        let charset = fields.checked_eat_u16_le().ok_or_else(short)?;
        let plugin = text(fields.eat_null_str());
        if plugin.is_empty() {
            return Err(invalid("a change of user without a plugin's name"));
        }
        Ok(Self {
            user,
            database,
            plugin,
            answer,
            charset,
            ..self.clone()
        })
    }

    /// Somebody who wants nothing: no database, no flags.
    pub(super) fn nothing() -> Self {
        Self {
            charset: ANY_CHARSET,
            capabilities: MYSQL,
            max_packet: 1 << 24,
            ..Self::default()
        }
    }

    /// The same asked of another server under these flags: the payloads of the request for TLS and of the response.
    pub(super) fn repeated(
        &self,
        proof: Proof<'_>,
        database: Option<&str>,
        capabilities: CapabilityFlags,
        extended: MariadbCapabilities,
    ) -> (Vec<u8>, Vec<u8>) {
        let response = HandshakeResponse::new(
            Some(proof.answer),
            (8, 0, 0),
            Some(proof.user.as_bytes()),
            database.map(str::as_bytes),
            Some(proof.plugin),
            capabilities,
            None,
            self.max_packet,
        )
        .with_mariadb_ext_capabilities(extended);
        // A response has no other way to be given a character set than its place behind the flags and the packet's length.
        let [charset, _] = self.charset.to_le_bytes();
        let request = SslRequest::new(response.capabilities(), self.max_packet, charset)
            .with_mariadb_capabilities(extended);
        let (request, mut response) = (payload(&request), payload(&response));
        response.splice(8..9, [charset]);
        (request, response)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
