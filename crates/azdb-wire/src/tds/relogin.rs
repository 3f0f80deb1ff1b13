//! The LOGIN7 that goes upstream: the app's, built anew around another secret.

use alloc::vec::Vec;

use super::feature::feature_id;
use super::login::{EXTENSION, FIXED, INTEGRATED, Login7, MAX_LOGIN7};
use super::text::{first_units, push_utf16, utf16_len};
use super::version::{Version, Width};

/// Most UTF-16 units of a name.
const MAX_NAME: usize = 128;
/// OptionFlags2: fTranBoundary and fCacheConnect, which are reserved from 7.2 on.
const OLD_FLAGS2: u8 = 0x0c;
/// OptionFlags3: fUnknownCollationHandling, the one bit of the app's that stays.
const KEPT_FLAGS3: u8 = 0x08;
/// FEDAUTH: library SecurityToken, shifted past the echo bit.
const SECURITY_TOKEN: u8 = 1 << 1;
/// Bytes of a feature in front of its data.
const FEATURE_HEAD: usize = 5;

/// What the upstream is told in place of what the app said.
pub struct Relogin<'a> {
    /// The name that the server knows itself by.
    pub server: &'a str,
    /// UTF-16LE.
    pub database: &'a [u8],
    /// What proves who we are.
    pub secret: LoginSecret<'a>,
}

/// What proves who we are.
#[derive(Clone, Copy)]
pub enum LoginSecret<'a> {
    /// FEDAUTH with library SecurityToken.
    Token {
        /// The token.
        token: &'a str,
        /// What the server's PRELOGIN said with FEDAUTHREQUIRED.
        echo: bool,
    },
    /// A login of the server's own.
    Password {
        /// Its name.
        user: &'a str,
        /// Its password.
        password: &'a str,
    },
}

/// Something does not fit in LOGIN7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginTooLong {
    /// A name of more than 128 characters.
    #[error("{0} has more than {MAX_NAME} characters")]
    Name(&'static str),
    /// The whole, token and features included.
    #[error("a login of {0} bytes, the server reads at most {MAX_LOGIN7}")]
    Whole(usize),
}

impl LoginSecret<'_> {
    fn is_token(&self) -> bool {
        matches!(self, Self::Token { .. })
    }

    fn user_and_password(&self) -> (&str, &str) {
        match self {
            Self::Token { .. } => ("", ""),
            Self::Password { user, password } => (user, password),
        }
    }

    /// Bytes of our feature.
    fn feature_len(&self) -> usize {
        match self {
            Self::Password { .. } => 0,
            Self::Token { token, .. } => FEATURE_HEAD
                .saturating_mul(2)
                .saturating_add(utf16_len(token)),
        }
    }

    fn push_feature(&self, out: &mut Vec<u8>) {
        let Self::Token { token, echo } = self else {
            return;
        };
        let token_len = u32::try_from(utf16_len(token)).unwrap_or(u32::MAX);
        let data_len = token_len.saturating_add(5);
        out.push(feature_id::FED_AUTH);
        out.extend_from_slice(&data_len.to_le_bytes());
        out.push(SECURITY_TOKEN | u8::from(*echo));
        out.extend_from_slice(&token_len.to_le_bytes());
        push_utf16(token, out);
    }
}

/// Features that go on as they are: those that only we can speak of are ours, and there were none before 7.4.
fn passed_on<'a>(login: &Login7<'a>) -> impl Iterator<Item = (u8, &'a [u8])> {
    let is_old = Version::V7_4.is_after(login.version);
    let features = login.features.iter().filter(move |_| !is_old);
    features.filter(|(id, _)| {
        !matches!(
            *id,
            feature_id::FED_AUTH | feature_id::DNS_CACHING | feature_id::ENHANCED_ROUTING
        )
    })
}

fn features_len(login: &Login7<'_>, secret: &LoginSecret<'_>) -> usize {
    let theirs = passed_on(login)
        .map(|(_, data)| data.len().saturating_add(FEATURE_HEAD))
        .fold(0, usize::saturating_add);
    match theirs.saturating_add(secret.feature_len()) {
        0 => 0,
        list => list.saturating_add(1),
    }
}

/// The parts of a LOGIN7, each in its place in the variable part.
struct Parts<'a> {
    host: &'a [u8],
    app: &'a [u8],
    library: &'a [u8],
    language: &'a [u8],
    database: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(login: &Login7<'a>, relogin: &Relogin<'a>) -> Result<Self, LoginTooLong> {
        let (user, password) = relogin.secret.user_and_password();
        let names = [
            ("the server's name", utf16_len(relogin.server)),
            ("the database's name", relogin.database.len()),
            ("the user's name", utf16_len(user)),
            ("the password", utf16_len(password)),
        ];
        for (name, bytes) in names {
            if bytes > MAX_NAME.saturating_mul(2) {
                return Err(LoginTooLong::Name(name));
            }
        }
        let name = |text| first_units(text, MAX_NAME);
        Ok(Self {
            host: name(login.host),
            app: name(login.app),
            library: name(login.library),
            language: name(login.language),
            database: relogin.database,
        })
    }
}

/// Bytes of [`rebuild`]'s message, so that the buffer for it never has to grow and leave a copy behind.
///
/// # Errors
///
/// [`LoginTooLong`].
pub fn rebuilt_len(login: &Login7<'_>, relogin: &Relogin<'_>) -> Result<usize, LoginTooLong> {
    let parts = Parts::of(login, relogin)?;
    let (user, password) = relogin.secret.user_and_password();
    let features = features_len(login, &relogin.secret);
    let pointer = if features == 0 { 0 } else { 4 };
    let total = [
        FIXED,
        parts.host.len(),
        utf16_len(user),
        utf16_len(password),
        parts.app.len(),
        utf16_len(relogin.server),
        pointer,
        parts.library.len(),
        parts.language.len(),
        parts.database.len(),
        features,
    ]
    .into_iter()
    .fold(0, usize::saturating_add);
    if total > MAX_LOGIN7 {
        return Err(LoginTooLong::Whole(total));
    }
    Ok(total)
}

/// Appends the payload of the LOGIN7 that goes upstream to `out`, whose capacity the caller has reserved.
///
/// At 7.4 with a token, because FEDAUTH is; with a password in the app's own version. Integrated authentication, a new password, a file to attach and a user instance are not for
/// the upstream to hear of; whoever calls this has refused the ones that matter.
///
/// # Errors
///
/// [`LoginTooLong`].
pub fn rebuild(
    login: &Login7<'_>,
    relogin: &Relogin<'_>,
    out: &mut Vec<u8>,
) -> Result<(), LoginTooLong> {
    let total = rebuilt_len(login, relogin)?;
    let parts = Parts::of(login, relogin)?;
    let (user, password) = relogin.secret.user_and_password();
    let has_features = features_len(login, &relogin.secret) > 0;
    let start = out.len();

    let version = login.version.upstream(relogin.secret.is_token());
    push_numbers(login, version, total, has_features, out);
    let mut places = Places { next: FIXED };
    places.push(parts.host.len(), 2, out);
    places.push(utf16_len(user), 2, out);
    places.push(utf16_len(password), 2, out);
    places.push(parts.app.len(), 2, out);
    places.push(utf16_len(relogin.server), 2, out);
    places.push(if has_features { 4 } else { 0 }, 1, out);
    places.push(parts.library.len(), 2, out);
    places.push(parts.language.len(), 2, out);
    places.push(parts.database.len(), 2, out);
    out.extend_from_slice(&login.client_id);
    for _sspi_attach_change in 0..3 {
        places.push(0, 1, out);
    }
    out.extend_from_slice(&0u32.to_le_bytes());

    out.extend_from_slice(parts.host);
    push_utf16(user, out);
    push_password(password, out);
    out.extend_from_slice(parts.app);
    push_utf16(relogin.server, out);
    if has_features {
        let at = u32::try_from(places.next).unwrap_or(u32::MAX);
        out.extend_from_slice(&at.to_le_bytes());
    }
    out.extend_from_slice(parts.library);
    out.extend_from_slice(parts.language);
    out.extend_from_slice(parts.database);
    if has_features {
        // The last part: its offset alone has 32 bits, so that no length of a token moves another field out of reach.
        for (id, data) in passed_on(login) {
            out.push(id);
            out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend_from_slice(data);
        }
        relogin.secret.push_feature(out);
        out.push(feature_id::END);
    }
    debug_assert_eq!(out.len().saturating_sub(start), total);
    Ok(())
}

/// Everything in front of the first offset.
fn push_numbers(
    login: &Login7<'_>,
    version: Version,
    total: usize,
    has_features: bool,
    out: &mut Vec<u8>,
) {
    let [flags1, mut flags2, type_flags, mut flags3] = login.flags;
    flags2 &= !INTEGRATED;
    if login.version.width() == Width::Narrow && version.width() == Width::Wide {
        flags2 &= !OLD_FLAGS2;
    }
    flags3 &= KEPT_FLAGS3;
    if has_features {
        flags3 |= EXTENSION;
    }
    for number in [
        u32::try_from(total).unwrap_or(u32::MAX),
        version.to_login(),
        login.packet_size,
        login.program_version,
        login.process_id,
        login.connection_id,
        u32::from_le_bytes([flags1, flags2, type_flags, flags3]),
        login.time_zone,
        login.lcid,
    ] {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Offsets in the order of the fields.
struct Places {
    next: usize,
}

impl Places {
    fn push(&mut self, bytes: usize, unit: usize, out: &mut Vec<u8>) {
        let count = bytes.checked_div(unit).unwrap_or(bytes);
        for word in [self.next, count] {
            out.extend_from_slice(&u16::try_from(word).unwrap_or(u16::MAX).to_le_bytes());
        }
        self.next = self.next.saturating_add(bytes);
    }
}

/// The password in the form of LOGIN7, which hides it from nobody: nibbles swapped, then XOR 0xA5.
fn push_password(password: &str, out: &mut Vec<u8>) {
    for unit in password.encode_utf16() {
        out.extend_from_slice(&unit.to_le_bytes().map(|byte| byte.rotate_left(4) ^ 0xa5));
    }
}

/// A password as it stands in LOGIN7. Whoever reads that reads the password.
#[must_use]
pub fn hidden(password: &str) -> Vec<u8> {
    let mut hidden = Vec::with_capacity(password.len().saturating_mul(2));
    push_password(password, &mut hidden);
    hidden
}
