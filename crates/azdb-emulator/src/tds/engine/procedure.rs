//! Procedures: the numbered ones that drivers call, and their names.

use super::super::request::Call;
use super::super::token::{Refusal, done};
use super::super::value::{self, Parameter};
use super::batch::{bare, statements, string};
use super::{Engine, Sink, unknown};
use crate::sample::{Declared, Value};

/// A statement that a client has prepared: parameter declarations and text.
#[derive(Clone)]
pub(super) struct Kept {
    declarations: String,
    text: String,
}

fn text(parameter: Option<Parameter>) -> String {
    match parameter.map(|parameter| parameter.value) {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    }
}

fn handle(parameter: Option<Parameter>) -> i32 {
    match parameter.map(|parameter| parameter.value) {
        Some(Value::Int(handle)) => i32::try_from(handle).unwrap_or(0),
        _ => 0,
    }
}

impl Engine {
    /// Runs procedure calls.
    pub(super) async fn calls(
        &mut self,
        calls: Vec<Call>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        for call in calls {
            sink.in_procedure = true;
            let ended = self.procedure(&call.procedure, call.parameters, sink).await;
            let mut status = done::FINAL;
            if let Err(refusal) = ended {
                self.tell(&refusal, sink);
                status = done::ERROR;
            }
            sink.in_procedure = false;
            sink.procedure_done(status | self.status());
        }
        Ok(())
    }

    async fn procedure(
        &mut self,
        name: &str,
        parameters: Vec<Parameter>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let name = bare(name.rsplit('.').next().unwrap_or(name)).to_ascii_lowercase();
        let mut given = parameters.into_iter();
        match name.as_str() {
            "sp_executesql" => {
                let kept = Kept {
                    text: text(given.next()),
                    declarations: text(given.next()),
                };
                self.call(&kept, given.collect(), sink).await
            }
            "sp_prepare" | "sp_prepexec" => {
                let out = given.next().map_or_else(String::new, |out| out.name);
                let kept = Kept {
                    declarations: text(given.next()),
                    text: text(given.next()),
                };
                self.next_handle += 1;
                let handle = self.next_handle;
                self.prepared.insert(handle, kept.clone());
                if name == "sp_prepexec" {
                    self.call(&kept, given.collect(), sink).await?;
                }
                value::return_value(&mut sink.tokens().bytes, 0, &out, handle);
                Ok(())
            }
            "sp_execute" => {
                let handle = handle(given.next());
                let Some(kept) = self.prepared.get(&handle).cloned() else {
                    let text = format!("Could not find prepared statement with handle {handle}.");
                    return Err(Refusal::new(8179, text).class(16));
                };
                self.call(&kept, given.collect(), sink).await
            }
            "sp_unprepare" => {
                self.prepared.remove(&handle(given.next()));
                sink.tokens().return_status(0);
                Ok(())
            }
            _ => Err(unknown(&format!("the procedure {name}"))),
        }
    }

    /// Runs text with parameters.
    async fn call(
        &mut self,
        kept: &Kept,
        given: Vec<Parameter>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        if given.iter().any(|parameter| parameter.is_output) {
            return Err(unknown("an output parameter"));
        }
        self.variables = bound(&kept.declarations, given)?;
        self.batch(&kept.text, sink).await?;
        sink.tokens().return_status(0);
        Ok(())
    }

    /// `EXEC` in a batch: what SqlBulkCopy asks for before it loads.
    pub(super) async fn execute(
        &mut self,
        words: &[&str],
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let (name, argument) = match words {
            [name, argument] | [_, ".", ".", name, argument] => (*name, string(argument)),
            _ => ("", None),
        };
        let table = argument.unwrap_or_default();
        let table = bare(table.rsplit('.').next().unwrap_or(table));
        match name {
            "sp_tablecollations_100" | "sp_tablecollations_90" => {
                self.collations(&table, sink).await
            }
            _ => Err(unknown(&format!("EXEC {}", words.concat()))),
        }
    }
}

/// Values by name: of the parameters, or of the declaration in the same place.
fn bound(declarations: &str, given: Vec<Parameter>) -> Result<Vec<(Declared, Value)>, Refusal> {
    let declared = statements(declarations)?;
    let words = declared.iter().flat_map(|statement| &statement.words);
    let mut names = words.filter(|word| word.starts_with('@'));
    let named = given.into_iter().map(|parameter| {
        let declared = names.next().cloned().unwrap_or_default();
        let name = match parameter.name.to_ascii_lowercase() {
            name if name.is_empty() => declared,
            name => name,
        };
        let kind = Some(parameter.kind);
        (Declared { name, kind }, parameter.value)
    });
    Ok(named.collect())
}
