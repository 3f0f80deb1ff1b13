//! A batch as statements. T-SQL needs no semicolons between them.

use super::super::token::Refusal;
use super::extent::Extent;
use super::lexer::{Kind, Token};

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// For SQLite, after rewriting.
    Sql(Vec<Token>),
    /// `SET` or `SELECT`-less assignment: the variable and its expression.
    Assign(String, Vec<Token>),
    /// `SET` of an option: its words.
    Option(Vec<Token>),
    /// Name, type, initial value.
    Declare(Vec<(String, Vec<Token>, Vec<Token>)>),
    If(Vec<Token>, Box<Statement>, Option<Box<Statement>>),
    While(Vec<Token>, Box<Statement>),
    Block(Vec<Statement>),
    /// `BEGIN TRY` and `BEGIN CATCH`.
    Try(Vec<Statement>, Vec<Statement>),
    BeginTransaction,
    Commit,
    /// To a savepoint when named.
    Rollback(Option<String>),
    Save(String),
    Print(Vec<Token>),
    /// Procedure or `(` text `)`, and arguments.
    Execute(Vec<Token>),
    Use(String),
    /// `WAITFOR DELAY`.
    Wait(String),
    /// `RAISERROR(...)` or `THROW`: its arguments.
    Raise(Vec<Token>),
    Return,
    /// `INSERT BULK`: table and column definitions.
    InsertBulk(Vec<Token>),
}

/// Words that begin a statement.
pub(super) const STARTERS: [&str; 24] = [
    "select",
    "insert",
    "update",
    "delete",
    "create",
    "drop",
    "alter",
    "set",
    "declare",
    "begin",
    "commit",
    "rollback",
    "save",
    "if",
    "while",
    "print",
    "exec",
    "execute",
    "use",
    "truncate",
    "waitfor",
    "raiserror",
    "throw",
    "return",
];

/// Parses a batch.
pub(super) fn parse(tokens: Vec<Token>) -> Result<Vec<Statement>, Refusal> {
    let mut parser = Parser { tokens, at: 0 };
    let mut statements = Vec::new();
    while parser.skip_semicolons() {
        statements.push(parser.statement()?);
    }
    Ok(statements)
}

fn near(token: Option<&Token>) -> Refusal {
    let text = token.map_or("end of batch", |token| token.text.as_str());
    Refusal::new(102, format!("Incorrect syntax near '{text}'.")).class(15)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, Refusal> {
        let token = self.peek().cloned().ok_or_else(|| near(None))?;
        self.at += 1;
        Ok(token)
    }

    fn sees(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| token.is_any(words))
    }

    /// Takes the next token if it is one of these.
    fn accept(&mut self, words: &[&str]) -> bool {
        let seen = self.sees(words);
        self.at += usize::from(seen);
        seen
    }

    fn expect(&mut self, word: &str) -> Result<(), Refusal> {
        if self.accept(&[word]) {
            return Ok(());
        }
        Err(near(self.peek()))
    }

    /// True when there is more after them.
    fn skip_semicolons(&mut self) -> bool {
        while self.accept(&[";"]) {}
        self.peek().is_some()
    }

    fn statement(&mut self) -> Result<Statement, Refusal> {
        let first = self.next()?;
        let word = first.text.to_ascii_lowercase();
        if first.kind != Kind::Word && !first.is("(") {
            return Err(near(Some(&first)));
        }
        match word.as_str() {
            "begin" => self.begin(),
            "commit" => {
                self.end_of_transaction();
                Ok(Statement::Commit)
            }
            "rollback" => Ok(Statement::Rollback(self.end_of_transaction())),
            "save" => Ok(Statement::Save(
                self.end_of_transaction().unwrap_or_default(),
            )),
            "if" => self.condition(),
            "while" => {
                let condition = self.until_statement();
                Ok(Statement::While(condition, Box::new(self.statement()?)))
            }
            "declare" => self.declare(),
            "set" => self.set(),
            "print" => Ok(Statement::Print(self.rest_of("print"))),
            "exec" | "execute" => Ok(Statement::Execute(self.rest_of("exec"))),
            "raiserror" | "throw" => Ok(Statement::Raise(self.rest_of("raiserror"))),
            "return" => {
                self.rest_of("return");
                Ok(Statement::Return)
            }
            "use" => Ok(Statement::Use(self.next()?.text)),
            "waitfor" => {
                self.expect("delay")?;
                Ok(Statement::Wait(self.next()?.text))
            }
            "insert" if self.accept(&["bulk"]) => Ok(Statement::InsertBulk(self.rest_of("bulk"))),
            "select" | "insert" | "update" | "delete" | "create" | "drop" | "alter"
            | "truncate" | "with" | "(" => {
                let mut tokens = vec![first];
                tokens.extend(self.rest_of(&word));
                Ok(Statement::Sql(tokens))
            }
            // A batch may begin with the name of a procedure.
            _ if self.at == 1 => {
                let mut tokens = vec![first];
                tokens.extend(self.rest_of("exec"));
                Ok(Statement::Execute(tokens))
            }
            _ => Err(near(Some(&first))),
        }
    }

    fn begin(&mut self) -> Result<Statement, Refusal> {
        if self.sees(&["tran", "transaction"]) {
            self.end_of_transaction();
            return Ok(Statement::BeginTransaction);
        }
        if !self.accept(&["try"]) {
            return Ok(Statement::Block(self.block()?));
        }
        let attempt = self.block()?;
        self.expect("try")?;
        self.skip_semicolons();
        self.expect("begin")?;
        self.expect("catch")?;
        let rescue = self.block()?;
        self.expect("catch")?;
        Ok(Statement::Try(attempt, rescue))
    }

    /// Statements up to `END`.
    fn block(&mut self) -> Result<Vec<Statement>, Refusal> {
        let mut statements = Vec::new();
        while self.skip_semicolons() {
            if self.accept(&["end"]) {
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
        Err(near(None))
    }

    fn condition(&mut self) -> Result<Statement, Refusal> {
        let condition = self.until_statement();
        let then = Box::new(self.statement()?);
        let before = self.at;
        self.skip_semicolons();
        if self.accept(&["else"]) {
            return Ok(Statement::If(
                condition,
                then,
                Some(Box::new(self.statement()?)),
            ));
        }
        self.at = before;
        Ok(Statement::If(condition, then, None))
    }

    /// A condition: everything up to the statement that it governs.
    fn until_statement(&mut self) -> Vec<Token> {
        let (start, mut depth) = (self.at, 0);
        while let Some(token) = self.peek() {
            match token {
                token if token.is("(") => depth += 1,
                token if token.is(")") => depth -= 1,
                token if depth == 0 && token.is_any(&STARTERS) => break,
                _ => {}
            }
            self.at += 1;
        }
        self.tokens[start..self.at].to_vec()
    }

    /// What may follow COMMIT and its kin: `TRAN`, `WORK`, a name.
    fn end_of_transaction(&mut self) -> Option<String> {
        let named = self.accept(&["tran", "transaction"]);
        self.accept(&["work"]);
        let is_name = |token: &Token| {
            let name =
                token.is_name() && !token.is_any(&STARTERS) && !token.is_any(&["else", "end"]);
            name || token.kind == Kind::Variable
        };
        let name = self.peek().filter(|token| named && is_name(token));
        let name = name.map(|token| token.text.clone());
        self.at += usize::from(name.is_some());
        name
    }

    fn declare(&mut self) -> Result<Statement, Refusal> {
        let mut declared = Vec::new();
        for item in split_commas(&self.rest_of("declare")) {
            let mut item = item.into_iter();
            let name = item.next().filter(|token| token.kind == Kind::Variable);
            let name = name.ok_or_else(|| near(None))?.text;
            let rest: Vec<Token> = item.filter(|token| !token.is("as")).collect();
            let equals = rest.iter().position(|token| token.is("="));
            let (kind, value) = rest.split_at(equals.unwrap_or(rest.len()));
            let value = value.get(1..).unwrap_or_default();
            declared.push((name, kind.to_vec(), value.to_vec()));
        }
        Ok(Statement::Declare(declared))
    }

    fn set(&mut self) -> Result<Statement, Refusal> {
        if self.peek().is_none_or(|token| token.kind != Kind::Variable) {
            return Ok(Statement::Option(self.rest_of("set")));
        }
        let name = self.next()?.text;
        let operator = self.next()?;
        let mut value = self.rest_of("set");
        if operator.text.len() == 2 {
            // `@x += 1`
            let symbol = |text: &str| Token {
                kind: Kind::Symbol,
                text: text.to_owned(),
            };
            let variable = Token {
                kind: Kind::Variable,
                text: name.clone(),
            };
            let mut whole = vec![variable, symbol(&operator.text[..1]), symbol("(")];
            whole.append(&mut value);
            whole.push(symbol(")"));
            value = whole;
        } else if !operator.is("=") {
            return Err(near(Some(&operator)));
        }
        Ok(Statement::Assign(name, value))
    }

    /// The rest of a statement that began with `first`.
    fn rest_of(&mut self, first: &str) -> Vec<Token> {
        let start = self.at;
        let mut extent = Extent::of(first, self.sees(&["view"]));
        while let Some(token) = self.peek() {
            let previous = self.at.checked_sub(1).filter(|at| *at >= start);
            let previous = previous.and_then(|at| self.tokens.get(at));
            if extent.ends_before(token, previous) {
                break;
            }
            self.at += 1;
        }
        self.tokens[start..self.at].to_vec()
    }
}

/// Parts between commas outside parentheses.
pub(super) fn split_commas(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut parts = vec![Vec::new()];
    let mut depth = 0;
    for token in tokens {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth -= 1;
        }
        if depth == 0 && token.is(",") {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(token.clone());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}
