//! Where a statement ends: at a semicolon, or before a word that begins another one.

use super::lexer::{Kind, Token};
use super::statement::STARTERS;

/// Words that a query may have in its middle once.
const VERBS: [&str; 6] = ["select", "insert", "update", "delete", "exec", "execute"];

/// A statement while it is read.
pub(super) struct Extent<'a> {
    first: &'a str,
    depth: i32,
    cases: i32,
    /// It is no `UPDATE` any more whose `SET` is to come.
    has_set: bool,
    /// What follows `INSERT INTO t` or `WITH ...` has come.
    has_verb: bool,
}

impl<'a> Extent<'a> {
    /// Of a statement that begins with this word; `makes_view` for a `CREATE VIEW`.
    pub(super) fn of(first: &'a str, makes_view: bool) -> Self {
        let waits = matches!(first, "with" | "insert") || (first == "create" && makes_view);
        Self {
            first,
            depth: i32::from(first == "("),
            cases: 0,
            has_set: !matches!(first, "update" | "with" | "alter"),
            has_verb: !waits,
        }
    }

    /// The statement ends before this token.
    pub(super) fn ends_before(&mut self, token: &Token, previous: Option<&Token>) -> bool {
        if token.is("(") || token.is(")") {
            self.depth += if token.is("(") { 1 } else { -1 };
            return false;
        }
        if self.depth != 0 {
            return false;
        }
        token.is(";") || (token.kind == Kind::Word && self.ends_before_word(token, previous))
    }

    fn ends_before_word(&mut self, word: &Token, previous: Option<&Token>) -> bool {
        let after = |words: &[&str]| previous.is_some_and(|token| token.is_any(words));
        if word.is("case") {
            self.cases += 1;
        } else if word.is("end") && self.cases > 0 {
            self.cases -= 1;
        } else if word.is("set") && !self.has_set {
            self.has_set = true;
        } else if word.is("values") || (word.is_any(&VERBS) && !self.has_verb) {
            self.has_verb = true;
        } else if word.is_any(&["else", "end"]) {
            return self.cases == 0;
        } else if word.is_any(&STARTERS) {
            let changes_schema = matches!(self.first, "drop" | "create" | "alter");
            let goes_on = after(&["union", "all", "except", "intersect", "."])
                || (changes_schema && (word.is("if") || after(&["on"])));
            return !goes_on;
        }
        false
    }
}
