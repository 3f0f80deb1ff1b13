//! Procedures: the numbered ones that drivers call, and their names.

use super::super::request::Call;
use super::super::token::{Refusal, done};
use super::super::value::{self, Datum, Parameter, SqlType};
use super::batch::{bare, string};
use super::rows::refusal;
use super::variable::bound;
use super::{Engine, Sink, unknown};

/// A statement that a client has prepared: parameter declarations and text.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) declarations: String,
    pub(super) text: String,
}

pub(super) fn text(parameter: Option<Parameter>) -> String {
    match parameter.map(|parameter| parameter.value) {
        Some(Datum::Text(text)) => text,
        _ => String::new(),
    }
}

pub(super) fn handle(parameter: Option<Parameter>) -> i32 {
    match parameter.map(|parameter| parameter.value) {
        Some(Datum::Int(handle)) => i32::try_from(handle).unwrap_or(0),
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
            if let Err(refusal) = ended {
                self.refuse_call(&refusal, sink);
                continue;
            }
            sink.in_procedure = false;
            sink.procedure_done(self.status());
        }
        Ok(())
    }

    /// Ends a call with an error.
    pub(super) fn refuse_call(&self, refusal: &Refusal, sink: &mut Sink<'_>) {
        sink.in_procedure = true;
        self.tell(refusal, sink);
        sink.in_procedure = false;
        sink.procedure_done(done::ERROR | self.status());
    }

    async fn procedure(
        &mut self,
        name: &str,
        parameters: Vec<Parameter>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let name = bare(name.rsplit('.').next().unwrap_or(name)).to_ascii_lowercase();
        tracing::trace!(name, ?parameters, "calls");
        let mut given = parameters.into_iter();
        match name.as_str() {
            "sp_executesql" => {
                let kept = Kept {
                    text: text(given.next()),
                    declarations: text(given.next()),
                };
                self.call(&kept, given.collect(), 2, sink).await
            }
            "sp_prepare" | "sp_prepexec" => {
                let out = given.next().map_or_else(String::new, |out| out.name);
                let kept = Kept {
                    declarations: text(given.next()),
                    text: text(given.next()),
                };
                let handle = self.keep(kept.clone());
                let given: Vec<Parameter> = given.collect();
                let kinds = outputs(&given, 3);
                if name == "sp_prepexec" {
                    self.run_kept(&kept, given, sink).await?;
                }
                sink.tokens().return_status(0);
                let handle = Datum::Int(handle.into());
                give_back((0, &out), SqlType::Int, &handle, sink)?;
                self.give_back_all(&kinds, sink)
            }
            "sp_execute" => {
                let kept = self.kept(handle(given.next()))?;
                self.call(&kept, given.collect(), 1, sink).await
            }
            "sp_unprepare" | "sp_cursorunprepare" => {
                self.prepared.remove(&handle(given.next()));
                sink.tokens().return_status(0);
                Ok(())
            }
            "sp_cursoropen" | "sp_cursorprepexec" | "sp_cursorexecute" => {
                self.open_cursor(&name, given.collect(), sink).await
            }
            _ => {
                if !self.called(&name, given.as_slice(), sink).await? {
                    return Err(unknown(&format!("the procedure {name}")));
                }
                sink.tokens().return_status(0);
                Ok(())
            }
        }
    }

    /// Keeps a prepared statement, and gives its handle.
    pub(super) fn keep(&mut self, kept: Kept) -> i32 {
        self.next_handle += 1;
        self.prepared.insert(self.next_handle, kept);
        self.next_handle
    }

    /// The prepared statement with this handle.
    pub(super) fn kept(&self, handle: i32) -> Result<Kept, Refusal> {
        self.prepared.get(&handle).cloned().ok_or_else(|| {
            let text = format!("Could not find prepared statement with handle {handle}.");
            Refusal::new(8179, text).class(16)
        })
    }

    /// Runs text with parameters, the first of which is the call's parameter number `first`.
    async fn call(
        &mut self,
        kept: &Kept,
        given: Vec<Parameter>,
        first: u16,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let outputs = outputs(&given, first);
        self.run_kept(kept, given, sink).await?;
        sink.tokens().return_status(0);
        self.give_back_all(&outputs, sink)
    }

    pub(super) async fn run_kept(
        &mut self,
        kept: &Kept,
        given: Vec<Parameter>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        self.variables = bound(&kept.declarations, given)?;
        self.batch(&kept.text, sink).await
    }

    fn give_back_all(&self, outputs: &[Output], sink: &mut Sink<'_>) -> Result<(), Refusal> {
        for output in outputs {
            let Some(variable) = self.variables.get(output.place) else {
                continue;
            };
            let place = (output.ordinal, output.name.as_str());
            give_back(place, variable.kind, &variable.value, sink)?;
        }
        Ok(())
    }

    /// `EXEC` in a batch: the catalog, and what SqlBulkCopy asks for before it loads.
    pub(super) async fn execute(
        &mut self,
        words: &[&str],
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        // The name is behind those of its database and schema.
        let mut name = 0;
        while let Some(dot) = (name..name + 2).find(|at| words.get(*at) == Some(&".")) {
            name = dot + 1;
        }
        let Some((called, arguments)) = words.get(name..).and_then(<[&str]>::split_first) else {
            return Err(unknown("EXEC without a name"));
        };
        let called = bare(called).to_ascii_lowercase();
        let is_outermost = !std::mem::replace(&mut sink.in_procedure, true);
        let ended = match (called.as_str(), arguments) {
            ("sp_tablecollations_100" | "sp_tablecollations_90", [argument]) => {
                let table = string(argument).unwrap_or_default();
                let table = bare(table.rsplit('.').next().unwrap_or(table));
                self.collations(&table, sink).await.map(|()| true)
            }
            (name, arguments) => self.executed(name, arguments, sink).await,
        };
        sink.in_procedure = !is_outermost;
        if !ended? {
            return Err(unknown(&format!("EXEC {}", words.concat())));
        }
        if is_outermost {
            sink.tokens().return_status(0);
            sink.procedure_done(self.status());
        }
        Ok(())
    }
}

/// An output parameter of a call.
struct Output {
    /// Among the variables.
    place: usize,
    /// Among the call's parameters.
    ordinal: u16,
    name: String,
}

/// The output parameters of those that are given, the first of which is the call's number `first`.
fn outputs(given: &[Parameter], first: u16) -> Vec<Output> {
    let numbered = given.iter().enumerate().zip(first..);
    let outputs = numbered.filter(|((_, parameter), _)| parameter.is_output);
    outputs
        .map(|((place, parameter), ordinal)| Output {
            place,
            ordinal,
            name: parameter.name.clone(),
        })
        .collect()
}

pub(super) fn give_back(
    place: (u16, &str),
    kind: SqlType,
    value: &Datum,
    sink: &mut Sink<'_>,
) -> Result<(), Refusal> {
    let version = sink.version();
    let bytes = &mut sink.tokens().bytes;
    value::return_value(bytes, place, kind, value, version).map_err(refusal)
}
