//! What Azure's refusals mean, by their texts.

use crate::fault::{Kind, Meaning, ProvedBy};

/// Pieces of a message, lower case, whose business it is, and what to do about it.
pub(super) type Known = (&'static [&'static str], Kind, &'static str);

/// What is known of refusals of a token.
pub(super) const OF_TOKENS: [Known; 6] = [
    (
        &["is neither an aad_auth_tokentype_app_user"],
        Kind::Configuration,
        "this role belongs to a person, the token to an application: set upstream_user to the role of the managed identity",
    ),
    (
        &["service principals cannot generate aad_auth_tokentype_app_user"],
        Kind::Identity,
        "the token belongs to a person, this role to an application: use the managed identity, or set upstream_user to your own \
         name; a role for an identity is made with type 'service'",
    ),
    (
        &["access token has expired"],
        Kind::Identity,
        "check this machine's clock; the proxy has tried once with a new token",
    ),
    (
        &["does not have a valid audience"],
        Kind::Configuration,
        "set the route's audience to the resource named here; each cloud has its own",
    ),
    (
        &["role \"", "\" does not exist"],
        Kind::Configuration,
        "the server has no such role (case counts): correct upstream_user, or as Entra administrator, in database postgres: \
         select * from pgaadauth_create_principal('<name of the identity>', false, false); azdb-proxy grant prints it, with the rights",
    ),
    (
        &["password authentication failed"],
        Kind::Configuration,
        "the role is not mapped to this identity, or its name differs (case counts): \
         select * from pgaadauth_list_principals(false); if groups or roles were changed a moment ago, wait for the next token, which a \
         managed identity gets within 24 hours",
    ),
];

/// What is known of refusals of a password.
pub(super) const OF_PASSWORDS: [Known; 2] = [
    (
        &["role \"", "\" does not exist"],
        Kind::Configuration,
        "the server has no such role (case counts): correct upstream_user",
    ),
    (
        &["password authentication failed"],
        Kind::Configuration,
        "check upstream_user and upstream_password_file",
    ),
];

/// What is known of refusals whatever they are of.
pub(super) const OF_ANYBODY: [Known; 9] = [
    (
        &["no pg_hba.conf entry", "no encryption"],
        Kind::Configuration,
        WANTS_TLS,
    ),
    // As servers before version 14 say it.
    (
        &["no pg_hba.conf entry", "ssl off"],
        Kind::Configuration,
        WANTS_TLS,
    ),
    // As Azure's gateways say it.
    (
        &["ssl connection is required"],
        Kind::Configuration,
        WANTS_TLS,
    ),
    (
        &["no pg_hba.conf entry"],
        Kind::Network,
        "the server's firewall does not know this machine's address, or the role may not log in from it",
    ),
    (
        &["database \"", "\" does not exist"],
        Kind::User,
        "name a database that is there in the app's settings, or set default_database: an app that names none asks for one that is called \
         like its user",
    ),
    (
        &["is not permitted to log in"],
        Kind::Configuration,
        "the role is one that others are members of: set upstream_user to the identity's own role, or ALTER ROLE … LOGIN",
    ),
    (
        &["too many connections"],
        Kind::Limit,
        "the server has no connection left for this role or database: close some, or raise the limit",
    ),
    (
        &["remaining connection slots are reserved"],
        Kind::Limit,
        "the server has no connection left: close some, make the apps' pools smaller, or raise its max_connections",
    ),
    (
        &["the database system is "],
        Kind::Upstream,
        "the server starts, stops or fails over: try again in a moment; logins are held for as long as login_timeout lets",
    ),
];

const WANTS_TLS: &str = "the server wants TLS: set upstream_tls to \"verify\"";

/// What an upstream's message means, if its text is a known one.
pub(super) fn meaning_of(message: &[u8], proved_by: ProvedBy) -> Option<Meaning> {
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let has = |pieces: &[&str]| pieces.iter().all(|piece| text.contains(piece));
    let of_one: &[Known] = match proved_by {
        ProvedBy::Token => &OF_TOKENS,
        ProvedBy::Password => &OF_PASSWORDS,
    };
    let mut known = of_one.iter().chain(&OF_ANYBODY);
    let (_, kind, remedy) = known.find(|(pieces, ..)| has(pieces))?;
    Some(Meaning {
        kind: *kind,
        remedy,
    })
}

/// Whether the upstream's message says that the token was too old.
pub(super) fn says_token_expired(message: &[u8]) -> bool {
    String::from_utf8_lossy(message)
        .to_ascii_lowercase()
        .contains("token has expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azures_texts_have_their_hints() {
        for (text, start) in [
            (
                "Azure AD user token for role[x] is neither an AAD_AUTH_TOKENTYPE_APP_USER or an AAD_AUTH_TOKENTYPE_APP_OBO token.",
                "this role belongs to a person",
            ),
            (
                "Microsoft Entra user token for role \"x\" is neither an AAD_AUTH_TOKENTYPE_APP_USER",
                "this role belongs to a person",
            ),
            (
                "Service Principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role[x]",
                "the token belongs to a person",
            ),
            (
                "The access token has expired. Please acquire a new token and retry.",
                "check this machine's clock",
            ),
            (
                "The access token does not have a valid audience claim. Please acquire a new token for the resource \"https://ossrdbms-aad.database.windows.net\".",
                "set the route's audience",
            ),
            (
                "no pg_hba.conf entry for host \"10.0.0.1\", user \"x\", database \"d\", no encryption",
                "the server wants TLS",
            ),
            (
                "no pg_hba.conf entry for host \"10.0.0.1\", user \"x\", database \"d\", SSL encryption",
                "the server's firewall",
            ),
            (
                "no pg_hba.conf entry for host \"10.0.0.1\", user \"x\", database \"d\", SSL off",
                "the server wants TLS",
            ),
            ("role \"x\" does not exist", "the server has no such role"),
            (
                "database \"x\" does not exist",
                "name a database that is there in the app's settings, or set default_database",
            ),
            (
                "SSL connection is required. Please specify SSL options and retry.",
                "the server wants TLS",
            ),
            (
                "the database system is starting up",
                "the server starts, stops or fails over",
            ),
            (
                "role \"x\" is not permitted to log in",
                "the role is one that others are members of",
            ),
            (
                "remaining connection slots are reserved for roles with the SUPERUSER attribute",
                "the server has no connection left: close",
            ),
            (
                "too many connections for role \"x\"",
                "the server has no connection left for",
            ),
            (
                "password authentication failed for user \"x\"",
                "the role is not mapped",
            ),
        ] {
            let known = meaning_of(text.as_bytes(), ProvedBy::Token);
            assert!(
                known.is_some_and(|known| known.remedy.starts_with(start)),
                "{text}: {known:?}"
            );
        }
        assert_eq!(meaning_of(b"out of shared memory", ProvedBy::Token), None);
    }

    #[test]
    fn a_password_that_is_refused_is_nothing_of_an_identitys() {
        for (pieces, ..) in OF_TOKENS {
            let text = pieces.join(" x ");
            let known = meaning_of(text.as_bytes(), ProvedBy::Password);
            let says = |word: &str| known.is_some_and(|known| known.remedy.contains(word));
            assert!(!says("identity") && !says("token"), "{text}: {known:?}");
        }
        for (pieces, ..) in OF_ANYBODY {
            let text = pieces.join(" x ");
            let known = [ProvedBy::Token, ProvedBy::Password]
                .map(|proved_by| meaning_of(text.as_bytes(), proved_by));
            assert!(known[0].is_some() && known[0] == known[1], "{text}");
        }
    }
}
