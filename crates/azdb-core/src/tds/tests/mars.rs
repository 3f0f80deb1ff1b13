//! Who may ask several things at a time.

use azdb_wire::tds::{Encryption, Prelogin, Version, kind};
use tokio::io::AsyncWriteExt as _;

use super::database::{Database, app_login, prelogin_answer, read_prelogin, says_yes, welcome};
use super::visit::Visit;
use super::*;

/// An app that asks for MARS with this for a version, and what it hears.
async fn hears(visit: &mut Visit, version: [u8; 4]) -> Option<bool> {
    let asked = Prelogin {
        encryption: Some(Encryption::Off),
        mars: Some(true),
        trace_id: None,
        fed_auth_required: None,
    };
    let mut payload = Vec::new();
    asked.encode_request(&mut payload);
    let at = usize::from(payload[2]);
    payload.splice(at..at + 4, version);
    visit.say(kind::PRELOGIN, &payload).await;
    Prelogin::parse(&visit.hear().await).unwrap().mars
}

/// A login that asks for this version.
fn login_of(version: Version) -> Vec<u8> {
    let mut login = app_login("sa", "orders");
    login.splice(4..8, version.to_login().to_le_bytes());
    login
}

const CURRENT: [u8; 4] = [17, 10, 0, 1];
const NET_2: [u8; 4] = [2, 0, 0, 0];
const NATIVE_10: [u8; 4] = [10, 0, 0x06, 0x40];
const FREETDS: [u8; 4] = [9, 0, 0, 0];

/// The upstream's side up to TLS, which grants MARS or does not. Says whether it was asked.
async fn greets(visit: &mut Visit, grants: bool) -> (Database, bool) {
    let (mut stream, _) = visit.rest.dialled().await;
    let asked = read_prelogin(&mut stream).await.mars == Some(true);
    let answer = prelogin_answer(Encryption::On, grants && asked);
    stream.write_all(&answer).await.unwrap();
    (Database::shake(stream, &visit.rest.server).await, asked)
}

#[tokio::test(start_paused = true)]
async fn mars_is_both_sides_where_the_upstream_has_it() {
    let mut visit = House::new().app();
    assert_eq!(hears(&mut visit, CURRENT).await, Some(true));
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    let (mut database, asked) = greets(&mut visit, true).await;
    assert!(asked);
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    assert!(says_yes(&visit.hear().await));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_without_mars_is_known_from_the_second_login_on() {
    let state = Arc::clone(&House::new().lobby.state);
    let another_app = || {
        let mut house = House::new();
        house.lobby.state = Arc::clone(&state);
        house.app()
    };
    let mut visit = another_app();
    assert_eq!(hears(&mut visit, CURRENT).await, Some(true));
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    let (database, _) = greets(&mut visit, false).await;
    let (number, text) = visit.error().await;
    assert_eq!(number, 40_613, "drivers try again");
    assert!(text.contains("upstream does not do MARS"), "{text}");
    assert!(text.contains("What to do: try again"), "{text}");
    assert!(database.heard_nothing_more().await, "no token went there");

    let mut visit = another_app();
    assert_eq!(hears(&mut visit, CURRENT).await, Some(false));
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    let (mut database, asked) = greets(&mut visit, false).await;
    assert!(!asked);
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    assert!(says_yes(&visit.hear().await));

    // Another upstream may have it.
    Tds::goes_elsewhere::<DuplexStream>(&state.own);
    assert_eq!(hears(&mut another_app(), CURRENT).await, Some(true));
}

#[tokio::test(start_paused = true)]
async fn who_will_be_translated_hears_of_no_mars() {
    for (version, granted) in [(NET_2, false), (NATIVE_10, false), (FREETDS, true)] {
        let mut visit = House::new().app();
        assert_eq!(hears(&mut visit, version).await, Some(granted));
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_password_a_server_speaks_each_apps_own_version_with_mars() {
    let with_password = || House::of(|route| route.auth = UpstreamAuth::Password("p".into()));
    let mut visit = with_password().app();
    assert_eq!(hears(&mut visit, NET_2).await, Some(true));
    visit.say(kind::LOGIN7, &login_of(Version::V7_2)).await;
    let (mut database, asked) = greets(&mut visit, true).await;
    assert!(asked);
    let login = database.login().await;
    assert_eq!(Login7::parse(&login).unwrap().version, Version::V7_2);
}

#[tokio::test(start_paused = true)]
async fn who_has_been_granted_it_and_must_be_translated_reads_what_to_change() {
    for (version, shown) in [
        (Version::V7_2, "7.2"),
        (Version::V7_3A, "7.3 (SQL Server 2008)"),
    ] {
        let mut visit = House::new().app();
        assert_eq!(hears(&mut visit, FREETDS).await, Some(true));
        visit.say(kind::LOGIN7, &login_of(version)).await;
        let (number, text) = visit.error().await;
        assert_eq!(number, 18_456);
        let begins = format!("azdb-proxy: the app asks for TDS {shown} with MARS");
        assert!(text.starts_with(&begins), "{text}");
        assert!(text.contains("MultipleActiveResultSets=False"), "{text}");
        assert!(visit.rest.nobody_dialled());
    }
    let mut visit = House::new().app();
    assert_eq!(hears(&mut visit, FREETDS).await, Some(true));
    visit.say(kind::LOGIN7, &login_of(Version::V7_3B)).await;
    visit.rest.dialled().await;
}
