//! What Azure's refusals mean, by their texts.

/// A piece of a message, lower case, and what to do about it.
const HINTS: [(&[&str], &str); 7] = [
    (
        &["is neither an aad_auth_tokentype_app_user"],
        "this role belongs to a person, the token to an application: set upstream_user to the role of the managed identity",
    ),
    (
        &["service principals cannot generate aad_auth_tokentype_app_user"],
        "the token belongs to a person, this role to an application: use the managed identity, or set upstream_user to your own \
         name; a role for an identity is made with type 'service'",
    ),
    (
        &["access token has expired"],
        "check this machine's clock; the proxy has tried once with a new token",
    ),
    (
        &["does not have a valid audience"],
        "set the route's audience to the resource named here; each cloud has its own",
    ),
    (
        &["no pg_hba.conf entry", "no encryption"],
        "the server wants TLS: set upstream_tls to \"verify\"",
    ),
    (
        &["no pg_hba.conf entry"],
        "the server's firewall does not know this machine's address, or the role may not log in from it",
    ),
    (
        &["password authentication failed"],
        "the role is not mapped to this identity, or its name differs (case counts): \
         select * from pgaadauth_list_principals(false); for a role with a password check upstream_password_file",
    ),
];

/// The hint for an upstream's message, if its text is a known one.
pub(super) fn for_text(message: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let known = |(pieces, _): &&(&[&str], _)| pieces.iter().all(|piece| text.contains(piece));
    HINTS.iter().find(known).map(|(_, hint)| *hint)
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
                "password authentication failed for user \"x\"",
                "the role is not mapped",
            ),
        ] {
            let hint = for_text(text.as_bytes());
            assert!(
                hint.is_some_and(|hint| hint.starts_with(start)),
                "{text}: {hint:?}"
            );
        }
        assert_eq!(for_text(b"database \"x\" does not exist"), None);
    }
}
