//! Who may come in, and what the others read.

use azdb_emulator::tds::Verdict;
use azdb_emulator::{Flaw, SQL_AUDIENCE, TdsOptions};

use super::client::{Azure, Client, Login, has, told};
use crate::support::identity;

/// What a login reads that is refused.
#[track_caller]
fn refused(azure: &Azure, login: &Login) -> (u32, String) {
    told(&Client::encrypted(azure).log_in(login).unwrap())
}

fn refusal(flaw: Flaw) -> (u32, String) {
    let azure = Azure::new();
    let issuer = azure.emulator.issuer();
    let token = issuer.issue_as(identity(&azure.emulator), SQL_AUDIENCE, flaw);
    refused(&azure, &Login::good(token.unwrap().access_token))
}

#[test]
fn good_token_comes_in() {
    let azure = Azure::new();
    let mut client = Client::encrypted(&azure);
    let response = client.log_in(&Login::good(azure.token())).unwrap();
    assert!(has(&response, &[0xad]), "LOGINACK");
    assert!(
        has(&response, &[0xae, 2, 0, 0, 0, 0, 0xff]),
        "FEDAUTH is acknowledged"
    );
    let logins = azure.emulator.tds().logins();
    assert_eq!(logins.first().unwrap().verdict, Verdict::Admitted);
}

#[test]
fn tokens_are_refused_in_the_words_of_azure() {
    let failed = "Login failed for user '<token-identified principal>'.";
    for (flaw, more) in [
        (Flaw::ForeignSignature, ""),
        (Flaw::Expired, " Token is expired."),
        (
            Flaw::WrongAudience,
            " The server is not currently configured to accept this token.",
        ),
    ] {
        assert_eq!(refusal(flaw), (18456, format!("{failed}{more}")));
    }
}

#[test]
fn password_is_refused_where_only_tokens_count() {
    let azure = Azure::new();
    let (number, text) = refused(&azure, &Login::password("sa", "secret"));
    assert_eq!(number, 18456);
    assert!(
        text.contains("Azure Active Directory only authentication"),
        "{text}"
    );
}

#[test]
fn development_server_takes_the_right_password_only() {
    let azure = Azure::with(TdsOptions::development("sa", "Grüße 1"));
    let mut client = Client::encrypted(&azure);
    let response = client.log_in(&Login::password("sa", "Grüße 1")).unwrap();
    assert!(has(&response, &[0xad]));
    let wrong = Login::password("sa", "gruesse");
    let expected = (18456, "Login failed for user 'sa'.".to_owned());
    assert_eq!(refused(&azure, &wrong), expected);
}

#[test]
fn server_of_another_name_is_not_opened() {
    let azure = Azure::new();
    let mut login = Login::good(azure.token());
    login.server = "other.database.windows.net".to_owned();
    let (number, text) = refused(&azure, &login);
    assert_eq!(number, 40532);
    assert!(text.contains("'other'"), "{text}");
    login.server.clear();
    assert_eq!(refused(&azure, &login).0, 40531);
}

#[test]
fn connection_without_server_name_in_tls_is_not_opened() {
    let azure = Azure::new();
    // An IP address is no server name in TLS.
    let mut client = Client::encrypted_for(&azure, "127.0.0.1");
    let answer = client.log_in(&Login::good(azure.token())).unwrap();
    assert_eq!(told(&answer).0, 40532);
}
