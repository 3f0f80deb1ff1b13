//! The answer to a login: what it means, and what of it the app is to read.

use alloc::vec::Vec;

use super::feature::{Features, FedAuth, feature_id};
use super::login::Login7;
use super::notice;
use super::text::{b_varbyte, b_varchar, from_utf16, us_varchar};
use super::token::{
    Report, StreamToken, StreamTokenError, StreamTokens, change, push_counted, tag,
};
use super::translate::Dialect;
use super::version::{Version, Width};
use crate::reader::Reader;

/// How an app that has sent its LOGIN7 is to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// The version that it asked for: its widths are good until it has read LOGINACK.
    asked: Version,
    /// Features that it asked for, and may therefore be granted.
    features: Vec<u8>,
    /// It has sent a token and wants to hear that it was taken.
    fed_auth: bool,
}

impl Manner {
    /// For an app whose LOGIN7 could not be read.
    pub const UNKNOWN: Self = Self {
        asked: Version::V7_4,
        features: Vec::new(),
        fed_auth: false,
    };

    /// For the app that sent this.
    pub fn of(login: &Login7<'_>) -> Self {
        Self {
            asked: login.version,
            features: login.features.iter().map(|(id, _)| id).collect(),
            fed_auth: login.fed_auth() == Some(FedAuth::SecurityToken),
        }
    }

    /// What LOGINACK says to it: what it asked for, as a server of that version would, unless the upstream itself speaks less. There
    /// are drivers that go on in whatever they are told; others break, and nothing tells which is which.
    pub fn granted(&self, spoken: Version) -> Version {
        let is_less = self.asked.is_after(spoken) || spoken.width() == Width::Narrow;
        if is_less { spoken } else { self.asked }
    }

    /// What lies between it and an upstream that speaks this.
    pub fn dialect(&self, spoken: Version) -> Option<Dialect> {
        Dialect::between(self.asked, spoken)
    }

    /// The widths of what comes before LOGINACK, errors included.
    pub fn width(&self) -> Width {
        self.asked.width()
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
    /// The version that the login asked for.
    asked: Version,
    /// What LOGINACK names; `None` when we are not let in.
    pub version: Option<Version>,
    /// What it says of our token.
    pub fed_auth: FedAuthAck,
    /// Where to log in instead.
    pub routing: Option<Routing<'a>>,
    /// The first error of it.
    pub error: Option<Report<'a>>,
    /// Bytes of a packet from here on, if it changes them.
    pub packet_size: Option<u32>,
    /// Of the session's text.
    pub collation: Option<[u8; 5]>,
}

impl<'a> LoginAnswer<'a> {
    /// Reads the payload of the answer to a login that asked for a version.
    ///
    /// # Errors
    ///
    /// [`StreamTokenError`].
    pub fn parse(payload: &'a [u8], asked: Version) -> Result<Self, StreamTokenError> {
        let mut answer = Self {
            payload,
            asked,
            version: None,
            fed_auth: FedAuthAck::Missing,
            routing: None,
            error: None,
            packet_size: None,
            collation: None,
        };
        for token in answer.tokens() {
            match token? {
                StreamToken::LoginAck { version, .. } => {
                    answer.version = Some(Version::from_ack(version));
                }
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

    pub(super) fn tokens(&self) -> StreamTokens<'a> {
        StreamTokens::of(self.payload, self.asked.width())
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
            change::COLLATION => {
                let new = b_varbyte(&mut Reader::new(values));
                self.collation = new.and_then(|new| new.try_into().ok());
            }
            _ => {}
        }
        Ok(())
    }

    /// The version that the login asked for.
    pub fn asked(&self) -> Version {
        self.asked
    }

    /// As it came.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Every error and message of it.
    pub fn reports(&self) -> impl Iterator<Item = Report<'a>> {
        self.tokens().filter_map(|token| match token {
            Ok(StreamToken::Report(report)) => Some(report),
            _ => None,
        })
    }

    /// Appends what the app is to read of it to `out`, the payload of a message.
    ///
    /// Gone are routing and mirrors, which the app would follow past us, and features that it did not ask for, at which drivers
    /// give up. Widths are those of the version that the app asked for until LOGINACK, and from there on those of the version
    /// that LOGINACK names to it.
    ///
    /// A `remark` of ours stands behind the upstream's own words, as a message that is no error.
    pub fn rewrite(&self, manner: &Manner, mut remark: Option<&str>, out: &mut Vec<u8>) {
        let granted = self.version.map(|spoken| manner.granted(spoken));
        let dialect = self.version.and_then(|spoken| manner.dialect(spoken));
        let mut width = manner.width();
        let mut told_fed_auth = !manner.fed_auth;
        for token in self.tokens().map_while(Result::ok) {
            match token {
                StreamToken::Change {
                    kind: change::ROUTING | change::ENHANCED_ROUTING | change::MIRROR,
                    ..
                } => {}
                StreamToken::Change { kind, raw, .. } => match dialect {
                    Some(dialect) => dialect.push_change(kind, raw, self.collation, out),
                    None => out.extend_from_slice(raw),
                },
                // Not asked for before 7.4.
                StreamToken::Other {
                    tag: tag::SESSION_STATE,
                    ..
                } if dialect.is_some() => {}
                StreamToken::Other { raw, .. } => out.extend_from_slice(raw),
                StreamToken::Report(report) => report.encode(width, out),
                StreamToken::LoginAck {
                    interface,
                    version,
                    program,
                } => {
                    let version = granted.map_or(version, Version::to_ack);
                    let body = [&[interface], &version[..], program].concat();
                    push_counted(tag::LOGIN_ACK, &body, out);
                    width = granted.map_or(width, Version::width);
                }
                StreamToken::Features(features) => {
                    push_features(features, manner, &mut told_fed_auth, out);
                }
                StreamToken::Done(done) => {
                    if self.version.is_some() && done.tag == tag::DONE {
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
