//! What Azure Database for MySQL adds to SQL, in words that the server behind knows.
//!
//! ```text
//!   create aaduser 'NAME' identified by 'ID'    a user with the password of the door, and a note of the id
//!   set aad_auth_validate_oids_in_tenant = …    nothing
//! ```
//!
//! The note is `AADApp:ID`: in MariaDB that of a second way to log in, by which nobody comes, in MySQL the user's comment.

use mysql_common::constants::Command;

/// The way by which nobody comes: an account of the machine, and no name of one has a colon.
const NOTE: &str = "AADApp:";
/// What stands before the text of a query from clients that send attributes with it: none, in one set.
const ATTRIBUTES: &[u8] = &[0, 1];

/// Whether a command is such a statement.
pub(super) fn is_azures(command: &[u8]) -> bool {
    parsed(command).is_some()
}

/// The command for the server behind, whose users log in with `password`.
pub(super) fn translated(command: &[u8], password: &str, is_mariadb: bool) -> Option<Vec<u8>> {
    let (head, statement) = parsed(command)?;
    let text = match statement {
        Statement::Set => "do 0".to_owned(),
        Statement::Create { name, id } => {
            let password = password.replace('\\', "\\\\").replace('\'', "''");
            if is_mariadb {
                format!(
                    "create user {name}@'%' identified via mysql_native_password using password('{password}') \
                     or unix_socket using '{NOTE}{id}'"
                )
            } else {
                format!("create user {name}@'%' identified by '{password}' comment '{NOTE}{id}'")
            }
        }
    };
    Some([head, text.as_bytes()].concat())
}

enum Statement<'a> {
    /// The name is quoted as it came, the id is not.
    Create {
        name: &'a str,
        id: &'a str,
    },
    Set,
}

/// What stands before a statement, and the statement.
fn parsed(command: &[u8]) -> Option<(&[u8], Statement<'_>)> {
    let (kind, rest) = command.split_first()?;
    if *kind != Command::COM_QUERY as u8 {
        return None;
    }
    let rest = rest.strip_prefix(ATTRIBUTES).unwrap_or(rest);
    let (head, _) = command.split_at(command.len() - rest.len());
    let text = std::str::from_utf8(rest).ok()?.trim();
    let text = text.trim_end_matches(';').trim_end();
    if strip_word(text, "set aad_auth_validate_oids_in_tenant").is_some() {
        return Some((head, Statement::Set));
    }
    let name = strip_word(text, "create aaduser")?;
    let end = end_of_literal(name)?;
    let (name, rest) = name.split_at_checked(end)?;
    let id = strip_word(rest.trim_start(), "identified by")?;
    let id = id.strip_prefix('\'')?.strip_suffix('\'')?;
    let is_id = id
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_id.then_some((head, Statement::Create { name, id }))
}

/// What is behind these words, in capitals or not.
fn strip_word<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(words.len())?;
    let is_whole = rest.starts_with([' ', '\t', '\n', '=']);
    (start.eq_ignore_ascii_case(words) && is_whole).then(|| rest.trim_start())
}

/// How long a quoted text is, quotes included.
fn end_of_literal(text: &str) -> Option<usize> {
    let mut letters = text.strip_prefix('\'')?.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next()?;
            }
            '\'' if letters.next_if(|(_, next)| *next == '\'').is_none() => return Some(at + 2),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn told(text: &str, is_mariadb: bool) -> Option<String> {
        let command = [b"\x03", text.as_bytes()].concat();
        let told = translated(&command, "it's", is_mariadb)?;
        assert!(is_azures(&command));
        let (kind, text) = told.split_first().unwrap();
        assert_eq!(*kind, 3);
        Some(String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn a_user_of_an_identity_logs_in_behind_with_the_password_of_the_door() {
        let create = r"CREATE AADUSER 'o''brien\'s' IDENTIFIED BY '7d1c-9b01';";
        assert_eq!(
            told(create, false).unwrap(),
            r"create user 'o''brien\'s'@'%' identified by 'it''s' comment 'AADApp:7d1c-9b01'"
        );
        assert_eq!(
            told(create, true).unwrap(),
            r"create user 'o''brien\'s'@'%' identified via mysql_native_password using password('it''s') or unix_socket using 'AADApp:7d1c-9b01'"
        );
        let set = "set aad_auth_validate_oids_in_tenant = OFF";
        assert_eq!(told(set, true).unwrap(), "do 0");
        let with_attributes = [b"\x03\x00\x01", set.as_bytes()].concat();
        assert_eq!(
            translated(&with_attributes, "", true).unwrap(),
            b"\x03\x00\x01do 0"
        );
    }

    #[test]
    fn everything_else_is_the_servers() {
        for text in [
            "",
            "create user 'x'",
            "create aaduser 'x",
            "create aaduser 'x' identified by 'y'; drop user 'z'",
            "create aaduser 'x' identified by 'not an id'",
            "select 'create aaduser'",
            "set aad_auth_validate_oids_in_tenants = 1",
        ] {
            assert_eq!(told(text, true), None, "{text}");
        }
        assert!(
            !is_azures(b"\x16create aaduser 'x' identified by '1'"),
            "COM_STMT_PREPARE"
        );
    }
}
