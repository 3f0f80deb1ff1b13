//! An error and what lies behind it.

use core::error::Error;
use core::fmt;

/// An error and all its sources on one line, outermost first.
///
/// Each level of an error says only its own part; whoever prints it once prints the whole through this. It does not make
/// text of peers harmless: the error that holds such text has put it through [`Quoted`](crate::Quoted).
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
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
}
