//! What clients learn about tables, by queries and by psql.

use std::process::{Command, Stdio};

use azdb_emulator::{DEFAULT_ROLE, Emulator};
use tokio_postgres::Client;

use crate::support::{emulator, session, token};

async fn tables(client: &Client) -> Vec<String> {
    let sql = "select relname from pg_catalog.pg_class c
               join pg_catalog.pg_namespace n on n.oid = c.relnamespace
               where n.nspname = 'public' and c.relkind = any (array['r', 'v']) order by 1";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn catalog_follows_what_is_created_and_rolled_back() {
    let azure = emulator().await;
    let (mut client, other) = (session(&azure).await, session(&azure).await);
    let known = ["customers", "orders", "products"];
    assert_eq!(tables(&client).await, known);

    let transaction = client.transaction().await.unwrap();
    transaction
        .batch_execute("create table extra (id int)")
        .await
        .unwrap();
    assert_eq!(
        tables(transaction.client()).await,
        ["customers", "extra", "orders", "products"]
    );
    assert_eq!(tables(&other).await, known);
    transaction.rollback().await.unwrap();
    assert_eq!(tables(&client).await, known);
    let gone = client
        .query_one("select to_regclass('extra')::oid", &[])
        .await
        .unwrap();
    assert_eq!(gone.get::<_, Option<u32>>(0), None);

    other
        .batch_execute("create view cheap as select * from products where price < 5")
        .await
        .unwrap();
    assert_eq!(
        tables(&client).await,
        ["cheap", "customers", "orders", "products"]
    );
}

#[tokio::test]
async fn information_schema_describes_columns() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let sql = "select column_name, data_type, is_nullable, column_default
               from information_schema.columns
               where table_schema = 'public' and table_name = $1 order by ordinal_position";
    let rows = client.query(sql, &[&"products"]).await.unwrap();
    let columns: Vec<(&str, &str, &str, Option<&str>)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    assert_eq!(
        columns,
        [
            ("id", "integer", "NO", None),
            ("name", "character varying", "NO", None),
            ("category", "character varying", "NO", None),
            ("price", "numeric", "NO", None),
            ("stock", "integer", "NO", Some("0")),
            ("organic", "boolean", "NO", Some("false")),
        ]
    );
}

#[tokio::test]
async fn sessions_see_each_other() {
    let azure = emulator().await;
    let (client, _other) = (session(&azure).await, session(&azure).await);
    let sql = "select count(*) filter (where usename = $1), count(distinct a.pid), bool_and(ssl)
               from pg_stat_activity a join pg_stat_ssl s on s.pid = a.pid";
    let row = client.query_one(sql, &[&DEFAULT_ROLE]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 2));
    assert!(row.get::<_, bool>(2));
}

/// Runs psql's commands and returns what it printed.
async fn psql(azure: &Emulator, commands: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    azure.write_ca(&ca).unwrap();
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--no-align", "--quiet"])
        .args(commands.iter().flat_map(|command| ["-c", command]))
        .env("PGHOST", "localhost")
        .env("PGPORT", azure.postgres().address().port().to_string())
        .env("PGUSER", DEFAULT_ROLE)
        .env("PGDATABASE", "shop")
        .env("PGPASSWORD", token(azure))
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", &ca)
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || psql.output())
        .await
        .unwrap();
    let output = output.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && errors.is_empty(),
        "{commands:?}: {errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
#[cfg_attr(not(has_psql), ignore = "psql is not installed")]
async fn psql_lists_tables() {
    let azure = emulator().await;
    let expected = "List of relations\nSchema|Name|Type|Owner\n\
                    public|customers|table|orders-app\n\
                    public|orders|table|orders-app\n\
                    public|products|table|orders-app\n(3 rows)\n";
    assert_eq!(psql(&azure, &["\\dt"]).await, expected);
    assert_eq!(psql(&azure, &["\\d"]).await, expected);
}

#[tokio::test]
#[cfg_attr(not(has_psql), ignore = "psql is not installed")]
async fn psql_describes_a_table() {
    let azure = emulator().await;
    assert_eq!(
        psql(&azure, &["\\d orders"]).await,
        "Table \"public.orders\"\nColumn|Type|Collation|Nullable|Default\n\
         id|integer||not null|\n\
         customer_id|integer||not null|\n\
         product_id|integer||not null|\n\
         quantity|integer||not null|1\n\
         total|numeric(10,2)||not null|\n\
         status|character varying(12)||not null|'new'::character varying\n\
         ordered_at|timestamp without time zone||not null|CURRENT_TIMESTAMP\n\
         Indexes:\n    \"orders_pkey\" PRIMARY KEY, btree (id)\n    \
         \"orders_customer_id_idx\" btree (customer_id)\n\
         Check constraints:\n    \"orders_quantity_check\" CHECK (quantity > 0)\n\
         Foreign-key constraints:\n    \
         \"orders_customer_id_fkey\" FOREIGN KEY (customer_id) REFERENCES customers(id)\n    \
         \"orders_product_id_fkey\" FOREIGN KEY (product_id) REFERENCES products(id)\n"
    );
}

#[tokio::test]
#[cfg_attr(not(has_psql), ignore = "psql is not installed")]
async fn psql_answers_its_other_commands() {
    let azure = emulator().await;
    assert!(
        psql(&azure, &["\\l"])
            .await
            .contains("\nshop|orders-app|UTF8|")
    );
    assert!(psql(&azure, &["\\du"]).await.contains("orders-app|"));
    assert!(
        psql(&azure, &["\\di"])
            .await
            .contains("orders_pkey|index|orders-app|orders")
    );
    assert!(psql(&azure, &["\\conninfo"]).await.contains("orders-app"));
    let commands = [
        "\\d+ customers",
        "\\dt+",
        "\\dn",
        "\\df",
        "\\dp",
        "\\dT",
        "\\dx",
        "\\db",
        "\\d orders_pkey",
        "\\d pg_class",
        "\\d information_schema.tables",
    ];
    for command in commands {
        psql(&azure, &[command]).await;
    }
}

#[tokio::test]
#[cfg_attr(not(has_psql), ignore = "psql is not installed")]
async fn psql_copies_and_describes_a_view() {
    let azure = emulator().await;
    let printed = psql(
        &azure,
        &[
            "create view dear as select name, price * stock as worth from products where price > 15",
            "\\d dear",
            "\\copy (select id from orders where id < 3) to stdout",
        ],
    )
    .await;
    assert_eq!(
        printed,
        "View \"public.dear\"\nColumn|Type|Collation|Nullable|Default\n\
         name|character varying(40)|||\nworth|numeric|||\n1\n2\n"
    );
}
