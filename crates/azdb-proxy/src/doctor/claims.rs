//! Whose token it is: is it the one you think?

use azdb_config::route::{Principal, ProtocolName, Route};
use azdb_identity::{Claims, Token};

use super::finding::{Finding, Step};
use crate::grant::{Kind, Known};

/// Reads what a token says of itself; one that is for others, or another identity's than was asked for, has not got so far. A database believes none of it before it has checked the signature; for people it is what there is.
pub(super) fn examine(route: &Route, principal: &Principal, token: &Token) -> Finding {
    let Some(claims) = token.claims() else {
        let said = "the token is none that can be read; the database will say whose it is";
        return Finding::doubtful(Step::Claims, said);
    };
    let known = Known::of(&claims);
    let said = said(&known, &claims);
    let doubt = doubt(route, principal, &known);
    let verdict = if doubt.is_some() {
        Finding::doubtful
    } else {
        Finding::good
    };
    verdict(Step::Claims, said).remedy(doubt)
}

fn said(known: &Known, claims: &Claims) -> String {
    let kind = match known.kind {
        Some(Kind::User) => "a person",
        _ => "an identity",
    };
    let mut parts = vec![match &known.name {
        Some(name) => format!("{kind}, {name:?}"),
        None => format!("{kind} whose token has no name"),
    }];
    let ids = [
        ("object id", &claims.oid),
        ("client id", &claims.appid),
        ("tenant", &claims.tid),
    ];
    for (what, id) in ids {
        if let Some(id) = id {
            parts.push(format!("{what} {}", azdb_quote::OneLine(id)));
        }
    }
    parts.join(", ")
}

/// What is worth a look.
fn doubt(route: &Route, principal: &Principal, known: &Known) -> Option<String> {
    if known.kind == Some(Kind::User) {
        return Some("this is a person's sign-in, good on their own machine; where the app will run, its identity must be the principal".to_owned());
    }
    let name = known.name.as_ref()?;
    // SQL Server takes the name from the token.
    let is_other = route.protocol != ProtocolName::Tds && principal.user != *name;
    is_other.then(|| {
        let user = &principal.user;
        format!("the route logs in as {user:?}, a name that differs from the identity's: right if the principal was made with that name, or stands for a group of the identity's")
    })
}
