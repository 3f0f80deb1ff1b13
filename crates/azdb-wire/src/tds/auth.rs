//! The answer to a login: what it means, and what of it the app is to read.

use alloc::vec::Vec;

use super::feature::{Features, FedAuth, feature_id};
use super::login::Login7;
use super::notice;
use super::text::{b_varchar, from_utf16, us_varchar};
use super::token::{
    Report, StreamToken, StreamTokenError, StreamTokens, change, push_counted, tag,
};
use super::version::{Version, Width};
use crate::reader::Reader;

/// How an app that has sent its LOGIN7 is to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// The widths of the version that it asked for: good until it has read LOGINACK.
    asked: Width,
    /// What LOGINACK will say; `None` for a driver that cannot be served at 7.4.
    granted: Option<Version>,
    /// Features that it asked for, and may therefore be granted.
    features: Vec<u8>,
    /// It has sent a token and wants to hear that it was taken.
    fed_auth: bool,
}

impl Manner {
    /// For an app whose LOGIN7 could not be read.
    pub const UNKNOWN: Self = Self {
        asked: Width::Wide,
        granted: None,
        features: Vec::new(),
        fed_auth: false,
    };

    /// For the app that sent this.
    pub fn of(login: &Login7<'_>) -> Self {
        let lifted = || login.adapts().then_some(Version::V7_4);
        Self {
            asked: login.version.width(),
            granted: login.version.granted().or_else(lifted),
            features: login.features.iter().map(|(id, _)| id).collect(),
            fed_auth: login.fed_auth() == Some(FedAuth::SecurityToken),
        }
    }

    /// What LOGINACK will say; `None` for a driver that reads only its own old version.
    pub fn granted(&self) -> Option<Version> {
        self.granted
    }

    /// The widths of what comes before LOGINACK, errors included.
    pub fn width(&self) -> Width {
        self.asked
    }
}

/// Where an upstream sends us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing<'a> {
    /// UTF-16LE: a host, or `host\instance`.
    pub server: &'a [u8],
    /// TCP port.
    pub port: u16,
}

impl<'a> Routing<'a> {
    fn parse(values: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(values);
        let length = reader.u16_le()?;
        let mut reader = Reader::new(reader.bytes(length)?);
        match reader.u8()? {
            0 => Some(Self {
                port: reader.u16_le()?,
                server: us_varchar(&mut reader)?,
            }),
            _not_tcp => None,
        }
    }
}

/// Whether the upstream says that it took the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FedAuthAck {
    /// It does not say: it may have let in somebody else.
    Missing,
    /// It does.
    Taken,
    /// It answers a nonce, and we have sent none.
    Nonce,
}

/// The answer to a login, understood.
#[derive(Debug, Clone, Copy)]
pub struct LoginAnswer<'a> {
    payload: &'a [u8],
    /// LOGINACK stands in it.
    pub granted: bool,
    /// What it says of our token.
    pub fed_auth: FedAuthAck,
    /// Where to log in instead.
    pub routing: Option<Routing<'a>>,
    /// The first error of it.
    pub error: Option<Report<'a>>,
    /// Bytes of a packet from here on, if it changes them.
    pub packet_size: Option<u32>,
}

impl<'a> LoginAnswer<'a> {
    /// Reads the payload of the message, in the widths of 7.4.
    ///
    /// # Errors
    ///
    /// [`StreamTokenError`].
    pub fn parse(payload: &'a [u8]) -> Result<Self, StreamTokenError> {
        let mut answer = Self {
            payload,
            granted: false,
            fed_auth: FedAuthAck::Missing,
            routing: None,
            error: None,
            packet_size: None,
        };
        for token in StreamTokens::of(payload) {
            match token? {
                StreamToken::LoginAck { .. } => answer.granted = true,
                StreamToken::Features(features) => answer.note_features(features),
                StreamToken::Report(report) if report.is_error => {
                    answer.error = answer.error.or(Some(report));
                }
                StreamToken::Change { kind, values, .. } => answer.note_change(kind, values)?,
                _ => {}
            }
        }
        Ok(answer)
    }

    fn note_features(&mut self, features: Features<'a>) {
        match features.get(feature_id::FED_AUTH) {
            Some([]) => self.fed_auth = FedAuthAck::Taken,
            Some(_) => self.fed_auth = FedAuthAck::Nonce,
            None => {}
        }
    }

    fn note_change(&mut self, kind: u8, values: &'a [u8]) -> Result<(), StreamTokenError> {
        match kind {
            change::ROUTING | change::ENHANCED_ROUTING => {
                let routing = Routing::parse(values);
                self.routing = Some(routing.ok_or(StreamTokenError::Truncated(tag::ENV_CHANGE))?);
            }
            change::PACKET_SIZE => {
                let new = b_varchar(&mut Reader::new(values));
                let size = new.and_then(|digits| from_utf16(digits).parse().ok());
                self.packet_size = Some(size.ok_or(StreamTokenError::Truncated(tag::ENV_CHANGE))?);
            }
            _ => {}
        }
        Ok(())
    }

    /// As it came.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Every error and message of it.
    pub fn reports(&self) -> impl Iterator<Item = Report<'a>> {
        StreamTokens::of(self.payload).filter_map(|token| match token {
            Ok(StreamToken::Report(report)) => Some(report),
            _ => None,
        })
    }

    /// Appends what the app is to read of it to `out`, the payload of a message.
    ///
    /// Gone are routing and mirrors, which the app would follow past us, and features that it did not ask for, at which drivers
    /// give up. Widths are those of the version that the app asked for until LOGINACK, and from there on those of the version
    /// that LOGINACK names.
    ///
    /// A `remark` of ours stands behind the upstream's own words, as a message that is no error.
    pub fn rewrite(&self, manner: &Manner, mut remark: Option<&str>, out: &mut Vec<u8>) {
        let mut width = manner.asked;
        let mut told_fed_auth = !manner.fed_auth;
        for token in StreamTokens::of(self.payload).map_while(Result::ok) {
            match token {
                StreamToken::Change {
                    kind: change::ROUTING | change::ENHANCED_ROUTING | change::MIRROR,
                    ..
                } => {}
                StreamToken::Change { raw, .. } | StreamToken::Other { raw, .. } => {
                    out.extend_from_slice(raw)
                }
                StreamToken::Report(report) => report.encode(width, out),
                StreamToken::LoginAck {
                    interface,
                    version,
                    program,
                } => {
                    let version = manner.granted.map_or(version, Version::to_ack);
                    let body = [&[interface], &version[..], program].concat();
                    push_counted(tag::LOGIN_ACK, &body, out);
                    width = manner.granted.map_or(width, Version::width);
                }
                StreamToken::Features(features) => {
                    push_features(features, manner, &mut told_fed_auth, out);
                }
                StreamToken::Done(done) => {
                    if self.granted && done.tag == tag::DONE {
                        push_features(Features::default(), manner, &mut told_fed_auth, out);
                    }
                    if let Some(remark) = remark.take() {
                        notice::remark(remark, width, out);
                    }
                    done.encode(width, out);
                }
            }
        }
    }
}

/// Appends a FEATUREEXTACK of what the app asked for, if anything is left of it.
fn push_features(
    features: Features<'_>,
    manner: &Manner,
    told_fed_auth: &mut bool,
    out: &mut Vec<u8>,
) {
    let mut list = Vec::new();
    let mut push = |id: u8, data: &[u8]| {
        list.push(id);
        list.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        list.extend_from_slice(data);
    };
    // The app's token was not the one that counted, but its driver waits for this.
    if !*told_fed_auth {
        push(feature_id::FED_AUTH, &[]);
        *told_fed_auth = true;
    }
    for (id, data) in features.iter() {
        if id != feature_id::FED_AUTH && manner.features.contains(&id) {
            push(id, data);
        }
    }
    if !list.is_empty() {
        out.push(tag::FEATURE_EXT_ACK);
        out.extend_from_slice(&list);
        out.push(feature_id::END);
    }
}
