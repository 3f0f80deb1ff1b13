//! An error and what lies behind it.

use alloc::string::ToString as _;
use core::error::Error;
use core::fmt;

use crate::OneLine;

/// An error and all its sources on one line, outermost first.
///
/// Each level of an error says only its own part; whoever prints it once prints the whole through this. The text of a source
/// may be a library's, which repeats what a peer has sent: a certificate's names, a reason, a path. So each level is
/// shown as [`OneLine`], without the address of the library's manual that some end with.
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut next = Some(self.0);
        while let Some(error) = next {
            write!(f, "{}", OneLine(without_manual(&error.to_string())))?;
            next = error.source();
            f.write_str(if next.is_some() { ": " } else { "" })?;
        }
        Ok(())
    }
}

/// Where a text of rustls, and one of `azure_identity`, begins to speak of its manual. That is for whoever writes programs with them.
const MANUALS: [&str; 2] = [": https://docs.rs/", "\nTo troubleshoot, visit "];

fn without_manual(text: &str) -> &str {
    let found = MANUALS.iter().filter_map(|manual| text.find(manual));
    found.min().and_then(|at| text.get(..at)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn nobody_is_sent_to_a_librarys_manual() {
        static EOF: Level = Level(
            "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html",
            None,
        );
        static TOLD: Level = Level(
            "no identity\nTo troubleshoot, visit https://aka.ms/azsdk/rust/identity/troubleshoot",
            Some(&EOF),
        );
        let shown = Chain(&TOLD).to_string();
        let expected = "no identity: peer closed connection without sending TLS close_notify";
        assert_eq!(shown, expected);
        // What an authority says of its own is another thing.
        static ASKED: Level = Level(
            "see https://login.microsoftonline.com/error?code=50027",
            None,
        );
        assert_eq!(Chain(&ASKED).to_string(), ASKED.0);
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
