//! Exit codes: those of sysexits(3) where it has one, and of a shell for signals.

use std::process::ExitCode;

use crate::output::{say, tell};
use crate::signals::Signal;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As asked.
    Success,
    /// Something failed while running.
    Failure,
    /// `EX_USAGE`.
    Usage,
    /// `EX_CONFIG`.
    BadConfiguration,
    /// A signal cut sessions.
    Cut(Signal),
    /// As the program that ran beside us.
    Of(u8),
}

impl Exit {
    /// Its code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 64,
            Self::BadConfiguration => 78,
            Self::Cut(signal) => signal.exit_code(),
            Self::Of(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Prints what clap has to say, which is help as often as an error.
pub(crate) fn of_clap(error: &clap::Error) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        tell(text.to_string().trim_end());
        Exit::Usage
    } else {
        say(text.to_string().trim_end());
        Exit::Success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_manual() {
        for (exit, code) in [
            (Exit::Success, 0),
            (Exit::Failure, 1),
            (Exit::Usage, 64),
            (Exit::BadConfiguration, 78),
            (Exit::Cut(Signal::Interrupt), 130),
            (Exit::Cut(Signal::ASKED), 143),
            (Exit::Of(7), 7),
        ] {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
