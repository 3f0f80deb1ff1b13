//! Reading what a source gave: lenient in the shape, strict in the meaning.
//!
//! ```text
//!   HTTP answer   -- granted --.
//!                              |--> fields --> token --> of the wanted identity? for the wanted audience? how long?
//!   program, file -- read -----'
//! ```
//!
//! Endpoints differ in the names of fields and in whether a number is written as a string; programs print warnings and
//! colours around their JSON. A token and one end of its life are required, nothing else.
//!
//! # Invariants
//!
//! * A token that says it is for another audience than the wanted one is an error: nobody gets it, no database sees it.
//! * A token with a byte in it that no token has (NUL, line breaks, spaces, anything beyond printable ASCII) is an error.
//! * A token of another identity than the one asked for is an error.

mod fields;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;

use self::fields::{Fields, Wiped};
use crate::clock::Clock;
use crate::fault::{Answered, SourceFault, first_line};
use crate::http::Answer;
use crate::identity::Chosen;
use crate::token::{Claims, Token};
use crate::{Audience, Selector, schedule, text};

/// What a program or a file gave without saying when it ends is taken for good this long.
const OPAQUE_LIFE: Duration = Duration::from_secs(10 * 60);
/// So many JSON objects are looked at for a token in what a program printed.
const MOST_OBJECTS: usize = 64;

/// A token, and when its source wants to be asked for the next one.
pub(crate) struct Grant {
    pub(crate) token: Token,
    pub(crate) refresh_in: Option<Duration>,
    /// Whether the answer or the token named the wanted identity.
    pub(crate) confirmed: bool,
}

/// What a source was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) audience: &'a Audience,
    /// `None` when any identity will do.
    pub(crate) identity: Option<&'a Chosen>,
}

impl<'a> Wanted<'a> {
    /// Whoever it is.
    pub(crate) fn anybodys(audience: &'a Audience) -> Self {
        Self {
            audience,
            identity: None,
        }
    }
}

/// In what form an answer comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The JSON of an identity endpoint, and nothing else.
    Endpoint,
    /// JSON that a program printed, among whatever else it printed.
    Printed,
    /// The same, or a token and nothing else.
    PrintedOrBare,
}

/// An HTTP answer: a token of what was wanted, or the fault that the endpoint reports.
pub(crate) fn granted(
    answer: &Answer,
    wanted: Wanted<'_>,
    clock: &Clock,
) -> Result<Grant, SourceFault> {
    match answer.status {
        200 => read(&answer.body, Shape::Endpoint, wanted, clock),
        status @ 300..=399 => Err(SourceFault::Redirected {
            status,
            to: answer.leads_to(),
        }),
        status => {
            let said = Answered::read(status, answer.retry_after, &answer.body);
            Err(match wanted.identity {
                Some(asked) if said.is_about_identity() => SourceFault::UnknownIdentity {
                    said,
                    asked: asked.clone(),
                },
                _ => SourceFault::Answered(said),
            })
        }
    }
}

/// Reads a token out of `body`.
pub(crate) fn read(
    body: &[u8],
    shape: Shape,
    wanted: Wanted<'_>,
    clock: &Clock,
) -> Result<Grant, SourceFault> {
    let body = text::read(body).map_err(|not| unreadable(&not.to_string()))?;
    let uncoloured = match shape {
        Shape::Endpoint => None,
        Shape::Printed | Shape::PrintedOrBare => text::without_escapes(body),
    };
    let body = uncoloured.as_ref().map_or(body, |plain| plain.trim());
    let mut fields = match shape {
        Shape::Endpoint => serde_json::from_str(body).map_err(|_| not_json())?,
        Shape::PrintedOrBare if text::next_object(body).is_none() => bare(body)?,
        Shape::Printed | Shape::PrintedOrBare => among(body)?,
    };
    let Some(Wiped(secret)) = fields.access_token.take() else {
        return Err(no_token());
    };
    if secret.is_empty() {
        return Err(unreadable("`access_token` is empty"));
    }
    if let Some(what) = stray(&secret) {
        return Err(SourceFault::Stray { what });
    }
    let claims = Claims::read(&secret);
    let confirmed = match wanted.identity {
        Some(wanted) => is_named(wanted, &fields, claims.as_ref())?,
        None => false,
    };
    if let Some(claims) = &claims {
        is_for(wanted.audience, claims)?;
    }
    let now = clock.now();
    let ends = fields.ends(now, claims.as_ref());
    let ends = match shape {
        Shape::PrintedOrBare => ends.unwrap_or(now + OPAQUE_LIFE),
        Shape::Endpoint | Shape::Printed => {
            ends.ok_or_else(|| unreadable("it does not say when the token ends"))?
        }
    };
    let left = match ends.duration_since(now) {
        Ok(left) if !left.is_zero() => left,
        over => {
            let ago = over.err().map(|over| over.duration()).unwrap_or_default();
            let ago = Duration::from_secs(ago.as_secs());
            return Err(SourceFault::Over { at: ends, ago });
        }
    };
    if left < schedule::FLOOR {
        return Err(SourceFault::AlmostOver { left });
    }
    Ok(Grant {
        token: Token::new(secret, ends, clock.clone()),
        refresh_in: fields.refresh_in(),
        confirmed,
    })
}

/// The first JSON object with a token in what a program printed: warnings may stand before it, and after it.
fn among(text: &str) -> Result<Fields, SourceFault> {
    let (mut rest, mut fault) = (text, not_json());
    for _ in 0..MOST_OBJECTS {
        let Some(object) = text::next_object(rest).and_then(|at| rest.get(at..)) else {
            break;
        };
        let mut objects = serde_json::Deserializer::from_str(object).into_iter::<Fields>();
        let read = match objects.next() {
            Some(Ok(fields)) if fields.access_token.is_some() => return Ok(fields),
            Some(Ok(_)) => {
                fault = no_token();
                objects.byte_offset()
            }
            Some(Err(_)) | None => 1,
        };
        rest = object.get(read..).unwrap_or_default();
    }
    Err(fault)
}

fn bare(body: &str) -> Result<Fields, SourceFault> {
    if body.is_empty() {
        return Err(unreadable("it is empty"));
    }
    if body.contains(char::is_whitespace) {
        return Err(unreadable("it is more than one word, and not JSON"));
    }
    Ok(Fields::of_token(body))
}

fn unreadable(what: &str) -> SourceFault {
    let what = what.to_owned();
    SourceFault::Unreadable { what }
}

fn not_json() -> SourceFault {
    unreadable("it is not the JSON of a token")
}

fn no_token() -> SourceFault {
    unreadable("there is no `access_token` in it")
}

/// What stands in a token that belongs in none. Protocols end a token at a NUL or a line break, logs and headers at a
/// space: what comes after it would be read as something else.
fn stray(token: &str) -> Option<&'static str> {
    token.bytes().find_map(|byte| match byte {
        b'!'..=b'~' => None,
        0 => Some("a NUL"),
        b'\r' | b'\n' => Some("a line break"),
        b' ' | b'\t' => Some("a space"),
        0x80.. => Some("a character beyond ASCII"),
        _ => Some("a control character"),
    })
}

/// Whether a token says that it is for `wanted`. One that does not say is taken as it is: the database knows.
fn is_for(wanted: &Audience, claims: &Claims) -> Result<(), SourceFault> {
    let mut said = claims.audiences().peekable();
    let Some(first) = said.peek().copied() else {
        return Ok(());
    };
    if said.any(|said| wanted.is_meant_by(said)) {
        return Ok(());
    }
    Err(SourceFault::OtherAudience {
        wanted: wanted.clone(),
        got: first_line(first),
    })
}

/// An endpoint that does not know the selector gives a token of the system-assigned identity instead of an error.
/// False when neither the answer nor the token names any.
fn is_named(wanted: &Chosen, names: &Fields, claims: Option<&Claims>) -> Result<bool, SourceFault> {
    let (echoed, claimed) = match wanted.selector {
        Selector::ClientId(_) => (&names.client_id, claims.and_then(|it| it.appid.as_deref())),
        Selector::ObjectId(_) => (&names.object_id, claims.and_then(|it| it.oid.as_deref())),
        Selector::ResourceId(_) => (
            &names.msi_res_id,
            claims.and_then(|it| it.xms_mirid.as_deref()),
        ),
    };
    let echoed = echoed.as_ref().and_then(Value::as_str);
    let mut named = false;
    for got in [claimed, echoed]
        .into_iter()
        .flatten()
        .filter(|got| !got.is_empty())
    {
        if !got.eq_ignore_ascii_case(wanted.selector.id()) {
            let (asked, got) = (wanted.clone(), first_line(got));
            return Err(SourceFault::OtherIdentity { asked, got });
        }
        named = true;
    }
    Ok(named)
}
