//! Apps at a door where another protocol is spoken: one line that says where theirs is.

use azdb_tests::{AzureSql, Emulated, Program, Ran, RawApp, client_config, closed_port};

/// libpq, which asks for TLS first, or begins at once.
fn psql(port: u16, sslmode: &str) -> Ran {
    let told = format!("host=127.0.0.1 port={port} user=anyone dbname=orders sslmode={sslmode}");
    Program::new("psql")
        .args(["-X", "-c", "select 1", &told])
        .run()
}

/// FreeTDS, whose versions begin in three ways.
fn tsql(port: u16, version: &str) -> Ran {
    let port = port.to_string();
    Program::new("tsql")
        .args(["-H", "127.0.0.1", "-p", &port, "-U", "anyone", "-P", "x"])
        .env("TDSVER", version)
        .run()
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_freetds)),
    ignore = "no psql or no FreeTDS: see scripts/test"
)]
fn an_app_at_a_door_of_another_protocol_is_told_of_with_its_own_door() {
    let emulated = Emulated::new();
    let tds = emulated.azure.tds().address().port();
    let [postgres, mysql, stock] = [(); 3].map(|()| closed_port());
    let at = |route: String, name: &str, port: u16| {
        route
            .replace("name = \"orders\"", &format!("name = {name:?}"))
            .replace("127.0.0.1:0", &format!("127.0.0.1:{port}"))
    };
    let of_tds = format!(
        "[[route]]\nname = \"orders\"\nprotocol = \"tds\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{tds}\"\n\
         connect_to = \"127.0.0.1:{tds}\"\nupstream_ca_file = {:?}\n",
        emulated.ca_file()
    );
    let routes = [
        at(emulated.route(), "orders", postgres),
        at(emulated.mysql_route(), "shop", mysql),
        at(of_tds, "stock", stock),
    ];
    let proxy = emulated.start(&routes.concat()).start();
    for (ran, app, door, right) in [
        (psql(stock, "prefer"), "PostgreSQL", "SQL Server", postgres),
        (psql(mysql, "prefer"), "PostgreSQL", "MySQL", postgres),
        (tsql(postgres, "7.4"), "SQL Server", "PostgreSQL", stock),
        (tsql(mysql, "7.4"), "SQL Server", "MySQL", stock),
    ] {
        let _ = ran.failed();
        let line = proxy.log_until(&format!("no login: an app of {app}, at a door of {door}"));
        assert!(line.contains("WARN"), "{line}");
        let remedy = format!("connect it to 127.0.0.1:{right}, where {app} is spoken");
        assert!(line.contains(&remedy), "{line}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_freetds)),
    ignore = "no psql or no FreeTDS: see scripts/test"
)]
fn where_no_route_speaks_it_that_is_said_however_the_app_begins() {
    for sslmode in ["prefer", "disable"] {
        let proxy = AzureSql::new().proxy();
        let _ = psql(proxy.address().port(), sslmode).failed();
        let line = proxy.log_until("an app of PostgreSQL, at a door of SQL Server");
        assert!(
            line.contains("no route here has protocol = \\\"postgres\\\""),
            "{line}"
        );
    }
    for version in ["4.2", "5.0", "7.0", "7.1"] {
        let proxy = Emulated::new().proxy();
        let _ = tsql(proxy.address().port(), version);
        let line = proxy.log_until("an app of SQL Server, at a door of PostgreSQL");
        assert!(
            line.contains("no route here has protocol = \\\"tds\\\""),
            "{line}"
        );
    }
}

/// From the first byte in TLS, as libpq with `sslnegotiation=direct` and drivers of TDS 8.0 come.
#[test]
fn an_app_that_names_its_protocol_in_tls_is_known_by_that() {
    const ALPN: [(&[u8], &str); 2] = [(b"postgresql", "PostgreSQL"), (b"tds/8.0", "SQL Server")];
    let (emulated, sql) = (Emulated::new(), AzureSql::new());
    let ca = std::fs::read_to_string(emulated.ca_file()).unwrap();
    for more in ["", "local_tls = \"off\"\n"] {
        for (route, own, door) in [
            (emulated.route(), "PostgreSQL", "PostgreSQL"),
            (emulated.mysql_route(), "", "MySQL"),
            (sql.route(), "SQL Server", "SQL Server"),
        ] {
            let proxy = emulated.start(&format!("{route}{more}")).start();
            for (alpn, app) in ALPN.into_iter().filter(|(_, app)| *app != own) {
                let hello = RawApp::connect(proxy.address());
                let _ = hello.tls(client_config(&ca, &[alpn]));
                let line = format!("no login: an app of {app}, at a door of {door}");
                proxy.log_until(&line);
            }
        }
    }
}
