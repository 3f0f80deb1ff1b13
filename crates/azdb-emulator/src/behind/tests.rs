//! URLs of servers behind, and what is said when one can't be dialled.

use super::*;
use crate::identity::ManagedIdentity;

fn parsed(text: &str) -> Behind {
    text.parse().unwrap()
}

#[test]
fn url_says_who_logs_in_where() {
    let behind = parsed("postgres://app:p%40ss@db.example:6000/Orders%201");
    assert_eq!(behind.protocol(), BehindProtocol::Postgres);
    assert_eq!(behind.password(), Some("p@ss"));
    assert_eq!(behind.database(Some("anydb")), Some("Orders 1"));
    let principal = Principal::of(&ManagedIdentity::user_assigned("one"));
    assert_eq!(behind.user_of(&principal), "app");
    assert_eq!(behind.user_of(&principal.behind_as("two")), "two");
}

#[test]
fn what_the_url_leaves_out_is_the_servers_custom() {
    for (text, shown, user) in [
        ("postgresql://db", "postgres://db:5432", "postgres"),
        ("mariadb://db", "mysql://db:3306", "root"),
        ("tds://[::1]", "sqlserver://[::1]:1433", "sa"),
    ] {
        let behind = parsed(text);
        assert_eq!(
            (behind.to_string().as_str(), behind.user.as_str()),
            (shown, user)
        );
        assert_eq!(behind.password(), None);
        assert_eq!(behind.database(Some("wished")), Some("wished"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn socket_file_is_a_host_with_slashes() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join(".s.PGSQL.6000");
    let _listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let escaped = |path: &std::path::Path| path.display().to_string().replace('/', "%2F");
    for url in [
        format!("postgres://app@{}:6000", escaped(directory.path())),
        format!("mysql://app@{}", escaped(&socket)),
    ] {
        let behind = parsed(&url);
        let shown = format!("://{}", socket.display());
        assert!(behind.to_string().ends_with(&shown), "{behind}");
        assert!(behind.connect().await.is_ok(), "{url}");
    }
}

#[test]
fn nothing_shows_the_password() {
    let behind = parsed("mysql://root:hunter2@db/shop");
    let refused = behind.refused("root", "no");
    let text = format!("{behind} {behind:?} {refused}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn other_texts_are_refused() {
    let queries = ["postgres://db?sslmode=x", "mysql://db#x", "tds://a%ff@db"];
    let hosts = ["db:5432", "", "oracle://db", "postgres://"];
    for text in queries.into_iter().chain(hosts) {
        assert!(text.parse::<Behind>().is_err(), "{text}");
    }
}
