//! Batches: statements one after the other.

use std::time::Duration;

use rusqlite::types::{Value, ValueRef};

use super::super::token::{Refusal, change};
use super::super::value::{Moment, Type, plain_text};
use super::errors::Stop;
use super::lexer::{Kind, Token, tokens};
use super::statement::{Statement, parse, split_commas};
use super::{Engine, Sink, call};
use crate::sqlite::Slept;

/// Rounds of one `WHILE`.
const MOST_ROUNDS: usize = 100_000;

impl Engine {
    /// Runs a batch.
    pub(super) fn batch(&mut self, text: &str, sink: &mut Sink) -> Result<(), Stop> {
        tracing::trace!(text, "runs a batch");
        let statements = parse(tokens(text)?)?;
        match self.all(&statements, sink) {
            Err(Stop::Return) => Ok(()),
            ended => ended,
        }
    }

    /// Runs statements. One that breaks a constraint is told of, and the next one runs.
    pub(super) fn all(&mut self, statements: &[Statement], sink: &mut Sink) -> Result<(), Stop> {
        for statement in statements {
            match self.statement(statement, sink) {
                Err(Stop::Statement(refusal)) => self.tell(&refusal, sink),
                ended => ended?,
            }
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement, sink: &mut Sink) -> Result<(), Stop> {
        match statement {
            Statement::Sql(tokens) => self.sql(tokens, sink),
            Statement::Assign(name, value) => {
                let value = self.evaluate(value)?;
                self.assign(name, value)
            }
            Statement::Option(words) => {
                self.option(words);
                Ok(())
            }
            Statement::Declare(declared) => self.declare(declared),
            Statement::If(condition, then, otherwise) => {
                if self.holds(condition)? {
                    return self.statement(then, sink);
                }
                match otherwise {
                    Some(otherwise) => self.statement(otherwise, sink),
                    None => Ok(()),
                }
            }
            Statement::While(condition, body) => {
                for _ in 0..MOST_ROUNDS {
                    if !self.holds(condition)? {
                        return Ok(());
                    }
                    self.statement(body, sink)?;
                }
                Err(Refusal::new(50000, "a WHILE went round too often")
                    .class(16)
                    .into())
            }
            Statement::Block(statements) => self.all(statements, sink),
            Statement::Try(attempt, rescue) => self.attempt(attempt, rescue, sink),
            Statement::BeginTransaction => self.begin(sink),
            Statement::Commit => self.commit(sink),
            Statement::Rollback(name) => self.rollback(name.clone(), sink),
            Statement::Save(name) => self.save(name),
            Statement::Print(expression) => {
                let value = self.evaluate(expression)?;
                sink.tokens()
                    .info(0, 0, &plain_text(ValueRef::from(&value)));
                Ok(())
            }
            Statement::Execute(tokens) => self.execute(tokens, sink),
            Statement::Use(database) => self.use_database(database, sink),
            Statement::Wait(delay) => self.wait(delay),
            Statement::Raise(arguments) => self.raise(arguments, sink),
            Statement::Return => Err(Stop::Return),
            Statement::InsertBulk(tokens) => self.announce_bulk(tokens),
        }
    }

    /// Options that change what is sent; all others have no effect here.
    fn option(&mut self, words: &[Token]) {
        let is_on = words.last().is_some_and(|last| last.is("on"));
        for word in words {
            match word.text.to_ascii_lowercase().as_str() {
                "nocount" => self.nocount = is_on,
                "implicit_transactions" => self.implicit_transactions = is_on,
                "fmtonly" => self.metadata_only = is_on,
                _ => {}
            }
        }
    }

    fn declare(&mut self, declared: &[(String, Vec<Token>, Vec<Token>)]) -> Result<(), Stop> {
        for (name, kind, value) in declared {
            let text: String = kind.iter().map(|token| token.text.as_str()).collect();
            let kind = Type::declared(&text).ok_or_else(|| {
                let text = format!("Cannot find data type {text}.");
                Refusal::new(2715, text).class(16)
            })?;
            let value = if value.is_empty() {
                Value::Null
            } else {
                self.evaluate(value)?
            };
            self.variables
                .insert(name.to_ascii_lowercase(), (kind, value));
        }
        Ok(())
    }

    fn holds(&self, condition: &[Token]) -> Result<bool, Stop> {
        let value = self.evaluate(condition)?;
        Ok(matches!(value, Value::Integer(value) if value != 0))
    }

    fn attempt(
        &mut self,
        attempt: &[Statement],
        rescue: &[Statement],
        sink: &mut Sink,
    ) -> Result<(), Stop> {
        for statement in attempt {
            match self.statement(statement, sink) {
                Err(Stop::Statement(refusal) | Stop::Batch(refusal)) => {
                    self.last_error = refusal.number;
                    return self.all(rescue, sink);
                }
                ended => ended?,
            }
        }
        Ok(())
    }

    /// `USE`: Azure SQL stays in the database of the login.
    fn use_database(&mut self, database: &str, sink: &mut Sink) -> Result<(), Stop> {
        let current = self.who.database.clone();
        if !database.eq_ignore_ascii_case(&current) {
            let text = "USE statement is not supported to switch between databases. Use a new \
                        connection to connect to a different database.";
            return Err(Refusal::new(40508, text).class(16).into());
        }
        let tokens = sink.tokens();
        tokens.changed(change::DATABASE, &current, &current);
        tokens.info(
            5701,
            0,
            &format!("Changed database context to '{current}'."),
        );
        Ok(())
    }

    fn wait(&mut self, delay: &str) -> Result<(), Stop> {
        let moment = Moment::parse(delay).map_err(|_| {
            let text = format!("Incorrect time syntax in time string '{delay}' used with WAITFOR.");
            Refusal::new(148, text).class(15)
        })?;
        match self
            .interrupt
            .sleep(Duration::from_nanos(moment.ticks * 100))
        {
            Slept::Through => Ok(()),
            Slept::Interrupted => Err(Stop::Silent),
        }
    }

    /// `RAISERROR(text, class, state)` and `THROW number, text, state`.
    fn raise(&mut self, arguments: &[Token], sink: &mut Sink) -> Result<(), Stop> {
        let bare = match arguments {
            [open, inner @ .., close] if open.is("(") && close.is(")") => inner,
            all => all,
        };
        let mut values = Vec::new();
        for argument in split_commas(bare) {
            values.push(self.evaluate(&argument)?);
        }
        let small = |value: &Value| match value {
            Value::Integer(value) => u8::try_from(*value).unwrap_or(1),
            _ => 1,
        };
        let refusal = match values.as_slice() {
            [Value::Integer(number), Value::Text(text), state] => {
                Refusal::new(u32::try_from(*number).unwrap_or(50000), text)
                    .class(16)
                    .state(small(state))
            }
            [Value::Text(text), class, state, ..] => Refusal::new(50000, text)
                .class(small(class))
                .state(small(state)),
            _ => Refusal::new(50000, "an error was raised").class(16),
        };
        if refusal.class <= 10 {
            sink.tokens()
                .info(refusal.number, refusal.class, &refusal.message);
            return Ok(());
        }
        Err(Stop::Statement(refusal))
    }

    /// `EXEC name arguments` and `EXEC (text)`.
    fn execute(&mut self, tokens: &[Token], sink: &mut Sink) -> Result<(), Stop> {
        if let [open, inner @ .., close] = tokens
            && open.is("(")
            && close.is(")")
        {
            let text = self.evaluate(inner)?;
            return self.batch(&plain_text(ValueRef::from(&text)), sink);
        }
        // `..sp_name` is one of the current database.
        let start = tokens.iter().position(|token| !token.is(".")).unwrap_or(0);
        let (name, end) = super::rewrite::name(tokens, start);
        let mut parameters = Vec::new();
        for argument in split_commas(tokens.get(end..).unwrap_or_default()) {
            let (name, mut value) = match argument.as_slice() {
                [name, equals, value @ ..] if name.kind == Kind::Variable && equals.is("=") => {
                    (name.text.clone(), value.to_vec())
                }
                value => (String::new(), value.to_vec()),
            };
            let is_output = value
                .last()
                .is_some_and(|last| last.is_any(&["output", "out"]));
            if is_output {
                value.pop();
            }
            let kind = match value.as_slice() {
                [one] => self
                    .variables
                    .get(&one.text.to_ascii_lowercase())
                    .map(|(kind, _)| *kind),
                _ => None,
            };
            parameters.push(super::super::value::Parameter {
                name,
                is_output: false,
                kind: kind.unwrap_or(Type::Text(Some(4000))),
                value: self.evaluate(&value)?,
            });
        }
        self.procedure(&name.replace('"', ""), parameters, sink)
    }

    /// The type that a declaration's tokens say.
    pub(super) fn declared(tokens: &[Token]) -> Option<Type> {
        call::declared(tokens)
    }
}
