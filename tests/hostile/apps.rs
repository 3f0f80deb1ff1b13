//! What apps hear of it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use azdb_tests::{MysqlPeer, PATIENCE, RawApp, packets};

use crate::databases::{Protocol, tds_packet, utf16};

impl Protocol {
    /// Everything that an app hears which asks to be let in, up to the end, as text.
    #[track_caller]
    pub(crate) fn told(self, address: SocketAddr) -> String {
        match self {
            Self::Postgres => {
                let mut app = RawApp::connect(address);
                app.send(&packets::startup(0, &[("user", "anyone")]));
                String::from_utf8_lossy(&app.rest()).into_owned()
            }
            Self::Mysql => {
                let mut app = MysqlPeer::connect(address);
                let mut heard = app.hear();
                if heard.first() != Some(&0xff) {
                    app.say(&response(b"anyone"));
                    heard = app.rest();
                }
                String::from_utf8_lossy(&heard).into_owned()
            }
            Self::Tds => {
                let mut app = TcpStream::connect(address).unwrap();
                app.set_read_timeout(Some(PATIENCE)).unwrap();
                app.write_all(&tds_packet(0x10, true, &login7("sa", "orders")))
                    .unwrap();
                let mut heard = Vec::new();
                app.read_to_end(&mut heard).unwrap();
                // The texts begin wherever what stands before them ends.
                let [even, odd] = [&heard[..], heard.get(1..).unwrap_or_default()].map(|bytes| {
                    let units = bytes
                        .chunks_exact(2)
                        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                    String::from_utf16_lossy(&units.collect::<Vec<_>>())
                });
                even + &odd
            }
        }
    }
}

/// HandshakeResponse41 without a plugin: PROTOCOL_41, SECURE_CONNECTION and bit 0.
pub(crate) fn response(user: &[u8]) -> Vec<u8> {
    response_with(0, user)
}

/// The same with more flags. The last byte is the level of zstd, for those who read one.
pub(crate) fn response_with(flags: u32, user: &[u8]) -> Vec<u8> {
    let mut response = (0x0000_8201 | flags).to_le_bytes().to_vec();
    response.extend([0, 0, 0, 1, 45]);
    response.resize(32, 0);
    response.extend(user);
    response.extend([0, 0]);
    if flags & 0x0400_0000 != 0 {
        response.push(1);
    }
    response
}

/// LOGIN7 of TDS 7.4 with a user and a database.
pub(crate) fn login7(user: &str, database: &str) -> Vec<u8> {
    const FIXED: usize = 94;
    let (user, database) = (utf16(user), utf16(database));
    let length = u32::try_from(FIXED + user.len() + database.len()).unwrap();
    let mut login = length.to_le_bytes().to_vec();
    login.extend(0x7400_0004_u32.to_le_bytes());
    login.extend(4096_u32.to_le_bytes());
    login.extend([0; 12]);
    login.extend([0xe0, 0x03, 0, 0]);
    login.extend([0; 8]);
    let mut at = FIXED;
    // Host, user, password, program, server, extension, library, language, database.
    for field in [0, user.len(), 0, 0, 0, 0, 0, 0, database.len()] {
        login.extend(u16::try_from(at).unwrap().to_le_bytes());
        login.extend(u16::try_from(field / 2).unwrap().to_le_bytes());
        at += field;
    }
    login.extend([0; 6]);
    // SSPI, file, new password: where they would stand.
    for _ in 0..3 {
        login.extend(u16::try_from(at).unwrap().to_le_bytes());
        login.extend([0, 0]);
    }
    login.extend([0; 4]);
    assert_eq!(login.len(), FIXED);
    login.extend(user);
    login.extend(database);
    login
}
