//! `/ca`: what apps must trust, by route, as JSON.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Bureau, typed};
use crate::reception::Reception;
use crate::tls::AppTrust;

pub(super) fn answer(bureau: &Bureau) -> Answer {
    let receptions = bureau.receptions.now();
    let page: Vec<Value> = receptions.iter().map(route).collect();
    typed(
        StatusCode::OK,
        "application/json",
        format!("{:#}\n", Value::Array(page)),
    )
}

fn route(reception: &Reception) -> Value {
    let (pem, file, issuer, names) = match reception.app_trust() {
        AppTrust::Authority { pem, file, names } => {
            (Some(pem), file.as_ref(), None, names.as_ref())
        }
        AppTrust::Elsewhere { issuer, file } => (None, Some(file), Some(issuer), None),
        AppTrust::NoTls => (None, None, None, None),
    };
    json!({
        "route": reception.route().name,
        "pem": pem,
        "file": file.map(|file| file.display().to_string()),
        "issuer": issuer,
        "names": names,
    })
}
