//! LOGIN7: who the client is, and what it asks for.

use bytes::Buf as _;

use super::cursor::{array, counted, length, take, utf16, wide};
use super::record::Violation;

/// LOGIN7 of TDS 7.4.
pub(super) const TDS_7_4: u32 = 0x7400_0004;
/// LOGIN7 of TDS 8.0.
pub(super) const TDS_8_0: u32 = 0x0800_0000;

/// Features of a client, or what a server acknowledges of them: their ids and bytes.
pub(super) type Features = Vec<(u8, Vec<u8>)>;

/// Feature ids.
pub(super) mod feature {
    pub(crate) const FEDAUTH: u8 = 0x02;
    pub(crate) const AZURE_SQL_SUPPORT: u8 = 0x08;
    pub(crate) const UTF8_SUPPORT: u8 = 0x0a;
    pub(crate) const END: u8 = 0xff;
}

const FLAG_INTEGRATED: u8 = 0x80;
const FLAG_CHANGE_PASSWORD: u8 = 0x01;
const FLAG_EXTENSION: u8 = 0x10;
/// Library id of a token in the LOGIN7 itself.
const SECURITY_TOKEN: u8 = 1;
/// Bytes before the first field of variable length.
const FIXED: usize = 94;
/// What a password's bytes are XORed with.
const DISGUISE: u8 = 0xa5;

/// A LOGIN7. Has no `Debug`: it holds a token or a password.
#[derive(Clone)]
pub(super) struct Login7 {
    pub(super) tds_version: u32,
    pub(super) packet_size: u32,
    /// Version and process of the client, and the connection that it wants back.
    pub(super) client: [u8; 12],
    pub(super) flags: [u8; 4],
    /// Time zone and locale.
    pub(super) locale: [u8; 8],
    pub(super) host: String,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) app: String,
    pub(super) server: String,
    pub(super) interface: String,
    pub(super) language: String,
    pub(super) database: String,
    pub(super) has_sspi: bool,
    pub(super) features: Features,
}

/// The FEDAUTH feature of a LOGIN7.
pub(super) struct Fedauth {
    /// The client says that the server asked for federated authentication.
    pub(super) echo: bool,
    pub(super) token: String,
}

impl Login7 {
    pub(super) fn parse(data: &[u8]) -> Result<Self, Violation> {
        let mut fixed = data;
        if length(&mut fixed)? != data.len() {
            return Err(Violation::Malformed("LOGIN7's length"));
        }
        let (tds_version, packet_size) = (fixed.try_get_u32_le()?, fixed.try_get_u32_le()?);
        let client = array(&mut fixed)?;
        let flags: [u8; 4] = array(&mut fixed)?;
        let locale = array(&mut fixed)?;
        // Where a field of variable length is, and how long.
        let mut field = || -> Result<(usize, usize), Violation> {
            let place = (fixed.try_get_u16_le()?, fixed.try_get_u16_le()?);
            Ok((usize::from(place.0), usize::from(place.1)))
        };
        let (host, user, password) = (field()?, field()?, field()?);
        let (app, server, extension) = (field()?, field()?, field()?);
        let (interface, language, database) = (field()?, field()?, field()?);
        // The address of a network card.
        take(&mut fixed, 6)?;
        fixed.try_get_u16_le()?;
        let has_sspi = fixed.try_get_u16_le()? != 0;
        let features = match flags[3] & FLAG_EXTENSION {
            0 => Vec::new(),
            _ => extensions(data, bytes(data, extension.0, extension.1)?)?,
        };
        let text = |(offset, chars): (usize, usize)| -> Result<String, Violation> {
            if chars > 128 {
                let text = "a LOGIN7 field of more than 128 characters";
                return Err(Violation::Malformed(text));
            }
            Ok(utf16(bytes(data, offset, chars * 2)?))
        };
        let disguised = bytes(data, password.0, password.1 * 2)?.iter();
        let plain: Vec<u8> = disguised
            .map(|byte| (byte ^ DISGUISE).rotate_left(4))
            .collect();
        Ok(Self {
            tds_version,
            packet_size,
            client,
            flags,
            locale,
            host: text(host)?,
            user: text(user)?,
            password: utf16(&plain),
            app: text(app)?,
            server: text(server)?,
            interface: text(interface)?,
            language: text(language)?,
            database: text(database)?,
            has_sspi,
            features,
        })
    }

    /// As it is sent to a server behind this one: no integrated security, no attached file.
    pub(super) fn encode(&self) -> Vec<u8> {
        let text = |text: &str| (wide(text).collect::<Vec<u8>>(), 2);
        let disguised = wide(&self.password).map(|byte| byte.rotate_left(4) ^ DISGUISE);
        let extension = vec![0; if self.features.is_empty() { 0 } else { 4 }];
        let mut fields = [
            text(&self.host),
            text(&self.user),
            (disguised.collect(), 2),
            text(&self.app),
            text(&self.server),
            (extension, 1),
            text(&self.interface),
            text(&self.language),
            text(&self.database),
        ];
        let end = FIXED + fields.iter().map(|(field, _)| field.len()).sum::<usize>();
        let mut features = Vec::new();
        let mut flags = self.flags;
        flags[1] &= !FLAG_INTEGRATED;
        flags[3] &= !(FLAG_EXTENSION | FLAG_CHANGE_PASSWORD);
        if !self.features.is_empty() {
            flags[3] |= FLAG_EXTENSION;
            fields[5].0 = number(end).to_vec();
            put_features(&mut features, &self.features);
        }
        let mut login = number(end + features.len()).to_vec();
        login.extend(self.tds_version.to_le_bytes());
        login.extend(self.packet_size.to_le_bytes());
        login.extend([&self.client[..], &flags, &self.locale].concat());
        let mut at = FIXED;
        for (field, unit) in &fields {
            login.extend_from_slice(&number(at)[..2]);
            login.extend_from_slice(&number(field.len() / unit)[..2]);
            at += field.len();
        }
        // No address of a network card, no SSPI, no attached file, no new password.
        login.resize(FIXED, 0);
        login.extend(fields.into_iter().flat_map(|(field, _)| field));
        login.extend(features);
        login
    }

    pub(super) fn is_integrated(&self) -> bool {
        self.flags[1] & FLAG_INTEGRATED != 0 || self.has_sspi
    }

    pub(super) fn changes_password(&self) -> bool {
        self.flags[3] & FLAG_CHANGE_PASSWORD != 0
    }

    /// The FEDAUTH feature, if there is one.
    pub(super) fn fedauth(&self) -> Result<Option<Fedauth>, Violation> {
        let mut features = self.features.iter();
        let Some((_, data)) = features.find(|(id, _)| *id == feature::FEDAUTH) else {
            return Ok(None);
        };
        let mut data = data.as_slice();
        let options = data.try_get_u8()?;
        if options >> 1 != SECURITY_TOKEN {
            let text = "a FEDAUTH library other than SecurityToken";
            return Err(Violation::Malformed(text));
        }
        let token = utf16(counted(&mut data)?);
        if !data.is_empty() {
            return Err(Violation::Malformed(
                "a FEDAUTH nonce that nobody asked for",
            ));
        }
        Ok(Some(Fedauth {
            echo: options & 1 != 0,
            token,
        }))
    }
}

/// A field of variable length; where it has none its offset means nothing.
fn bytes(data: &[u8], offset: usize, length: usize) -> Result<&[u8], Violation> {
    if length == 0 {
        return Ok(&[]);
    }
    data.get(offset..offset + length)
        .ok_or(Violation::Malformed("a LOGIN7 offset"))
}

fn extensions(data: &[u8], extension: &[u8]) -> Result<Features, Violation> {
    let Some(offset) = extension.first_chunk::<4>() else {
        return Ok(Vec::new());
    };
    let offset = usize::try_from(u32::from_le_bytes(*offset)).unwrap_or(usize::MAX);
    let list = data.get(offset..).filter(|_| offset != 0);
    features(&mut list.ok_or(Violation::Malformed("FeatureExt's offset"))?)
}

/// A list of features, to its end.
pub(super) fn features(rest: &mut &[u8]) -> Result<Features, Violation> {
    let mut features = Vec::new();
    loop {
        match rest.try_get_u8()? {
            feature::END => return Ok(features),
            id => features.push((id, counted(rest)?.to_vec())),
        }
    }
}

/// A list of features with its end.
pub(super) fn put_features(bytes: &mut Vec<u8>, features: &[(u8, Vec<u8>)]) {
    for (id, data) in features {
        bytes.extend([&[*id][..], &number(data.len()), data].concat());
    }
    bytes.push(feature::END);
}

fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}
