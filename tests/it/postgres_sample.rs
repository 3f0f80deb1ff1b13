//! The emulator's sample, with the proxy before it: what psql and drivers see who have no database.

use azdb_tests::Emulated;

#[test]
#[cfg_attr(not(has_postgres), ignore = "no psql: see scripts/test")]
fn psql_describes_and_queries_the_sample() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    let script = "select * from products where id < 3 order by id;
                  \\dt
                  \\d
                  \\d products
                  \\dt nothing
                  \\l
                  begin;
                  delete from orders;
                  rollback;
                  select count(*) from orders;";
    let ran = proxy
        .app()
        .told("PGDATABASE", "anydb")
        .program("psql")
        .args(["-X", "-q", "-A"])
        .stdin(script)
        .run();
    let answer = ran.succeeded();
    for line in [
        "1|Olive oil, cold pressed|pantry|14.50|120|t",
        "public|customers|table|orders-app",
        "name|character varying(40)||not null|",
        "id|integer||not null|nextval('products_id_seq'::regclass)",
        "stock|integer||not null|0",
        "organic|boolean||not null|false",
        "anydb|orders-app|UTF8|C.UTF-8|C.UTF-8|",
    ] {
        assert!(answer.lines().any(|one| one == line), "{line}: {answer}");
    }
    assert!(answer.ends_with("count\n8\n(1 row)"), "{answer}");
    assert_eq!(
        answer.matches("public|products|table").count(),
        2,
        "{answer}"
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no psql: see scripts/test")]
fn what_the_sample_does_not_know_says_where_a_real_database_comes_from() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    for sql in [
        "select 1/0",
        "grant select on products to nobody",
        "\\du",
        "select * from products p join orders o on o.product_id = p.id",
    ] {
        let refused = proxy.app().psql().stdin(sql).run();
        let text = "azdb-emulator: this sample does not know ";
        assert!(refused.failed().contains(text), "{sql}: {refused:?}");
    }
}
