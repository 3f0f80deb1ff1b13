//! TLS for apps: `local_tls`.

use std::path::PathBuf;

use super::files;
use super::keys::{Form, Key, ValueKind, Word, of_route as keys};
use super::problems::{Checked, Written};
use super::section::Section;
use super::value::Value;
use crate::route::{LocalTls, PlainApps};

/// A word, or a table with the files of a certificate.
pub(crate) struct LocalTlsKind;

/// What the words say.
#[derive(Clone, Copy)]
enum Choice {
    Auto,
    Always,
    Require,
    Off,
}

const WORDS: Word<Choice> = Word(
    &[Choice::Auto, Choice::Always, Choice::Require, Choice::Off],
    |choice| match choice {
        Choice::Auto => "auto",
        Choice::Always => "always",
        Choice::Require => "require",
        Choice::Off => "off",
    },
);

impl ValueKind for LocalTlsKind {
    type Value = (LocalTls, PlainApps);

    fn read(
        &self,
        section: &Section<'_>,
        key: &str,
        written: Written<Value>,
    ) -> Checked<(LocalTls, PlainApps)> {
        if !matches!(written.value, Value::Table(_)) {
            let text = section.as_text(key, written)?;
            let choice = section.understood(key, text, |text| {
                let files: Vec<&str> = keys::LOCAL_TLS_FILES.names().collect();
                let or_files = |problem| format!("{problem}, {{ {} }}", files.join(", "));
                WORDS.meant(text).map_err(or_files)
            })?;
            return Ok(match choice.value {
                Choice::Auto => (LocalTls::Auto, PlainApps::Welcome),
                Choice::Always => (LocalTls::Always, PlainApps::Welcome),
                Choice::Require => (LocalTls::Always, PlainApps::Refused),
                Choice::Off => (LocalTls::Off, PlainApps::Welcome),
            });
        }
        let context = format!("{}: {key}", section.context);
        let mut files = section.inner(&keys::LOCAL_TLS_FILES, &context, key, written)?;
        let cert_file = readable(&mut files, &keys::CERT_FILE);
        let key_file = readable(&mut files, &keys::KEY_FILE);
        let require = files.value(&keys::REQUIRE);
        files.finish();
        let shown = LocalTls::Files {
            cert_file: cert_file?,
            key_file: key_file?,
        };
        let plain_apps = match require? {
            true => PlainApps::Refused,
            false => PlainApps::Welcome,
        };
        Ok((shown, plain_apps))
    }

    fn form(&self) -> Form {
        Form::Either(vec![WORDS.form(), Form::Table(&keys::LOCAL_TLS_FILES)])
    }
}

/// A file that can be read.
fn readable(
    section: &mut Section<'_>,
    key: &Key<impl ValueKind<Value = PathBuf>>,
) -> Checked<PathBuf> {
    let spot = section.spot_of(key);
    let path = section.value(key)?;
    let spot = spot.as_ref().unwrap_or(&section.spot);
    match files::readable(&path, section.files()) {
        Ok(()) => Ok(path),
        Err(problem) => Err(section.refuse(spot, key.about.name, problem)),
    }
}
