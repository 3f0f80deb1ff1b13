//! Any text as a configuration file, and as a route's URL.

use std::cell::RefCell;
use std::io::Write as _;

use azdb_config::{Overrides, load};
use azdb_identity::Environment;
use tempfile::NamedTempFile;

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a file"));
}

/// Loads it, and shows every problem.
pub fn run(data: &[u8]) {
    let environment = Environment::from_iter(Vec::<(String, String)>::new());
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("an empty file");
        let mut writer = std::fs::File::create(file.path()).expect("the file");
        writer.write_all(data).expect("room");
        let overrides = Overrides {
            config: Some(file.path().to_owned()),
            ..Overrides::default()
        };
        let _ = load(&overrides, &environment).map_err(|problems| problems.to_string());
    });
    if let Ok(text) = std::str::from_utf8(data) {
        let overrides = Overrides {
            urls: vec![text.to_owned()],
            ..Overrides::default()
        };
        let _ = load(&overrides, &environment).map_err(|problems| problems.to_string());
    }
}
