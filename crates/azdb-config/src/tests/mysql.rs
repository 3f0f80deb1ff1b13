//! Routes of MySQL.

use super::load;
#[cfg(unix)]
use crate::route::ListenAddr;
use crate::route::{LocalFiles, ProtocolName, Route};
use std::sync::Arc;

fn route(lines: &str) -> Result<Arc<Route>, String> {
    let text = format!(
        "[[route]]\nname = \"a\"\nprotocol = \"mysql\"\nupstream = \"shop.mysql.database.azure.com\"\n\
         upstream_user = \"u\"\n{lines}\n"
    );
    load(&text).map(|config| Arc::clone(&config.routes[0]))
}

#[test]
fn the_port_is_that_of_mysql_and_the_audience_that_of_both() {
    let route = route("").unwrap();
    assert_eq!(route.protocol, ProtocolName::Mysql);
    assert_eq!(
        route.upstream[0].to_string(),
        "shop.mysql.database.azure.com:3306"
    );
    let listen: Vec<String> = route.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:3306", "[::1]:3306"]);
    assert_eq!(route.local_files, LocalFiles::Allow);
}

#[test]
fn files_can_be_denied() {
    for (word, files) in [("allow", LocalFiles::Allow), ("deny", LocalFiles::Deny)] {
        let route = route(&format!("local_infile = \"{word}\"")).unwrap();
        assert_eq!(route.local_files, files);
    }
    assert_eq!(
        route("local_infile = \"no\"").unwrap_err(),
        "proxy.toml:6: route \"a\": local_infile: \"no\" is not one of allow, deny"
    );
}

#[cfg(unix)]
#[test]
fn a_directory_means_the_socket_that_clients_look_for() {
    let route = route("listen = \"unix:/run/azdb-proxy/\"").unwrap();
    assert_eq!(
        route.listen,
        [ListenAddr::Unix("/run/azdb-proxy/mysqld.sock".into())]
    );
}

#[test]
fn tls_from_the_first_byte_is_for_others() {
    for value in [true, false] {
        assert_eq!(
            route(&format!("upstream_tls_first = {value}")).unwrap_err(),
            "proxy.toml:6: route \"a\": upstream_tls_first: is for postgres and tds, and protocol is \"mysql\""
        );
    }
}
