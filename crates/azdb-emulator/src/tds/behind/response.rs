//! The login response of the server behind, as the app reads it.

use bytes::Buf as _;

use super::super::cursor::{counted, take, text8, text16};
use super::super::login7::{Login7, feature, features};
use super::super::packet::LOGIN_PACKET;
use super::super::record::Violation;
use super::super::token::{Tokens, change, first};
use super::super::version::Version;

/// What a server says to a LOGIN7.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response {
    Admitted { tokens: Vec<u8>, packet_size: usize },
    Refused { number: u32, text: String },
}

impl Response {
    /// Reads a response and makes it one to `login`: in its TDS version, and with an acknowledgement
    /// of FEDAUTH when it asked for that.
    pub(super) fn parse(
        response: &[u8],
        login: &Login7,
        version: Version,
    ) -> Result<Self, Violation> {
        let mut rest = response;
        let mut tokens = Tokens::new(version);
        let mut seen = Seen::default();
        let mut owed = login.features.iter().any(|(id, _)| *id == feature::FEDAUTH);
        while let Ok(token) = rest.try_get_u8() {
            match token {
                first::ENVCHANGE | first::ERROR | first::INFO | first::LOGINACK => {
                    let length = usize::from(rest.try_get_u16_le()?);
                    let mut body = take(&mut rest, length)?.to_vec();
                    seen.look(token, &mut body, version.granted(login.tds_version))?;
                    tokens.sized(token, &body);
                }
                first::FEATUREEXTACK => {
                    let mut acks = features(&mut rest)?;
                    if std::mem::take(&mut owed) {
                        acks.push((feature::FEDAUTH, Vec::new()));
                    }
                    tokens.feature_acks(&acks);
                }
                first::SESSIONSTATE => {
                    let state = counted(&mut rest)?;
                    let length = u32::try_from(state.len()).unwrap_or(u32::MAX);
                    tokens.bytes.push(token);
                    tokens.bytes.extend(length.to_le_bytes());
                    tokens.bytes.extend_from_slice(state);
                }
                first::DONE | first::DONEPROC | first::DONEINPROC => {
                    if token == first::DONE && std::mem::take(&mut owed) {
                        tokens.feature_acks(&[(feature::FEDAUTH, Vec::new())]);
                    }
                    tokens.bytes.push(token);
                    let length = if version.is_wide() { 12 } else { 8 };
                    tokens.bytes.extend_from_slice(take(&mut rest, length)?);
                }
                _ => return Err(Violation::Malformed("a token in a login response")),
            }
        }
        match seen.error {
            _ if seen.is_admitted => Ok(Self::Admitted {
                tokens: tokens.bytes,
                packet_size: seen.packet_size.unwrap_or(LOGIN_PACKET),
            }),
            Some((number, text)) => Ok(Self::Refused { number, text }),
            None => Err(Violation::Malformed("a login response without LOGINACK")),
        }
    }
}

/// What a response says.
#[derive(Default)]
struct Seen {
    is_admitted: bool,
    packet_size: Option<usize>,
    error: Option<(u32, String)>,
}

impl Seen {
    /// Looks at a token, and makes the version in a LOGINACK the app's.
    fn look(&mut self, token: u8, body: &mut [u8], granted: [u8; 4]) -> Result<(), Violation> {
        match (token, body) {
            (first::LOGINACK, [_, version @ .., _, _, _, _]) if version.len() > 4 => {
                version[..4].copy_from_slice(&granted);
                self.is_admitted = true;
            }
            (first::ENVCHANGE, [change::PACKET_SIZE, size @ ..]) => {
                let size = text8(&mut &*size)?.parse().ok();
                let size = size.filter(|size| (512..=32_767).contains(size));
                self.packet_size = Some(size.ok_or(Violation::Malformed("a packet size"))?);
            }
            (first::ERROR, body) => {
                let mut body = &*body;
                let number = body.try_get_u32_le()?;
                // State and class.
                take(&mut body, 2)?;
                self.error = Some((number, text16(&mut body)?));
            }
            _ => {}
        }
        Ok(())
    }
}
