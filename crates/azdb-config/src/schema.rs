//! A JSON Schema of the configuration file, for editors.
//!
//! It says what [`keys`](super::keys) say and no more: which keys there are, what each holds, and which protocol has them. What keys mean
//! to each other, `azdb-proxy check` says.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::keys::{Absent, Form, Literal, Needs, Part, Table, of_document};
use crate::route::ProtocolName;

/// The schema of a configuration file, as text with a line break at its end.
pub fn schema() -> String {
    let mut definitions = BTreeMap::new();
    let mut schema = object(&of_document::TABLE, &mut definitions);
    if let Value::Object(schema) = &mut schema {
        schema.insert(
            "$schema".to_owned(),
            json!("http://json-schema.org/draft-07/schema#"),
        );
        schema.insert("title".to_owned(), json!("The configuration of azdb-proxy"));
        schema.insert("definitions".to_owned(), json!(definitions));
    }
    format!("{schema:#}\n")
}

/// Tables by their names, each described once.
type Definitions = BTreeMap<&'static str, Value>;

fn object(table: &Table, definitions: &mut Definitions) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for row in table.rows() {
        let about = row.about();
        let mut property = form(row.form(), definitions);
        if let Value::Object(property) = &mut property {
            let (meaning, values) = (about.meaning(), row.form());
            let absent = match about.absent {
                Absent::Missing(_) => "Required".to_owned(),
                _ => format!("Default: {}", about.default()),
            };
            let description = format!("{meaning}. Values: {values}. {absent}.");
            property.insert("description".to_owned(), json!(description));
            if let Absent::Is(default) = about.absent {
                property.insert("default".to_owned(), literal(default));
            }
        }
        if let Absent::Missing(_) = about.absent {
            required.push(about.name);
        }
        properties.insert(about.name.to_owned(), property);
    }
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if let Value::Object(object) = &mut object {
        if !required.is_empty() {
            object.insert("required".to_owned(), json!(required));
        }
        let others = of_other_protocols(table.parts);
        if !others.is_empty() {
            object.insert("allOf".to_owned(), json!(others));
        }
    }
    object
}

/// For each protocol the keys that it does not have.
fn of_other_protocols(parts: &[Part]) -> Vec<Value> {
    let without = |protocol: ProtocolName| {
        let foreign: Map<String, Value> = parts
            .iter()
            .copied()
            .flatten()
            .map(|row| row.about())
            .filter(|about| {
                about.needs.iter().any(
                    |needs| matches!(needs, Needs::Protocols(known) if !known.contains(&protocol)),
                )
            })
            .map(|about| (about.name.to_owned(), json!(false)))
            .collect();
        let protocol = json!({ "properties": { "protocol": { "const": protocol.as_str() } } });
        (!foreign.is_empty()).then(|| json!({ "if": protocol, "then": { "properties": foreign } }))
    };
    ProtocolName::ALL.into_iter().filter_map(without).collect()
}

fn literal(literal: Literal) -> Value {
    match literal {
        Literal::Text(text) => json!(text),
        Literal::Number(number) => json!(number),
        Literal::Bool(value) => json!(value),
    }
}

fn form(of: Form, definitions: &mut Definitions) -> Value {
    match of {
        Form::Text(_) => json!({ "type": "string", "minLength": 1 }),
        Form::Words(words) => json!({ "enum": words }),
        Form::Switch => json!({ "type": "boolean" }),
        Form::Whole(range) => {
            json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
        }
        Form::Time(_) => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }),
        Form::Octal => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": 0o777 },
            { "type": "string", "pattern": "^(0o)?0*[0-7]{1,3}$" },
        ] }),
        Form::List(item) => {
            let item = form(*item, definitions);
            json!({ "anyOf": [item, { "type": "array", "items": item, "minItems": 1 }] })
        }
        Form::Table(table) => json!({ "allOf": [reference(table, definitions)] }),
        Form::Tables(table) => {
            json!({ "type": "array", "items": reference(table, definitions) })
        }
        Form::Map(item) => {
            json!({ "type": "object", "additionalProperties": form(*item, definitions) })
        }
        Form::Either(forms) => {
            let forms: Vec<Value> = forms
                .into_iter()
                .map(|one| form(one, definitions))
                .collect();
            json!({ "anyOf": forms })
        }
    }
}

/// Draft 7 reads nothing beside a `$ref`, so it stands in an `allOf` where there is more to say.
fn reference(table: &'static Table, definitions: &mut Definitions) -> Value {
    if !definitions.contains_key(table.name) {
        let object = object(table, definitions);
        definitions.insert(table.name, object);
    }
    json!({ "$ref": format!("#/definitions/{}", table.name) })
}
