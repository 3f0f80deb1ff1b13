//! The login response.

use super::login7::{Login7, feature};
use super::record::{Dress, LoginScript, Route};
use super::token::{COLLATION, Done, Refusal, Tokens, change, done};

const DEFAULT_PACKET: u16 = 4096;
/// Largest packet under TLS: a record must hold it.
const LARGEST_SEALED: u32 = 16_383;
const LARGEST: u32 = 32_767;
const SMALLEST: u32 = 512;

/// What login has settled.
pub(super) struct Agreed {
    pub(super) packet_size: u16,
}

impl Agreed {
    pub(super) fn new(login: &Login7, is_encrypted: bool, script: Option<&LoginScript>) -> Self {
        let largest = if is_encrypted {
            LARGEST_SEALED
        } else {
            LARGEST
        };
        let wished = match login.packet_size {
            0 => DEFAULT_PACKET,
            wished => u16::try_from(wished.clamp(SMALLEST, largest)).unwrap_or(DEFAULT_PACKET),
        };
        Self {
            packet_size: dress(script).packet_size.unwrap_or(wished),
        }
    }
}

fn dress(script: Option<&LoginScript>) -> Dress {
    match script {
        Some(LoginScript::Admit(dress)) => dress.clone(),
        _ => Dress::default(),
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
pub(super) fn refusal(refusal: &Refusal) -> Tokens {
    let mut tokens = Tokens::new();
    tokens.error(refusal);
    tokens.done(Done::Statement, done::ERROR, 0, 0);
    tokens
}

/// A login that goes elsewhere.
pub(super) fn routing(login: &Login7, route: &Route) -> Tokens {
    let mut tokens = Tokens::new();
    if route.with_ack {
        context(&mut tokens, login);
        tokens.login_ack(login.tds_version);
        tokens.feature_acks(&acks(login, &Dress::default()));
    }
    tokens.routing(&route.host, route.port, route.database.as_deref());
    tokens.done(Done::Statement, done::FINAL, 0, 0);
    tokens
}

/// A login that comes in.
pub(super) fn admission(agreed: &Agreed, login: &Login7, script: Option<&LoginScript>) -> Tokens {
    let dress = dress(script);
    let mut tokens = Tokens::new();
    if dress.done_in_proc {
        tokens.done(Done::InProcedure, done::MORE, 0, 0);
    }
    context(&mut tokens, login);
    if let Some(partner) = &dress.mirror_partner {
        tokens.changed(change::MIRROR, partner, "");
    }
    tokens.login_ack(login.tds_version);
    let size = agreed.packet_size.to_string();
    tokens.changed(change::PACKET_SIZE, &size, &DEFAULT_PACKET.to_string());
    let acks = acks(login, &dress);
    if dress.acks_apart {
        acks.chunks(1).for_each(|ack| tokens.feature_acks(ack));
    } else if !acks.is_empty() {
        tokens.feature_acks(&acks);
    }
    if dress.session_state {
        tokens.session_state(1, 9, &[1]);
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
    tokens.changed_bytes(change::COLLATION, &COLLATION, &[]);
    tokens.changed(change::LANGUAGE, "us_english", "");
    tokens.info(5703, 0, "Changed language setting to us_english.");
}

/// What features are acknowledged, in the client's order.
fn acks(login: &Login7, dress: &Dress) -> Vec<(u8, Vec<u8>)> {
    let asked = login.features.iter().filter_map(|(id, _)| match *id {
        feature::FEDAUTH if dress.no_fedauth_ack => None,
        feature::FEDAUTH => Some((*id, Vec::new())),
        feature::SESSION_RECOVERY if dress.session_state => Some((*id, vec![9, 1, 0])),
        feature::AZURE_SQL_SUPPORT | feature::UTF8_SUPPORT => Some((*id, vec![1])),
        _ => None,
    });
    let unasked = dress.unasked.iter().map(|id| (*id, vec![1]));
    asked.chain(unasked).collect()
}
