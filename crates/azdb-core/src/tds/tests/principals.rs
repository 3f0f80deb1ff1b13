//! Whom an app becomes by its name.

use azdb_identity::IdentityConfig;

use super::visit::Visit;
use super::*;
use crate::fault::Cause;

/// A route that lists these.
fn listing(users: &[&str]) -> House {
    let listed = |user: &&str| {
        let principal = Principal {
            user: format!("principal of {user}"),
            identity: Arc::<IdentityConfig>::default(),
        };
        ((*user).to_owned(), Arc::new(principal))
    };
    let map = users.iter().map(listed).collect();
    House::of(|route| route.principals = Principals::ByAppUser(map))
}

#[tokio::test]
async fn names_are_compared_as_sql_server_compares_them() {
    let house = listing(&["ann", "Bob", "BOB", "carl@orders", "Jürgen"]);
    for (user, listed) in [
        ("ann", "ann"),
        ("ANN", "ann"),
        // As old connection strings of Azure have it.
        ("ann@orders", "ann"),
        ("Ann@orders.database.windows.net", "ann"),
        // Whoever is listed as it is goes first.
        ("Bob", "Bob"),
        ("BOB", "BOB"),
        ("bob", "Bob"),
        ("carl@orders", "carl@orders"),
        ("Carl@Orders", "carl@orders"),
        ("JÜRGEN", "Jürgen"),
    ] {
        let principal = principal::of(user, &house.lobby).unwrap();
        assert_eq!(principal.user, format!("principal of {listed}"), "{user}");
    }
    for user in ["carl", "dora", "ann ", "@ann", "orders@ann", "jurgen"] {
        let refused = principal::of(user, &house.lobby);
        let is_unknown = matches!(refused, Err(Fault::Shared(Cause::UnknownUser { .. })));
        assert!(is_unknown, "{user}");
    }
}

#[tokio::test(start_paused = true)]
async fn integrated_security_reads_that_the_map_goes_by_names() {
    let mut visit: Visit = listing(&["ann"]).app();
    let login = database::app_login("", "orders");
    visit.say(azdb_wire::tds::kind::LOGIN7, &login).await;
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(
        text.contains("the app names no user, as with integrated security"),
        "{text}"
    );
    assert!(text.contains("give the app a user of user_map"), "{text}");
    assert!(visit.rest.nobody_dialled());
}
