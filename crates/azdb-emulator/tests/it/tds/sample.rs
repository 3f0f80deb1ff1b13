//! What the sample answers, to tiberius.

use azdb_emulator::{Emulator, SQL_AUDIENCE};
use tempfile::NamedTempFile;
use tiberius::numeric::Numeric;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Query, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::support::{emulator, identity};

pub(super) type Session = Client<Compat<TcpStream>>;

pub(super) async fn log_in(azure: &Emulator) -> tiberius::Result<Session> {
    let token = azure.issuer().issue(identity(azure), SQL_AUDIENCE).unwrap();
    let ca = NamedTempFile::with_suffix(".pem").unwrap();
    azure.write_ca(ca.path()).unwrap();
    let address = azure.tds().address();
    let mut config = Config::new();
    config.host("localhost");
    config.port(address.port());
    config.database("shop");
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(ca.path().to_str().unwrap());
    config.authentication(AuthMethod::aad_token(token.access_token));
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    Client::connect(config, tcp.compat_write()).await
}

async fn rows(session: &mut Session, sql: &str) -> tiberius::Result<Vec<Row>> {
    let results = session.simple_query(sql).await?.into_results().await?;
    Ok(results.into_iter().next_back().unwrap_or_default())
}

/// The one number that a statement gives.
async fn number(session: &mut Session, sql: &str) -> i32 {
    let rows = rows(session, sql).await.unwrap();
    rows[0].get(0).unwrap()
}

async fn error(session: &mut Session, sql: &str) -> (u32, String) {
    match rows(session, sql).await {
        Err(tiberius::error::Error::Server(error)) => (error.code(), error.message().to_owned()),
        other => panic!("{sql}: {other:?}"),
    }
}

const ORDERS: &str = "select count(*) from orders";

#[tokio::test(flavor = "multi_thread")]
async fn parameters_come_back_in_their_types() {
    let azure = emulator().await;
    let mut session = log_in(&azure).await.unwrap();
    let sql = "select @P1 + N'é' as text, @P2 as number, @P3 as nothing, @P4 as yes, @P5 as bytes, \
               @P6 as big";
    let mut query = Query::new(sql);
    query.bind("naïve");
    query.bind(7_i32);
    query.bind(Option::<i32>::None);
    query.bind(true);
    query.bind(&[1_u8, 2][..]);
    query.bind(9_000_000_000_i64);
    let row = query.query(&mut session).await.unwrap().into_row().await;
    let row = row.unwrap().unwrap();
    assert_eq!(row.get::<&str, _>("text"), Some("naïveé"));
    assert_eq!(row.get::<i32, _>("number"), Some(7));
    assert_eq!(row.get::<i32, _>("nothing"), None);
    assert_eq!(row.get::<bool, _>("yes"), Some(true));
    assert_eq!(row.get::<&[u8], _>("bytes"), Some(&[1, 2][..]));
    assert_eq!(row.get::<i64, _>("big"), Some(9_000_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_small_apps_run() {
    let azure = emulator().await;
    let mut session = log_in(&azure).await.unwrap();
    for (sql, expected) in [
        (
            "select name from [dbo].[products] where id = 2",
            "Sourdough loaf",
        ),
        ("select 'a' + N'b'", "ab"),
        (
            "select top 1 name from products order by price desc",
            "Aged pecorino",
        ),
        ("select db_name()", "shop"),
        ("select name from sys.tables", "customers"),
        ("SELECT SUSER_SNAME() AS [who]", "orders-app"),
        (
            "declare @x decimal(5,2) = 1.5, @y nvarchar(9) select @y = @x select @y",
            "1.50",
        ),
        ("select convert(nvarchar(max), N'x')", "x"),
        (
            "create table #t (id int identity(1,1) primary key, name nvarchar(9)) \
             insert #t (name) values ('x'), ('y') select max(name) from #t",
            "y",
        ),
        (
            "set nocount on; use shop; update products set name = 'Rye' where id = 2 select name from products where id = 2",
            "Rye",
        ),
        (
            "delete from orders where product_id = 2 select name from products where id = 2",
            "Rye",
        ),
        (
            "set textsize 4; select cast('abcdef' as nvarchar(max))",
            "ab",
        ),
        (
            "set textsize -1; select cast('abcdef' as nvarchar(max))",
            "abcdef",
        ),
    ] {
        let rows = rows(&mut session, sql).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(rows[0].get::<&str, _>(0), Some(expected), "{sql}");
    }
    let identity = rows(&mut session, "select scope_identity()").await.unwrap();
    assert_eq!(
        identity[0].get::<Numeric, _>(0).map(Numeric::value),
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_numbers_of_sql_server() {
    let azure = emulator().await;
    let mut session = log_in(&azure).await.unwrap();
    for (sql, number) in [
        ("select * from nowhere", 208),
        ("select nothing from products", 207),
        ("select 'x", 105),
        (
            "insert into customers (name, email, city, country) values ('x', 'amara@example.com', 'y', 'NG')",
            2627,
        ),
        ("insert into products (name) values ('x')", 515),
        ("delete from customers where id = 3", 547),
        ("commit", 3902),
        ("rollback tran", 3903),
        ("save tran here", 628),
        (
            "begin tran outer_one begin tran inner_one rollback tran inner_one",
            6401,
        ),
        ("rollback tran outer_one save tran outer_one", 628),
        ("use master", 40508),
    ] {
        let (told, text) = error(&mut session, sql).await;
        assert_eq!(told, number, "{sql}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_refused_and_does_nothing() {
    let azure = emulator().await;
    let mut session = log_in(&azure).await.unwrap();
    for sql in [
        "selekt 1",
        "select 1/0",
        "select 7 / 2",
        "grant select on products to nobody",
        "create user somebody from external provider",
        "exec sp_nothing",
        "declare @x int = 1/0 select @x",
        "select cast('x' as int)",
        "select cast(1 as cursor)",
        "select cast('1' as int) from products",
        "select c_int from every_type where c_int = 1",
        "begin try delete from orders end try begin catch end catch",
        "if exists (select * from orders) delete from orders",
        "set rowcount 1",
        "delete from orders from orders join products on product_id = products.id",
        "with n as (select 1 as i) select i from n",
        "truncate table orders",
    ] {
        let (number, text) = error(&mut session, sql).await;
        assert_eq!(number, 40510, "{sql}: {text}");
        assert!(
            text.starts_with("azdb-emulator: this sample "),
            "{sql}: {text}"
        );
    }
    assert_eq!(number(&mut session, ORDERS).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_rolls_back_whatever_its_spelling() {
    let azure = emulator().await;
    let mut session = log_in(&azure).await.unwrap();
    let (implicit, explicit) = (
        "set implicit_transactions on",
        "set implicit_transactions off",
    );
    for (begin, end, left) in [
        ("begin tran", "rollback", 8),
        ("BEGIN TRANSACTION", "Rollback Transaction", 8),
        ("begin tran begin tran", "ROLLBACK WORK", 8),
        // As DBD::Sybase begins; inside another one a name is nothing's.
        ("begin tran outer_one", "rollback tran outer_one", 8),
        (
            "begin tran outer_one begin tran inner_one",
            "commit tran any rollback tran outer_one",
            8,
        ),
        ("begin tran", "IF @@TRANCOUNT > 0 ROLLBACK TRAN", 8),
        (implicit, &format!("rollback {explicit}"), 8),
        (
            "begin tran begin tran",
            "commit IF @@TRANCOUNT > 0 COMMIT TRAN",
            6,
        ),
    ] {
        let delete = "delete from orders where id > 6";
        for sql in [begin, delete] {
            rows(&mut session, sql).await.unwrap();
        }
        assert_eq!(number(&mut session, ORDERS).await, 6, "{begin}");
        rows(&mut session, end).await.unwrap();
        assert_eq!(number(&mut session, "select @@trancount").await, 0, "{end}");
        assert_eq!(number(&mut session, ORDERS).await, left, "{end}");
    }
}
