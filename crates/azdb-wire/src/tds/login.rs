//! LOGIN7 of an app, in any legal shape (MS-TDS 2.2.6.4).

use super::feature::{Features, FedAuth, feature_id};
use super::version::{Version, Width};
use crate::reader::Reader;

/// Most bytes of a LOGIN7, by MS-TDS.
pub const MAX_LOGIN7: usize = 128 * 1024 - 1;

/// The fixed part up to TDS 7.1.
const OLD_FIXED: usize = 86;
/// From 7.2 on, with ChangePassword and the long SSPI count. tedious writes it whatever it asks for.
pub(super) const FIXED: usize = 94;

/// OptionFlags1: numbers are big-endian.
const BIG_ENDIAN: u8 = 0x01;
/// OptionFlags1: text is EBCDIC.
const EBCDIC: u8 = 0x02;
/// OptionFlags2: SSPI in place of a password.
pub(super) const INTEGRATED: u8 = 0x80;
/// OptionFlags3: ChangePassword holds a new one.
const CHANGE_PASSWORD: u8 = 0x01;
/// OptionFlags3: ibExtension is one.
pub(super) const EXTENSION: u8 = 0x10;

/// A LOGIN7, borrowed from the bytes it was read from. Text is UTF-16LE.
///
/// The app's password and SSPI blob are not here: nobody is to read them but for [`AppProof`](super::AppProof).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login7<'a> {
    /// What the app asks for.
    pub version: Version,
    /// Zero means the server's own choice.
    pub packet_size: u32,
    /// ClientProgVer, ClientPID, ConnectionID as they came.
    pub program_version: u32,
    /// See `program_version`.
    pub process_id: u32,
    /// See `program_version`.
    pub connection_id: u32,
    /// OptionFlags1, OptionFlags2, TypeFlags, OptionFlags3.
    pub flags: [u8; 4],
    /// Minutes from UTC.
    pub time_zone: u32,
    /// The collation's locale.
    pub lcid: u32,
    /// The app's machine.
    pub host: &'a [u8],
    /// Who the app says it is; empty with integrated authentication.
    pub user: &'a [u8],
    /// The app's name.
    pub app: &'a [u8],
    /// What the app calls the server: ours, so of no use upstream.
    pub server: &'a [u8],
    /// The driver's name.
    pub library: &'a [u8],
    /// The language of messages.
    pub language: &'a [u8],
    /// Empty for the default one.
    pub database: &'a [u8],
    /// The app's network card.
    pub client_id: [u8; 6],
    /// A database file to attach.
    pub attach_file: &'a [u8],
    /// Whether the app wants its password changed.
    pub changes_password: bool,
    /// What it asks for beyond all this.
    pub features: Features<'a>,
}

/// A LOGIN7 that is none, or that nobody could serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Login7Error {
    /// Shorter than its fixed part, or than it says.
    #[error("a LOGIN7 that is cut off")]
    Truncated,
    /// A field points outside of the message.
    #[error("a LOGIN7 whose {0} lies outside of it")]
    OutOfRange(&'static str),
    /// The list of features has no end.
    #[error("a LOGIN7 whose features are cut off")]
    Features,
    /// Numbers or text in a mainframe's form.
    #[error("a LOGIN7 of a big-endian or EBCDIC machine")]
    Machine,
}

/// The fixed part, taken apart in its order; offsets are looked up later, when the end of the fixed part is known.
struct Fields<'a> {
    message: &'a [u8],
    reader: Reader<'a>,
}

/// Where a field lies: its offset, and its count as written.
#[derive(Clone, Copy)]
struct Place(u16, u16);

impl<'a> Fields<'a> {
    fn u32(&mut self) -> Result<u32, Login7Error> {
        self.reader.u32_le().ok_or(Login7Error::Truncated)
    }

    fn place(&mut self) -> Result<Place, Login7Error> {
        match (self.reader.u16_le(), self.reader.u16_le()) {
            (Some(offset), Some(count)) => Ok(Place(offset, count)),
            _ => Err(Login7Error::Truncated),
        }
    }

    fn text(&self, place: Place, name: &'static str) -> Result<&'a [u8], Login7Error> {
        self.bytes(place, 2, name)
    }

    /// An empty field's offset may be anything.
    fn bytes(
        &self,
        Place(offset, count): Place,
        unit: usize,
        name: &'static str,
    ) -> Result<&'a [u8], Login7Error> {
        if count == 0 {
            return Ok(&[]);
        }
        let start = usize::from(offset);
        let end = start.saturating_add(usize::from(count).saturating_mul(unit));
        let found = self.message.get(start..end);
        found.ok_or(Login7Error::OutOfRange(name))
    }
}

impl<'a> Login7<'a> {
    /// Reads the payload of a LOGIN7 message.
    ///
    /// # Errors
    ///
    /// [`Login7Error`].
    pub fn parse(payload: &'a [u8]) -> Result<Self, Login7Error> {
        let length = Reader::new(payload)
            .u32_le()
            .ok_or(Login7Error::Truncated)?;
        let message = Reader::new(payload)
            .bytes(length)
            .ok_or(Login7Error::Truncated)?;
        if message.len() < OLD_FIXED {
            return Err(Login7Error::Truncated);
        }
        let mut fields = Fields {
            message,
            reader: Reader::new(message),
        };
        let _length = fields.u32()?;
        let version = Version::from_login(fields.u32()?);
        let (packet_size, program_version) = (fields.u32()?, fields.u32()?);
        let (process_id, connection_id) = (fields.u32()?, fields.u32()?);
        let flags: [u8; 4] = fields.reader.array().ok_or(Login7Error::Truncated)?;
        let [flags1, _, _, flags3] = flags;
        if flags1 & (BIG_ENDIAN | EBCDIC) != 0 {
            return Err(Login7Error::Machine);
        }
        let (time_zone, lcid) = (fields.u32()?, fields.u32()?);
        let (host, user, password) = (fields.place()?, fields.place()?, fields.place()?);
        let (app, server, extension) = (fields.place()?, fields.place()?, fields.place()?);
        let (library, language, database) = (fields.place()?, fields.place()?, fields.place()?);
        let client_id = fields.reader.array().ok_or(Login7Error::Truncated)?;
        let (_sspi, attach) = (fields.place()?, fields.place()?);
        // Nobody reads the password, but a length that lies is a message that lies.
        fields.text(password, "Password")?;
        let places = [
            host, user, password, app, server, library, language, database,
        ];
        let changes_password = flags3 & CHANGE_PASSWORD != 0 && has_new_fields(version, &places);
        Ok(Self {
            version,
            packet_size,
            program_version,
            process_id,
            connection_id,
            flags,
            time_zone,
            lcid,
            host: fields.text(host, "HostName")?,
            user: fields.text(user, "UserName")?,
            app: fields.text(app, "AppName")?,
            server: fields.text(server, "ServerName")?,
            library: fields.text(library, "CltIntName")?,
            language: fields.text(language, "Language")?,
            database: fields.text(database, "Database")?,
            client_id,
            attach_file: fields.text(attach, "AtchDBFile")?,
            changes_password,
            features: features(&fields, extension, flags3)?,
        })
    }

    /// How the app itself wants to prove with a token who it is.
    pub fn fed_auth(&self) -> Option<FedAuth> {
        self.features.get(feature_id::FED_AUTH).map(FedAuth::parse)
    }
}

/// Whether the fixed part has the fields that 7.2 added: by its version, and by where the variable part begins.
fn has_new_fields(version: Version, places: &[Place]) -> bool {
    let begins = places
        .iter()
        .filter(|Place(_, count)| *count > 0)
        .map(|Place(offset, _)| usize::from(*offset))
        .min();
    let new_version = version.width() == Width::Wide;
    new_version && begins.is_none_or(|begins| begins >= FIXED)
}

/// The list that ibExtension points at. Drivers set the flag without one (tedious with an old version), and before 7.4 the
/// field was unused: what does not point at a list is none.
fn features<'a>(
    fields: &Fields<'a>,
    extension: Place,
    flags3: u8,
) -> Result<Features<'a>, Login7Error> {
    let Place(_, count) = extension;
    if flags3 & EXTENSION == 0 || count < 4 {
        return Ok(Features::default());
    }
    let list = fields
        .bytes(extension, 1, "Extension")
        .ok()
        .and_then(|pointer| Reader::new(pointer).u32_le())
        .filter(|offset| *offset != 0)
        .and_then(|offset| fields.message.get(usize::try_from(offset).ok()?..));
    match list {
        None => Ok(Features::default()),
        Some(list) => Features::read(&mut Reader::new(list)).ok_or(Login7Error::Features),
    }
}
