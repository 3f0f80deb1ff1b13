//! An error and what lies behind it.

use core::error::Error;
use core::fmt;

use crate::OneLine;

/// An error and all its sources on one line, outermost first.
///
/// Each level of an error says only its own part; whoever prints it once prints the whole through this. The text of a source
/// may be a library's, which repeats what a peer has sent: a certificate's names, a reason, a path. So each level is
/// shown as [`OneLine`].
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut next = Some(self.0);
        while let Some(error) = next {
            write!(f, "{}", OneLine(error))?;
            next = error.source();
            f.write_str(if next.is_some() { ": " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[derive(Debug)]
    struct Level(&'static str, Option<&'static Level>);

    impl fmt::Display for Level {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Level {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.map(|level| level as &dyn Error)
        }
    }

    #[test]
    fn every_level_is_told_once_from_the_outside_in() {
        static REFUSED: Level = Level("refused", None);
        static CONNECT: Level = Level("cannot connect", Some(&REFUSED));
        let error = Level("no token", Some(&CONNECT));
        assert_eq!(
            Chain(&error).to_string(),
            "no token: cannot connect: refused"
        );
        assert_eq!(Chain(&REFUSED).to_string(), "refused");
    }

    #[test]
    fn text_of_others_in_a_source_is_harmless() {
        static SOURCE: Level = Level("CN=\n2026 ERROR \u{1b}[2J eyJhbGciOi.J9.x", None);
        let error = Level("cannot trust it", Some(&SOURCE));
        assert_eq!(
            Chain(&error).to_string(),
            r"cannot trust it: CN=\n2026 ERROR \u{1b}[2J [token]"
        );
    }

    #[test]
    fn a_long_source_leaves_room_for_its_own() {
        static ROOT: Level = Level("the root", None);
        let names: &'static str = alloc::string::String::leak("name, ".repeat(2000));
        let error = Level(names, Some(&ROOT));
        let shown = Chain(&error).to_string();
        assert!(shown.ends_with("…: the root"), "{shown}");
        assert!(shown.len() < OneLine::LIMIT + 20);
    }
}
