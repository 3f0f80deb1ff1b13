//! Clauses that SQLite does not have.

use super::{Kind, Rewriter, skip_spaces};

impl Rewriter<'_, '_> {
    /// SQLite's collations are not PostgreSQL's, and all of ours sort by bytes.
    pub(super) fn collation(&mut self) {
        let mut at = skip_spaces(self.tokens, self.at + 1).unwrap_or(self.at) + 1;
        while self.is_dot(at) {
            at += 2;
        }
        self.at = at;
    }

    /// `fetch first n rows only` is `limit n`.
    pub(super) fn fetch(&mut self) {
        let mut count = "1";
        let mut at = self.at + 1;
        while let Some(token) = self.tokens.get(at) {
            match token.kind {
                Kind::Number | Kind::Parameter => count = token.text,
                Kind::Space => {}
                Kind::Word if ["first", "next", "row", "rows"].iter().any(|w| token.is(w)) => {}
                Kind::Word if token.is("only") => {
                    at += 1;
                    break;
                }
                _ => break,
            }
            at += 1;
        }
        let text = format!("limit {}", count.replace('$', "?"));
        self.push(&text, at - self.at);
    }

    pub(super) fn locks(&self, next: Option<usize>) -> bool {
        let token = next.and_then(|at| self.tokens.get(at));
        token.is_some_and(|t| {
            ["update", "share", "no", "key"]
                .iter()
                .any(|word| t.is(word))
        })
    }

    /// `for update of t skip locked`: SQLite locks the whole database anyway.
    pub(super) fn locking_clause(&mut self) {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|token| {
            !matches!(
                token.kind,
                Kind::Space | Kind::Word | Kind::Quoted | Kind::Comma
            )
        });
        self.at += end.unwrap_or(rest.len());
    }
}
