//! Procedures: the numbered ones that drivers call, and their names.

use rusqlite::types::{Value, ValueRef};

use super::super::request::{Call, Procedure};
use super::super::token::Refusal;
use super::super::value::{self, Parameter, Type};
use super::errors::Stop;
use super::lexer::tokens;
use super::statement::split_commas;
use super::{Engine, Prepared, Sink, Variables};

/// Name of a procedure that has a number.
fn numbered(number: u16) -> &'static str {
    match number {
        10 => "sp_executesql",
        11 => "sp_prepare",
        12 => "sp_execute",
        13 => "sp_prepexec",
        15 => "sp_unprepare",
        _ => "a cursor procedure",
    }
}

fn text(parameter: Option<&Parameter>) -> String {
    parameter.map_or_else(String::new, |parameter| {
        value::plain_text(ValueRef::from(&parameter.value))
    })
}

fn handle(parameter: Option<&Parameter>) -> i32 {
    match parameter.map(|parameter| &parameter.value) {
        Some(Value::Integer(handle)) => i32::try_from(*handle).unwrap_or(0),
        _ => 0,
    }
}

fn failed(number: u32, message: String) -> Stop {
    Refusal::new(number, message).class(16).into()
}

impl Engine {
    /// Runs procedure calls.
    pub(super) fn calls(&mut self, calls: Vec<Call>, sink: &mut Sink) -> Result<(), Stop> {
        for call in calls {
            let name = match &call.procedure {
                Procedure::Named(name) => name.clone(),
                Procedure::Numbered(number) => numbered(*number).to_owned(),
            };
            sink.in_procedure = true;
            sink.failed = false;
            self.variables.clear();
            let ended = self.procedure(&name, call.parameters, sink);
            match ended {
                Err(Stop::Silent) => return Err(Stop::Silent),
                Err(Stop::Batch(refusal) | Stop::Statement(refusal)) => self.tell(&refusal, sink),
                Err(Stop::Return) | Ok(()) => {}
            }
            let status = if sink.failed {
                super::super::token::done::ERROR
            } else {
                0
            };
            sink.in_procedure = false;
            sink.procedure_done(status | self.status());
        }
        Ok(())
    }

    /// Runs one procedure; its output parameters are sent when the client asked for them.
    pub(super) fn procedure(
        &mut self,
        name: &str,
        parameters: Vec<Parameter>,
        sink: &mut Sink,
    ) -> Result<(), Stop> {
        let bare = name
            .rsplit('.')
            .next()
            .unwrap_or(name)
            .trim_matches(['[', ']', '"']);
        let mut given = parameters.into_iter();
        match bare.to_ascii_lowercase().as_str() {
            "sp_executesql" => {
                let statement = text(given.next().as_ref());
                let declarations = text(given.next().as_ref());
                self.call_text(&statement, &declarations, given.collect(), 2, sink)?;
            }
            "sp_prepare" => self.prepare(given, false, sink)?,
            "sp_prepexec" => self.prepare(given, true, sink)?,
            "sp_execute" => {
                let handle = handle(given.next().as_ref());
                let Some(prepared) = self.prepared.get(&handle) else {
                    let text = format!("Could not find prepared statement with handle {handle}.");
                    return Err(failed(8179, text));
                };
                let (statement, declarations) =
                    (prepared.text.clone(), prepared.declarations.clone());
                self.call_text(&statement, &declarations, given.collect(), 1, sink)?;
            }
            "sp_unprepare" => {
                self.prepared.remove(&handle(given.next().as_ref()));
                sink.tokens().return_status(0);
            }
            // What SqlBulkCopy asks for before it loads.
            "sp_tablecollations_100" | "sp_tablecollations_90" => {
                let table = text(given.next().as_ref());
                let table = table.trim_start_matches('.').trim_matches(['[', ']']);
                let table = table.rsplit(['[', '.']).next().unwrap_or(table);
                self.batch(&collations_of(table), sink)?;
            }
            "sp_reset_connection" => {
                self.reset(false);
                sink.tokens().return_status(0);
            }
            _ => {
                let text = format!("Could not find stored procedure '{bare}'.");
                return Err(failed(2812, text));
            }
        }
        Ok(())
    }

    /// Keeps a statement under a handle, which the first parameter takes.
    fn prepare(
        &mut self,
        mut given: impl Iterator<Item = Parameter>,
        executes: bool,
        sink: &mut Sink,
    ) -> Result<(), Stop> {
        let out = given.next();
        let declarations = text(given.next().as_ref());
        let statement = text(given.next().as_ref());
        self.next_handle += 1;
        let handle = self.next_handle;
        let prepared = Prepared {
            declarations: declarations.clone(),
            text: statement.clone(),
        };
        self.prepared.insert(handle, prepared);
        if executes {
            self.call_text(&statement, &declarations, given.collect(), 3, sink)?;
        }
        let name = out.map_or_else(String::new, |out| out.name);
        let handle = Value::Integer(i64::from(handle));
        output(0, &name, Type::Int(4), &handle, sink)
    }

    /// Runs text with parameters in variables of its own. `before` parameters stood before them.
    fn call_text(
        &mut self,
        statement: &str,
        declarations: &str,
        given: Vec<Parameter>,
        before: u16,
        sink: &mut Sink,
    ) -> Result<(), Stop> {
        let outputs: Vec<(u16, String)> = given
            .iter()
            .zip(before..)
            .filter(|(parameter, _)| parameter.is_output)
            .map(|(parameter, at)| (at, parameter.name.clone()))
            .collect();
        let variables = bound(declarations, given)?;
        let outer = std::mem::replace(&mut self.variables, variables);
        let ended = self.batch(statement, sink);
        let inner = std::mem::replace(&mut self.variables, outer);
        ended?;
        if sink.in_procedure {
            sink.tokens().return_status(0);
        }
        for (at, name) in outputs {
            if let Some((kind, value)) = inner.get(&name.to_ascii_lowercase()) {
                output(at, &name, *kind, value, sink)?;
            }
        }
        Ok(())
    }
}

/// The collations of a table's text columns, as a query.
fn collations_of(table: &str) -> String {
    let collation: String = super::super::token::COLLATION
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "select column_id as colid, name, cast(case when collation_name is null then null \
         else 0x{collation} end as varbinary(5)) as tds_collation, collation_name as collation \
         from sys.columns where object_id = object_id({}) order by column_id",
        super::rewrite::literal(table)
    )
}

/// Variables for a call: types from the declarations, values from the parameters, by name or place.
fn bound(declarations: &str, given: Vec<Parameter>) -> Result<Variables, Stop> {
    let mut names = Vec::new();
    let mut variables = Variables::new();
    for declaration in split_commas(&tokens(declarations)?) {
        let Some((name, kind)) = declaration.split_first() else {
            continue;
        };
        let words = ["output", "out", "readonly", "as"];
        let kind: Vec<_> = kind
            .iter()
            .filter(|token| !token.is_any(&words))
            .cloned()
            .collect();
        let name = name.text.to_ascii_lowercase();
        let kind = Engine::declared(&kind).unwrap_or(Type::Text(Some(4000)));
        variables.insert(name.clone(), (kind, Value::Null));
        names.push(name);
    }
    for (at, parameter) in given.into_iter().enumerate() {
        let name = match parameter.name.as_str() {
            "" => names.get(at).cloned().unwrap_or_default(),
            name => name.to_ascii_lowercase(),
        };
        let declared = variables.get(&name).map(|(kind, _)| *kind);
        variables.insert(name, (declared.unwrap_or(parameter.kind), parameter.value));
    }
    Ok(variables)
}

fn output(at: u16, name: &str, kind: Type, given: &Value, sink: &mut Sink) -> Result<(), Stop> {
    if !sink.in_procedure {
        return Ok(());
    }
    let bytes = value::return_value(at, name, kind, ValueRef::from(given));
    let bytes = bytes.map_err(|unfit| failed(8114, unfit.to_string()))?;
    sink.tokens().bytes.extend(bytes);
    Ok(())
}
