//! The sample, in the words of each server: one statement a line.

use crate::DEFAULT_ROLE;
use crate::sample::SAMPLE;

/// The sample as it is, made by the role.
pub(super) fn for_postgres() -> String {
    let mut text = format!("set session authorization \"{DEFAULT_ROLE}\"\n{}", lines());
    // Its rows bring their keys; the next one gets a new one.
    for table in ["customers", "products", "orders"] {
        text += &format!("select setval('{table}_id_seq', max(id)) from {table}\n");
    }
    text
}

pub(super) fn for_mariadb() -> String {
    lines().replace(" serial ", " integer auto_increment ")
}

fn lines() -> String {
    let words: Vec<&str> = SAMPLE.split_whitespace().collect();
    words.join(" ").replace(';', ";\n").replace("\n ", "\n") + "\n"
}
