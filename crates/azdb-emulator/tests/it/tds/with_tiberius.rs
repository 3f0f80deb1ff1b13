//! tiberius, with a token and with TDS 8.0.

use azdb_emulator::{Emulator, SQL_AUDIENCE};
use tempfile::NamedTempFile;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::support::{emulator, identity};

async fn log_in(
    azure: &Emulator,
    encryption: EncryptionLevel,
) -> tiberius::Result<Client<Compat<TcpStream>>> {
    let token = azure.issuer().issue(identity(azure), SQL_AUDIENCE).unwrap();
    let ca = NamedTempFile::with_suffix(".pem").unwrap();
    azure.write_ca(ca.path()).unwrap();
    let address = azure.tds().address();
    let mut config = Config::new();
    config.host("localhost");
    config.port(address.port());
    config.database("shop");
    config.encryption(encryption);
    config.trust_cert_ca(ca.path().to_str().unwrap());
    config.authentication(AuthMethod::aad_token(token.access_token));
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    Client::connect(config, tcp.compat_write()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_with_parameters_and_reads_types() {
    let azure = emulator().await;
    let mut client = log_in(&azure, EncryptionLevel::Required).await.unwrap();
    let sql = "select @P1 + N'é' as text, @P2 as number, cast(null as int) as nothing, \
               cast(1.5 as float) as real, cast(1 as bit) as yes, 0x0102 as bytes, \
               cast(9000000000 as bigint) as big, cast('2026-01-02' as date) as day";
    let rows = client.query(sql, &[&"naïve", &7_i32]).await.unwrap();
    let row = rows.into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<&str, _>("text"), Some("naïveé"));
    assert_eq!(row.get::<i32, _>("number"), Some(7));
    assert_eq!(row.get::<i32, _>("nothing"), None);
    assert_eq!(row.get::<f64, _>("real"), Some(1.5));
    assert_eq!(row.get::<bool, _>("yes"), Some(true));
    assert_eq!(row.get::<&[u8], _>("bytes"), Some(&[1, 2][..]));
    assert_eq!(row.get::<i64, _>("big"), Some(9_000_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_long_results_and_several_of_them() {
    let azure = emulator().await;
    let mut client = log_in(&azure, EncryptionLevel::Required).await.unwrap();
    let sql = "with n(i) as (select 1 union all select i + 1 from n where i < 20000)
               select i, replicate('x', 100) from n; select 2";
    let results = client.simple_query(sql).await.unwrap();
    let results = results.into_results().await.unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0].len(), 20_000);
    assert_eq!(results[0][19_999].get::<i32, _>(0), Some(20_000));
    assert_eq!(results[1][0].get::<i32, _>(0), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_numbers_of_sql_server() {
    let azure = emulator().await;
    let mut client = log_in(&azure, EncryptionLevel::Required).await.unwrap();
    for (sql, number) in [
        ("select * from nowhere", 208),
        ("select nothing from products", 207),
        ("selekt 1", 2812),
        ("select 'x", 105),
        ("select @x", 137),
        (
            "insert into products (id, name, category, price) values (1, 'x', 'y', 1)",
            2627,
        ),
        ("insert into products (id) values (50)", 515),
        ("commit", 3902),
        ("use master", 40508),
        ("exec sp_nothing", 2812),
        ("raiserror('mine', 16, 1)", 50000),
        ("throw 51000, 'mine', 1", 51000),
    ] {
        let error = match client.simple_query(sql).await {
            Ok(results) => results.into_results().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.code(), Some(number), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_sql_of_small_apps_runs() {
    let azure = emulator().await;
    let mut client = log_in(&azure, EncryptionLevel::Required).await.unwrap();
    for (sql, expected) in [
        (
            "select 'a' + 'b' + name from [dbo].[products] where id = 2",
            "abSourdough loaf",
        ),
        (
            "declare @x int = 2, @y nvarchar(9); set @x += 3; select @y = 'n' + cast(@x as nvarchar(9)); select @y",
            "n5",
        ),
        (
            "if exists (select * from products where id = 1) select 'yes' else select 'no'",
            "yes",
        ),
        (
            "if object_id('tempdb..#t') is not null drop table #t create table #t (id int identity(1,1) primary key, a nvarchar(9)) insert #t (a) values ('x'), ('y') select a from #t where id = scope_identity_of_two()",
            "",
        ),
        (
            "select upper(left(isnull(null, 'house'), 3)) + right('boat', 1)",
            "HOUt",
        ),
        (
            "select case when len('abc ') = 3 then 'three' else 'four' end",
            "three",
        ),
        (
            "select convert(nvarchar(10), dateadd(day, 1, '2026-02-28'), 23)",
            "2026-03-01",
        ),
        (
            "begin try select * from nowhere end try begin catch select 'caught' end catch",
            "caught",
        ),
        (
            "select name from products order by price desc offset 1 rows fetch next 1 rows only",
            "Darjeeling first flush",
        ),
        (
            "begin tran; delete orders where id > 2; rollback; select cast(count(*) as nvarchar(9)) from orders with (nolock)",
            "8",
        ),
        ("set nocount on; exec('select ''in'' + ''side''')", "inside"),
        (
            "exec sp_executesql N'select @a + N''!''', N'@a nvarchar(9)', @a = N'hey'",
            "hey!",
        ),
        (
            "select table_name from information_schema.tables where table_name = 'orders'",
            "orders",
        ),
    ] {
        let results = match client.simple_query(sql).await {
            Ok(results) => results.into_results().await,
            Err(error) => Err(error),
        };
        if expected.is_empty() {
            assert_eq!(results.unwrap_err().code(), Some(195), "{sql}");
            continue;
        }
        let results = results.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let row = results.last().and_then(|rows| rows.first());
        let row = row.unwrap_or_else(|| panic!("no row: {sql}"));
        assert_eq!(row.get::<&str, _>(0), Some(expected), "{sql}");
    }
}
