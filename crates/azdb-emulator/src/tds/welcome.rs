//! The login response.

use super::login7::{Login7, feature};
use super::record::Route;
use super::token::{COLLATION, Done, Refusal, Tokens, change, done};
use super::version::Version;

const DEFAULT_PACKET: u16 = 4096;
/// Largest packet under TLS: a record must hold it.
const LARGEST_SEALED: u32 = 16_383;
const LARGEST: u32 = 32_767;
const SMALLEST: u32 = 512;

/// The packet size for a client that wishes this one.
pub(super) fn packet_size(wished: u32, is_encrypted: bool) -> u16 {
    let largest = if is_encrypted {
        LARGEST_SEALED
    } else {
        LARGEST
    };
    match wished {
        0 => DEFAULT_PACKET,
        wished => u16::try_from(wished.clamp(SMALLEST, largest)).unwrap_or(DEFAULT_PACKET),
    }
}

/// The database of a login.
pub(super) fn database(login: &Login7) -> &str {
    match login.database.as_str() {
        "" => "master",
        database => database,
    }
}

/// A login that is refused.
pub(super) fn refusal(refusal: &Refusal, version: Version) -> Tokens {
    let mut tokens = Tokens::new(version);
    tokens.error(refusal);
    tokens.done(Done::Statement, done::ERROR, 0, 0);
    tokens
}

/// A login that goes elsewhere.
pub(super) fn routing(login: &Login7, route: &Route, version: Version) -> Tokens {
    let mut tokens = Tokens::new(version);
    if route.with_ack {
        context(&mut tokens, login);
        tokens.login_ack(login.tds_version);
        tokens.feature_acks(&acks(login));
    }
    tokens.routing(&route.host, route.port);
    tokens.done(Done::Statement, done::FINAL, 0, 0);
    tokens
}

/// A login that comes in.
pub(super) fn admission(packet_size: u16, login: &Login7, version: Version) -> Tokens {
    let mut tokens = Tokens::new(version);
    context(&mut tokens, login);
    tokens.login_ack(login.tds_version);
    let (size, default) = (packet_size.to_string(), DEFAULT_PACKET.to_string());
    tokens.changed(change::PACKET_SIZE, &size, &default);
    let acks = acks(login);
    if !acks.is_empty() {
        tokens.feature_acks(&acks);
    }
    tokens.done(Done::Statement, done::FINAL, 0, 0);
    tokens
}

/// Database, collation and language, in the words of the real server.
fn context(tokens: &mut Tokens, login: &Login7) {
    let database = database(login);
    tokens.changed(change::DATABASE, database, "master");
    let text = format!("Changed database context to '{database}'.");
    tokens.info(5701, 0, &text);
    if tokens.version.has_collations() {
        tokens.changed_bytes(change::COLLATION, &COLLATION, &[]);
    } else {
        tokens.changed(change::CHARACTER_SET, "iso_1", "");
        tokens.changed(change::LOCALE, "1033", "");
        tokens.changed(change::COMPARISON, "196609", "");
    }
    tokens.changed(change::LANGUAGE, "us_english", "");
    tokens.info(5703, 0, "Changed language setting to us_english.");
}

/// What features are acknowledged, in the client's order.
fn acks(login: &Login7) -> Vec<(u8, Vec<u8>)> {
    let acks = login.features.iter().filter_map(|(id, _)| match *id {
        feature::FEDAUTH => Some((*id, Vec::new())),
        feature::AZURE_SQL_SUPPORT | feature::UTF8_SUPPORT => Some((*id, vec![1])),
        _ => None,
    });
    acks.collect()
}
