//! Each driver through a route of this process, before the emulator.

use std::sync::Arc;

use azdb_config::Overrides;
use azdb_core::{
    Home, LocalAuthority, LocalTlsError, PlatformRoots, Resources, local_names, platform_client,
};
use azdb_emulator::{DEFAULT_ROLE, Emulator, EmulatorOptions};
use azdb_identity::{Environment, Tokens};
use tempfile::TempDir;

use super::*;

struct Azure {
    emulator: Emulator,
    directory: TempDir,
}

impl Azure {
    async fn new() -> Self {
        let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        emulator.write_ca(&directory.path().join("ca.pem")).unwrap();
        Self {
            emulator,
            directory,
        }
    }

    /// A route to what speaks `protocol` here.
    fn reception(&self, protocol: ProtocolName, role: &str) -> Reception {
        let (azure, role) = (&self.emulator, format!("{role}@"));
        let (upstream, role) = match protocol {
            ProtocolName::Postgres => (azure.postgres().address(), &*role),
            ProtocolName::Mysql => (azure.mysql().address(), &*role),
            ProtocolName::Tds => (azure.tds().address(), ""),
        };
        let url = format!(
            "{protocol}://{role}localhost:{}/orders?connect_to={upstream}&upstream_ca_file={}",
            upstream.port(),
            self.directory.path().join("ca.pem").display(),
        );
        let overrides = Overrides {
            urls: vec![url],
            ..Overrides::default()
        };
        let identity = azure.identity();
        let env = Environment::from_iter([
            ("IDENTITY_ENDPOINT".to_owned(), identity.url()),
            ("IDENTITY_HEADER".to_owned(), identity.secret().to_owned()),
        ]);
        let config = azdb_config::load_without_search(&overrides, &env).unwrap();
        let names = local_names(&config.routes);
        let authority =
            || -> Result<_, LocalTlsError> { LocalAuthority::naming(None, &names).map(Arc::new) };
        let resources = Resources {
            tokens: &Tokens::new(env, platform_client()),
            names: azdb_names::Names::of_the_system(),
            home: Home::with([]),
            roots: PlatformRoots::default(),
            authority: &authority,
        };
        Reception::new(&config.routes[0], &resources).unwrap()
    }
}

fn anyone() -> As {
    As {
        user: "anyone".to_owned(),
        ..As::default()
    }
}

#[tokio::test]
async fn every_driver_logs_in_and_reads_rows() {
    let azure = Azure::new().await;
    for protocol in ProtocolName::ALL {
        let reception = azure.reception(protocol, DEFAULT_ROLE);
        let mut database = Database::open(&reception, &anyone()).await.unwrap();
        let asked = database
            .run("select id, name, null as nothing from products where id = 1")
            .await
            .unwrap();
        assert_eq!(asked.columns, ["id", "name", "nothing"], "{protocol}");
        let [row] = &asked.rows[..] else {
            panic!("{protocol}: {asked:?}");
        };
        assert_eq!(row[0].as_deref(), Some("1"), "{protocol}");
        assert!(row[1].is_some() && row[2].is_none(), "{protocol}: {row:?}");
        let refused = database.run("select * from no_such_table").await;
        let refused = refused.unwrap_err();
        assert!(refused.code.is_some(), "{protocol}: {refused:?}");
        assert!(refused.message.contains("no_such_table"), "{refused:?}");
        let again = database.run("select 1").await.unwrap();
        assert_eq!(again.rows, [[Some("1".to_owned())]], "{protocol}");
        database.close().await;
    }
}

#[tokio::test]
async fn every_driver_reads_why_it_is_refused_and_what_to_do() {
    let azure = Azure::new().await;
    azure
        .emulator
        .issuer()
        .set_default(azdb_emulator::Flaw::WrongAudience);
    for protocol in ProtocolName::ALL {
        let reception = azure.reception(protocol, DEFAULT_ROLE);
        let refused = Database::open(&reception, &anyone()).await.err().unwrap();
        assert!(
            refused.message.contains("azdb-proxy: no token"),
            "{refused:?}"
        );
        assert!(refused.code.is_some(), "{refused:?}");
        let remedy = refused.remedy().unwrap_or_default();
        assert!(remedy.contains("audience"), "{protocol}: {remedy}");
    }
}
