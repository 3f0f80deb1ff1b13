//! Where an app's commands begin, from packet headers alone.
//!
//! ```text
//!   header     number 0, payload begins with 0x11          COM_CHANGE_USER
//!   header     number 0                                    another command
//!   header     length 0xffffff                             the next packet continues this one
//!   header     number > 0, no continuation                 file data, which a server has asked for (LOAD DATA LOCAL)
//!   header     length 0, within file data                  the end of it
//! ```
//!
//! Numbers wrap, so packets of a long file get number 0 again and may begin with any byte: only the file's end ends it.

use super::frame::{Header, MAX_PAYLOAD};

/// COM_QUIT in its packet, by which a client leaves.
pub const QUIT: [u8; 5] = [1, 0, 0, 0, Command::QUIT.0];

/// The first byte of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command(pub u8);

macro_rules! commands {
    ($($name:ident = $byte:literal, $doc:literal;)*) => {
        impl Command {
            $(#[doc = concat!("COM_", $doc, ".")] pub const $name: Self = Self($byte);)*
        }
    };
}

commands! {
    QUIT = 0x01, "QUIT";
    INIT_DB = 0x02, "INIT_DB";
    QUERY = 0x03, "QUERY";
    FIELD_LIST = 0x04, "FIELD_LIST";
    CREATE_DB = 0x05, "CREATE_DB";
    DROP_DB = 0x06, "DROP_DB";
    REFRESH = 0x07, "REFRESH";
    SHUTDOWN = 0x08, "SHUTDOWN";
    STATISTICS = 0x09, "STATISTICS";
    PROCESS_INFO = 0x0a, "PROCESS_INFO";
    PROCESS_KILL = 0x0c, "PROCESS_KILL";
    DEBUG = 0x0d, "DEBUG";
    PING = 0x0e, "PING";
    CHANGE_USER = 0x11, "CHANGE_USER";
    REGISTER_SLAVE = 0x15, "REGISTER_SLAVE";
    STMT_PREPARE = 0x16, "STMT_PREPARE";
    STMT_EXECUTE = 0x17, "STMT_EXECUTE";
    SEND_LONG_DATA = 0x18, "STMT_SEND_LONG_DATA";
    STMT_CLOSE = 0x19, "STMT_CLOSE";
    STMT_RESET = 0x1a, "STMT_RESET";
    SET_OPTION = 0x1b, "SET_OPTION";
    STMT_FETCH = 0x1c, "STMT_FETCH";
    RESET_CONNECTION = 0x1f, "RESET_CONNECTION";
    BULK_EXECUTE = 0xfa, "STMT_BULK_EXECUTE, of MariaDB";
}

/// What a piece of an app's stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing to stop for; all of it has been followed.
    Nothing,
    /// A header that cannot be judged yet begins at this offset, at most four bytes before the end. What is before it has been
    /// followed; the rest must be shown again, with more behind it.
    Unsure(usize),
    /// A COM_CHANGE_USER begins at this offset. What is before it has been followed; it and what is behind it have not.
    ChangeUser(usize),
    /// The same of a COM_QUIT, while such are [held](Commands::hold_quit).
    Quit(usize),
}

/// Follows an app's packets after the login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Bytes of the current payload that are still to come.
    payload: usize,
    /// The next packet continues the last.
    continued: bool,
    /// The app is sending a file.
    file: bool,
    /// The last command was COM_QUIT.
    quit: bool,
    /// COM_QUIT is to be found.
    holds_quit: bool,
}

impl Commands {
    /// Whether the app has said that it leaves.
    pub const fn has_quit(&self) -> bool {
        self.quit
    }

    /// Whether a COM_QUIT is something to stop for.
    pub const fn hold_quit(&mut self, holds: bool) {
        self.holds_quit = holds;
    }

    /// Follows bytes of the app's until something is [`Found`].
    pub fn follow(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0usize;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let skipped = self.payload.min(rest.len());
            self.payload = self.payload.saturating_sub(skipped);
            at = at.saturating_add(skipped);
            let Some((header, behind)) = bytes.get(at..).and_then(|rest| rest.split_first_chunk())
            else {
                return if at == bytes.len() {
                    Found::Nothing
                } else {
                    Found::Unsure(at)
                };
            };
            let header = Header::parse(*header);
            let Header { length, number } = header;
            let begins = number == 0 && length > 0 && !self.continued && !self.file;
            match behind.first() {
                None if begins => return Found::Unsure(at),
                Some(&first) if begins && Command(first) == Command::CHANGE_USER => {
                    return Found::ChangeUser(at);
                }
                Some(&first) if begins && self.is_held(header, Command(first)) => {
                    return Found::Quit(at);
                }
                Some(&first) if begins => self.quit = Command(first) == Command::QUIT,
                _ => {}
            }
            if !self.continued {
                self.file = (self.file || number != 0) && length != 0;
            }
            self.continued = length == MAX_PAYLOAD;
            self.payload = length;
            at = at.saturating_add(Header::LEN);
        }
    }

    /// A longer packet is none of a client that leaves.
    const fn is_held(&self, Header { length, .. }: Header, command: Command) -> bool {
        self.holds_quit && length == 1 && command.0 == Command::QUIT.0
    }
}
