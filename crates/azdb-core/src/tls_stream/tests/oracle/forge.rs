//! Records as the specification has them: RFC 8446, sections 5 and 7, RFC 5246, section 6.2, RFC 5288, RFC 7905. The keys of a
//! handshake are rustls's; nothing of its record layer is used.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use aws_lc_rs::hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Prk};
use rustls::ConnectionTrafficSecrets;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// Longest plaintext of a record.
pub(super) const LONGEST: usize = 1 << 14;

const TAG: usize = 16;

/// KeyUpdate, and whether one is asked for in return.
pub(super) fn key_update(asks: bool) -> [u8; 5] {
    [24, 0, 0, 1, u8::from(asks)]
}

/// A handshake message.
pub(super) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

/// NewSessionTicket (RFC 8446, section 4.6.1).
pub(super) fn ticket(length: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    let mut body = vec![0, 0, 1, 0, 9, 9, 9, 9, 1, 7, high, low];
    body.resize(body.len() + length, 3);
    body.extend([0, 0]);
    handshake(4, &body)
}

/// The header of a record in front of these bytes.
pub(super) fn in_the_clear(kind: u8, contents: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3, high, low], contents].concat()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

/// One direction.
pub(super) struct Keys {
    version: Version,
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    sequence: u64,
    is_gcm: bool,
    /// Of TLS 1.3: what the next generation comes from.
    secret: Vec<u8>,
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label without a context (RFC 8446, section 7.1).
fn expand(secret: &[u8], label: &str, length: usize) -> Vec<u8> {
    let hash = if secret.len() == 48 {
        HKDF_SHA384
    } else {
        HKDF_SHA256
    };
    let label = format!("tls13 {label}");
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    let info = [
        &[high, low, u8::try_from(label.len()).unwrap()],
        label.as_bytes(),
        &[0],
    ]
    .concat();
    let (prk, info) = (Prk::new_less_safe(hash, secret), [&info[..]]);
    let mut out = vec![0; length];
    prk.expand(&info, Length(length))
        .unwrap()
        .fill(&mut out)
        .unwrap();
    out
}

impl Keys {
    pub(super) fn new(
        version: Version,
        (sequence, secrets): (u64, ConnectionTrafficSecrets),
        secret: Vec<u8>,
    ) -> Self {
        let (algorithm, key, iv) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => panic!("a suite of tomorrow"),
        };
        let key = UnboundKey::new(algorithm, key.as_ref()).unwrap();
        Self {
            version,
            key: LessSafeKey::new(key),
            iv: iv.as_ref().try_into().unwrap(),
            sequence,
            is_gcm: !matches!(secrets, ConnectionTrafficSecrets::Chacha20Poly1305 { .. }),
            secret,
        }
    }

    /// The next generation (RFC 8446, section 7.2).
    pub(super) fn update(&mut self) {
        self.secret = expand(&self.secret, "traffic upd", self.secret.len());
        let algorithm = self.key.algorithm();
        let key = expand(&self.secret, "key", algorithm.key_len());
        self.key = LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap());
        self.iv = expand(&self.secret, "iv", NONCE_LEN).try_into().unwrap();
        self.sequence = 0;
    }

    /// TLS 1.2 with GCM: eight bytes of each nonce go with the record.
    fn is_explicit(&self) -> bool {
        self.version == Version::Tls12 && self.is_gcm
    }

    fn nonce(&self, explicit: Option<&[u8]>) -> Nonce {
        let mut nonce = self.iv;
        let (_, last) = nonce.split_at_mut(NONCE_LEN - 8);
        match explicit {
            Some(explicit) => last.copy_from_slice(explicit),
            None => {
                let sequence = self.sequence.to_be_bytes();
                last.iter_mut().zip(sequence).for_each(|(a, b)| *a ^= b);
            }
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn aad(&self, kind: u8, plain: usize, sealed: usize) -> Vec<u8> {
        let length = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
        match self.version {
            Version::Tls12 => {
                let [high, low] = length(plain);
                [&self.sequence.to_be_bytes()[..], &[kind, 3, 3, high, low]].concat()
            }
            Version::Tls13 => {
                let [high, low] = length(sealed);
                vec![APPLICATION_DATA, 3, 3, high, low]
            }
        }
    }

    /// A record. TLS 1.2 has no padding.
    pub(super) fn seal(&mut self, kind: u8, plain: &[u8], padding: usize) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        if self.version == Version::Tls13 {
            sealed.push(kind);
            sealed.resize(sealed.len() + padding, 0);
        }
        let explicit = self.sequence.to_be_bytes();
        let explicit = self.is_explicit().then_some(&explicit[..]);
        let nonce = self.nonce(explicit);
        let aad = self.aad(kind, plain.len(), sealed.len() + TAG);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed)
            .unwrap();
        let outer = match self.version {
            Version::Tls12 => kind,
            Version::Tls13 => APPLICATION_DATA,
        };
        self.sequence += 1;
        in_the_clear(outer, &[explicit.unwrap_or_default(), &sealed].concat())
    }

    /// What kind of record it is, and what is in it.
    fn open(&mut self, header: &[u8], body: &[u8]) -> (u8, Vec<u8>) {
        let (explicit, sealed) = body.split_at(if self.is_explicit() { 8 } else { 0 });
        let explicit = self.is_explicit().then_some(explicit);
        let kind = header.first().copied().unwrap();
        let plain = sealed.len() - TAG;
        let aad = self.aad(kind, plain, sealed.len());
        let (nonce, mut sealed) = (self.nonce(explicit), sealed.to_vec());
        let opened = self.key.open_in_place(nonce, Aad::from(aad), &mut sealed);
        let mut opened = opened.expect("a record that opens").to_vec();
        self.sequence += 1;
        match self.version {
            Version::Tls12 => (kind, opened),
            Version::Tls13 => {
                while opened.last() == Some(&0) {
                    opened.pop();
                }
                (opened.pop().expect("a kind"), opened)
            }
        }
    }
}

/// A peer whose handshake is over.
pub(super) struct Forge {
    pub(super) says: Keys,
    hears: Keys,
    /// What has come and is no whole record yet.
    rest: Vec<u8>,
    /// What was said to it, record by record.
    pub(super) heard: Vec<(u8, Vec<u8>)>,
}

impl Forge {
    pub(super) fn new(says: Keys, hears: Keys) -> Self {
        Self {
            says,
            hears,
            rest: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// Opens what the other side has written.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some((header, rest)) = self.rest.split_at_checked(5) {
            let length = u16::from_be_bytes([header[3], header[4]]).into();
            let Some((body, _)) = rest.split_at_checked(length) else {
                break;
            };
            let record = self.hears.open(header, body);
            self.rest.drain(..5 + length);
            if record.0 == HANDSHAKE && record.1.first() == Some(&24) {
                self.hears.update();
            }
            self.heard.push(record);
        }
    }

    /// All data in what was heard.
    pub(super) fn data(&self) -> Vec<u8> {
        self.of(APPLICATION_DATA).concat()
    }

    pub(super) fn alerts(&self) -> Vec<Vec<u8>> {
        self.of(ALERT)
    }

    /// What was in records of a kind.
    pub(super) fn of(&self, kind: u8) -> Vec<Vec<u8>> {
        let heard = self.heard.iter().filter(|(of, _)| *of == kind);
        heard.map(|(_, contents)| contents.clone()).collect()
    }

    /// The last record has not come whole.
    pub(super) fn is_cut(&self) -> bool {
        !self.rest.is_empty()
    }
}
