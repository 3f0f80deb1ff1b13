//! tiberius, the Rust driver of SQL Server, in the clear and over TLS.

use azdb_emulator::tds::LoginScript;
use azdb_tests::{AzureSql, Proxy, block_on};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

async fn log_in(
    proxy: &Proxy,
    encryption: EncryptionLevel,
) -> tiberius::Result<Client<Compat<TcpStream>>> {
    let mut config = Config::new();
    config.host("localhost");
    config.port(proxy.address().port());
    config.encryption(encryption);
    config.trust_cert();
    config.authentication(AuthMethod::sql_server("anyone", "anything"));
    let tcp = TcpStream::connect(proxy.address()).await.unwrap();
    Client::connect(config, tcp.compat_write()).await
}

#[test]
fn tiberius_reads_rows_and_what_refused_it() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    block_on(async {
        for encryption in [EncryptionLevel::NotSupported, EncryptionLevel::Required] {
            let mut client = log_in(&proxy, encryption).await.unwrap();
            let query = client.query("select name from products where id = @P1", &[&3_i32]);
            let row = query.await.unwrap().into_row().await.unwrap().unwrap();
            assert_eq!(row.get::<&str, _>(0), Some("Aged pecorino"));
        }
        azure.azure.tds().script(2, &LoginScript::Drop);
        for encryption in [EncryptionLevel::NotSupported, EncryptionLevel::Required] {
            let refused = log_in(&proxy, encryption).await.err().unwrap().to_string();
            assert!(refused.contains("azdb-proxy: "), "{refused}");
        }
    });
    azure.assert_content();
}
