//! The worked example of docs/wordpress.md: WordPress as it is, a database that only a token opens, and the rights that the page
//! grants.

use std::path::Path;

use azdb_tests::{Program, Shop, closed_port, tools};
use serde_json::{Value, json};

/// The grant in the page, for this user and database.
fn grant(shop: &Shop) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wordpress.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("\ngrant ").unwrap();
    let (grant, _) = rest.split_once(';').unwrap();
    let grant = grant.replace("shop-app", &shop.user);
    format!(
        "grant {}",
        grant.replace("wordpress.", &format!("{}.", shop.database))
    )
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_wordpress)),
    ignore = "no MariaDB or WordPress: see scripts/test --all"
)]
fn wordpress_as_it_is_needs_neither_a_secret_nor_an_administrator() {
    let shop = Shop::new();
    let user = format!("'{}'@'%'", shop.user);
    shop.server
        .admin(&format!("revoke all, grant option from {user}"));
    shop.server.admin(&grant(&shop));
    let proxy = shop.proxy();

    let at = format!("127.0.0.1:{}", closed_port());
    // Its workers end with it, whatever ends it.
    let site = Program::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "php", "-S", &at, "-t"])
        .arg(tools::installed("wordpress/usr/share/wordpress"))
        // It asks itself while it is installed.
        .env("PHP_CLI_SERVER_WORKERS", "3")
        .env("DATABASE_HOST", proxy.address().to_string())
        .env("DATABASE_NAME", &shop.database)
        .env("DATABASE_USERNAME", "wordpress")
        .env("DATABASE_PASSWORD", "none-needed")
        .start();
    site.stderr_until(|text| text.contains("started").then_some(()));
    let visited = Program::new("php")
        .arg(tools::app("wordpress/visit.php"))
        .arg(format!("http://{at}"))
        .run();
    let seen: Value = serde_json::from_str(visited.succeeded()).unwrap();
    let expected =
        json!({ "installed": true, "title": "Shop without a secret", "commented": true });
    assert_eq!(seen, expected, "{}", site.stderr());

    let comment = "select comment_content from wp_comments where comment_author = 'Somebody'";
    let kept = proxy.mysql_app().query(comment);
    assert_eq!(kept, "Bought the naïve one.");
}
