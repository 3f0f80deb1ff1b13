//! The door before a server: this crate's own sample in its development mode, because SQL Server
//! cannot be had.

use azdb_emulator::{Emulator, EmulatorOptions, Principal, TdsOptions};

use super::client::{Azure, Client, Login, has, told};
use super::sample::log_in;

/// A door as strict as Azure, before a server that takes `sa` and this password.
pub(super) async fn door(password: &str) -> (Emulator, Emulator) {
    let behind = EmulatorOptions {
        tds: TdsOptions::development("sa", "The real 1 password"),
        ..EmulatorOptions::default()
    };
    let behind = Emulator::start(behind).await.unwrap();
    let url = format!("sqlserver://sa:{password}@{}", behind.tds().address());
    let mut options = EmulatorOptions::default();
    options.tds.behind = Some(url.parse().unwrap());
    (Emulator::start(options).await.unwrap(), behind)
}

pub(super) const PASSWORD: &str = "The%20real%201%20password";

#[tokio::test(flavor = "multi_thread")]
async fn principal_with_a_database_role_is_logged_in_as_that() {
    let (door, behind) = door(PASSWORD).await;
    let mut options = EmulatorOptions::default();
    let principal = Principal::of(&options.identities[0]).behind_as("reporting");
    options.principals = vec![principal];
    options.tds.behind = Some(
        format!("tds://sa:x@{}", behind.tds().address())
            .parse()
            .unwrap(),
    );
    drop(door);
    let door = Emulator::start(options).await.unwrap();
    let refused = log_in(&door).await.err().unwrap().to_string();
    assert!(
        refused.contains("refused the login of `reporting`"),
        "{refused}"
    );
    assert_eq!(behind.tds().logins()[0].user, "reporting");
}

#[tokio::test(flavor = "multi_thread")]
async fn app_reads_what_is_wrong_with_the_server_behind() {
    let (refusing, behind) = door("wrong").await;
    let refused = log_in(&refusing).await.err().unwrap();
    assert_eq!(refused.code(), Some(18456));
    let text = refused.to_string();
    assert!(
        text.contains("azdb-emulator: the server behind ("),
        "{text}"
    );
    assert!(text.contains("Login failed for user 'sa'."), "{text}");
    behind.shutdown().await;
    let unreachable = log_in(&refusing).await.err().unwrap();
    assert_eq!(unreachable.code(), Some(40613));
    assert!(
        unreachable.to_string().contains("cannot be reached"),
        "{unreachable}"
    );
}

#[test]
fn strict_app_and_one_of_7_4_read_their_own_versions() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (door, _behind) = runtime.block_on(door(PASSWORD));
    let azure = Azure::of(door, runtime);
    for version in [0x7400_0004_u32, 0x0800_0000] {
        let mut login = Login::good(azure.token());
        login.version = version;
        let mut client = Client::encrypted(&azure);
        let response = client.log_in(&login).unwrap();
        let [a, b, c, d] = version.to_be_bytes();
        assert!(
            has(&response, &[1, a, b, c, d]),
            "LOGINACK: {response:02x?}"
        );
        assert!(has(&response, &[0xae, 2, 0, 0, 0, 0, 0xff]), "FEDAUTH");
        assert!(has(&client.ask("select 1").unwrap(), &[0xd1, 1, 0, 0, 0]));
    }
    let mut client = Client::encrypted(&azure);
    let login = Login::good("a.b.c".to_owned());
    let (number, text) = told(&client.log_in(&login).unwrap());
    assert_eq!((number, text.contains("behind")), (18456, false), "{text}");
}
