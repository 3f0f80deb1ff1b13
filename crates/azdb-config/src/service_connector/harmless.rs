//! Which keys of a connection string can be repeated with their values: what an app is called, how long it waits, how it pools and reads.
//!
//! # Invariants
//!
//! * Behind a secret nothing is repeated but a number or a word of those that the key can have: what stands there may be the end of the
//!   secret, where nobody has quoted it, or not as the driver wants it.

use super::syntax::Field;
use super::words::{self, Part};

/// What a key can have.
enum Holds {
    /// Digits, with a unit of time or without.
    Number,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Anything.
    Text,
}

const SWITCH: Holds = Holds::OneOf(&["true", "false", "yes", "no", "on", "off"]);

/// In the spelling of [`words::plain`].
const HARMLESS: [(&str, Holds); 33] = [
    ("app", Holds::Text),
    ("applicationname", Holds::Text),
    (
        "applicationintent",
        Holds::OneOf(&["readonly", "readwrite"]),
    ),
    ("driver", Holds::Text),
    ("workstationid", Holds::Text),
    ("connecttimeout", Holds::Number),
    ("connectiontimeout", Holds::Number),
    ("commandtimeout", Holds::Number),
    ("logintimeout", Holds::Number),
    ("sockettimeout", Holds::Number),
    ("querytimeout", Holds::Number),
    ("timeout", Holds::Number),
    ("keepalive", Holds::Number),
    ("connectretrycount", Holds::Number),
    ("connectretryinterval", Holds::Number),
    ("multipleactiveresultsets", SWITCH),
    ("mars", SWITCH),
    ("packetsize", Holds::Number),
    ("persistsecurityinfo", SWITCH),
    ("pooling", SWITCH),
    ("minpoolsize", Holds::Number),
    ("maxpoolsize", Holds::Number),
    ("minimumpoolsize", Holds::Number),
    ("maximumpoolsize", Holds::Number),
    ("connectionlifetime", Holds::Number),
    ("currentschema", Holds::Text),
    ("searchpath", Holds::Text),
    ("servertimezone", Holds::Text),
    ("timezone", Holds::Text),
    (
        "charset",
        Holds::OneOf(&["utf8", "utf8mb4", "utf8mb3", "latin1"]),
    ),
    ("characterencoding", Holds::OneOf(&["utf8", "utf-8"])),
    ("useunicode", SWITCH),
    ("parsetime", SWITCH),
];

fn holds(name: &str) -> Option<&'static Holds> {
    let plain = words::plain(name);
    let known = HARMLESS.iter().find(|(key, _)| *key == plain);
    known.map(|(_, holds)| holds)
}

/// Reads the fields of a connection string one after the other.
#[derive(Default)]
pub(super) struct Reader {
    /// A secret has come, whose end may be that of the whole text.
    is_doubtful: bool,
}

impl Reader {
    /// Whether the next field can be repeated, or will be written anew.
    pub(super) fn takes(&mut self, field: &Field) -> bool {
        let (part, holds) = (field.part(), holds(&field.name));
        let takes = part.is_some() || holds.is_some_and(|holds| self.lets(holds, &field.value));
        let is_secret = match part {
            None => holds.is_none(),
            Some(Part::Password | Part::ClientSecret) => true,
            // Of certificates' keys there are passwords, too.
            Some(Part::Tls) => words::plain(&field.name).contains("password"),
            Some(_) => false,
        };
        self.is_doubtful |= is_secret;
        takes
    }

    fn lets(&self, holds: &Holds, value: &str) -> bool {
        !self.is_doubtful
            || match holds {
                Holds::Number => is_number(value),
                Holds::OneOf(words) => words.iter().any(|word| word.eq_ignore_ascii_case(value)),
                Holds::Text => false,
            }
    }
}

/// As long as any such number is.
fn is_number(value: &str) -> bool {
    const MOST: usize = 6;
    let digits = value.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let unit = value.get(digits.len()..).unwrap_or_default();
    (1..=MOST).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && ["", "ms", "s", "m", "h"].contains(&unit)
}
