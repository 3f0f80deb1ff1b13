//! The main job, with psql: an unmodified app, a token-only database.

use azdb_tests::Azure;

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_with_any_user_and_any_password_becomes_the_role() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    for (user, password) in [
        ("anyone", "any"),
        ("Somebody Else", ""),
        ("postgres", "x y"),
    ] {
        let app = proxy
            .app()
            .told("PGUSER", user)
            .told("PGPASSWORD", password);
        assert_eq!(app.query("select current_user"), azure.role);
    }
    let app = proxy.app().not_told("PGPASSWORD");
    assert_eq!(app.query("select session_user"), azure.role);
}
