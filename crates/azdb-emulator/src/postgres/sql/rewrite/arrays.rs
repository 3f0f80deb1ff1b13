//! Arrays, which SQLite keeps as text: constructors, subscripts, `= any (..)`.

use super::{Kind, Piece, Rewriter, SqlError, inside, operand_start, significant, skip_spaces};

impl Rewriter<'_, '_> {
    /// `= any (..)` and `<> all (..)`, of an array or a subquery.
    pub(super) fn quantified(&mut self, operator: &str, word: usize) -> Result<(), SqlError> {
        let open = skip_spaces(self.tokens, word + 1);
        let Some((within, end)) = open.and_then(|open| inside(self.tokens, open)) else {
            return Err(SqlError::syntax_at(operator));
        };
        let list = self.rewritten(within)?;
        let words = significant(within);
        let is_query = words.first().is_some_and(|word| word.is("select"));
        let list = if is_query {
            list
        } else {
            format!("select value from json_each(pg_array_json({list}))")
        };
        let text = if operator == "=" { "IN" } else { "NOT IN" };
        self.push(&format!(" {text} ({list})"), end - self.at);
        Ok(())
    }

    /// `array[a, b]` and `array(select ..)`.
    pub(super) fn array(&mut self) -> Result<(), SqlError> {
        let open = skip_spaces(self.tokens, self.at + 1).unwrap_or(self.at);
        let Some((within, end)) = inside(self.tokens, open) else {
            return Err(SqlError::syntax_at("array"));
        };
        let is_list = self
            .tokens
            .get(open)
            .is_some_and(|t| t.kind == Kind::OpenBracket);
        let within = self.rewritten(within)?;
        let text = if is_list {
            format!("pg_array({within})")
        } else {
            format!("(with pg_rows(value) as ({within}) select pg_array_agg(value) from pg_rows)")
        };
        self.push(&text, end - self.at);
        Ok(())
    }

    /// `array[at]`.
    pub(super) fn subscript(&mut self) -> Result<(), SqlError> {
        let (Some(start), Some((at, end))) = (
            operand_start(self.tokens, self.at),
            inside(self.tokens, self.at),
        ) else {
            return Err(SqlError::syntax_at("["));
        };
        let at = self.rewritten(at)?;
        let operand = self.take_from(start);
        self.pieces.push(Piece {
            at: start,
            text: format!("pg_subscript({operand},{at})"),
            casts: 0,
        });
        self.at = end;
        Ok(())
    }
}
