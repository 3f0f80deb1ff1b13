//! What a release makes of the command line's definition: manual pages, and completion scripts for shells.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::args::Args;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPage {
    /// Nothing of that name.
    #[error("there is no command {0:?}; see azdb-proxy --help")]
    Unknown(String),
    /// It could not be written down.
    #[error("cannot write the page: {0}")]
    Io(#[from] io::Error),
}

/// A completion script.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "azdb-proxy", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page of the program, or of a command of it: `azdb-proxy.1`, `azdb-proxy-run.1`.
///
/// It carries no date, so that one source makes one page.
pub(crate) fn page(command: Option<&str>) -> Result<String, NoPage> {
    let mut program = Args::command().disable_help_subcommand(true);
    program.build();
    let described = match command {
        None => program,
        Some(name) => program
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| NoPage::Unknown(name.to_owned()))?,
    };
    Ok(String::from_utf8_lossy(&rendered(described)?).into_owned())
}

fn rendered(command: Command) -> io::Result<Vec<u8>> {
    let has_commands = command.has_subcommands();
    let notes = command.get_after_long_help().map(ToString::to_string);
    let source = concat!("azdb-proxy ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command).source(source);
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    if has_commands {
        page.render_subcommands_section(&mut out)?;
    }
    sections(&notes.unwrap_or_default()).to_writer(&mut out)?;
    Ok(out)
}

/// What stands behind the options in the help: a line that ends in a colon heads a section, whose lines stay as they are.
fn sections(notes: &str) -> Roff {
    let mut roff = Roff::default();
    for line in notes.lines() {
        match line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            Some(heading) => {
                roff.control("fi", []);
                roff.control("SH", [heading.to_uppercase().as_str()]);
                roff.control("nf", []);
            }
            None => {
                roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
            }
        }
    }
    roff.control("fi", []);
    roff
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_stands_in_the_programs() {
        let whole = page(None).unwrap();
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            assert!(page(Some(name)).unwrap().contains(".SH NAME"), "{name}");
            let listed = format!("azdb\\-proxy\\-{}(1)", name.replace('-', "\\-"));
            assert!(whole.contains(&listed), "{listed}: {whole}");
        }
    }

    #[test]
    fn sections_of_the_help_are_sections_of_the_page() {
        let whole = page(None).unwrap();
        for part in [
            ".SH EXAMPLES\n.nf\nazdb\\-proxy run ",
            ".SH SIGNALS\n",
            ".SH \"EXIT CODES\"\n",
        ] {
            assert!(whole.contains(part), "{part}: {whole}");
        }
    }

    #[test]
    fn unknown_command_is_named() {
        let error = page(Some("walk")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no command \"walk\"; see azdb-proxy --help"
        );
    }
}
