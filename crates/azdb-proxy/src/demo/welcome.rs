//! What the demo prints: what there is, and what to type.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::Path;

use super::databases::Databases;

/// The width of a terminal that nobody has made wider.
const WIDTH: usize = 80;

/// A protocol's way through the demo.
pub(super) struct Way {
    /// Where azdb-proxy listens.
    pub(super) proxy: SocketAddr,
    /// Where the emulated Azure listens.
    pub(super) azure: SocketAddr,
}

/// The text.
pub(super) struct Welcome<'a> {
    pub(super) identity: SocketAddr,
    pub(super) postgres: Way,
    pub(super) mysql: Way,
    pub(super) tds: Way,
    pub(super) databases: &'a Databases,
    /// What to trust, to trust the proxy's certificate.
    pub(super) ca_file: &'a Path,
    /// The programs on the path among `psql`, `mysql`, `mariadb`, `sqlcmd` and `tsql`.
    pub(super) has: fn(&str) -> bool,
}

impl Display for Welcome<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("An emulated Azure, and azdb-proxy before it. Ctrl-C ends both.\n\n")?;
        self.map(f)?;
        f.write_str(
            "\nThe proxy lets in anyone with any password, or none, and logs in to that Azure\n\
             with tokens: nothing else opens it. Type this in another terminal:\n\n",
        )?;
        self.commands(f)?;
        write!(
            f,
            "\nA client that verifies TLS trusts the demo's own authority:\n\n\
             \x20 psql \"host=127.0.0.1{port} user=anyone dbname=orders sslmode=verify-full\n\
             \x20       sslrootcert={ca}\"\n\n\
             Ctrl-C, or SIGTERM, ends the demo and removes all its data.\n",
            ca = self.ca_file.display(),
            port = option(&self.postgres, 5432, " port="),
        )
    }
}

impl Welcome<'_> {
    /// Who listens where, and for what.
    fn map(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Databases {
            postgres,
            mysql,
            tds,
        } = self.databases;
        let mut row = |name: &str, proxy: &str, azure: &str, behind: &str| {
            writeln!(
                f,
                "{}",
                format!("  {name:<12}{proxy:<18}{azure:<18}{behind}").trim_end()
            )
        };
        row("", "azdb-proxy", "emulated Azure", "database behind")?;
        for (name, way, database) in [
            ("PostgreSQL", &self.postgres, postgres),
            ("MySQL", &self.mysql, mysql),
            ("SQL Server", &self.tds, tds),
        ] {
            row(
                name,
                &way.proxy.to_string(),
                &way.azure.to_string(),
                database.name(),
            )?;
        }
        row("identity", "", &self.identity.to_string(), "")?;
        for (name, database) in [("PostgreSQL", postgres), ("MySQL", mysql)] {
            if let Some(why) = &database.why {
                wrapped(f, &format!("{name} is a sample: {why}"))?;
            }
        }
        Ok(())
    }

    /// One line for each protocol, of a program that is here.
    fn commands(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mysql = if (self.has)("mariadb") && !(self.has)("mysql") {
            "mariadb"
        } else {
            "mysql"
        };
        writeln!(
            f,
            "  psql -h 127.0.0.1{} -U anyone orders -c 'select * from products'",
            option(&self.postgres, 5432, " -p ")
        )?;
        writeln!(
            f,
            "  {mysql} -h 127.0.0.1{} -u anyone orders -e 'select * from products'",
            option(&self.mysql, 3306, " -P ")
        )?;
        let port = self.tds.proxy.port();
        if (self.has)("tsql") && !(self.has)("sqlcmd") {
            writeln!(
                f,
                "  tsql -H 127.0.0.1 -p {port} -U anyone -P any  # then SQL, and: go"
            )
        } else {
            writeln!(
                f,
                "  sqlcmd -S 127.0.0.1,{port} -U anyone -P any -No -Q 'select * from products'"
            )
        }
    }
}

/// Writes a text of many words in lines of their own.
fn wrapped(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let mut line = " ".to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() >= WIDTH {
            writeln!(f, "{line}")?;
            line = "   ".to_owned();
        }
        line += " ";
        line += word;
    }
    writeln!(f, "{line}")
}

/// How a client is told the port, when it is not the one that it takes by itself.
fn option(way: &Way, usual: u16, words: &str) -> String {
    match way.proxy.port() {
        port if port == usual => String::new(),
        port => format!("{words}{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(port: u16) -> Way {
        Way {
            proxy: ([127, 0, 0, 1], port).into(),
            azure: ([127, 0, 0, 1], 40_000).into(),
        }
    }

    fn text(ports: [u16; 3], has: fn(&str) -> bool) -> String {
        let [postgres, mysql, tds] = ports.map(way);
        let mut databases = Databases::default();
        databases.postgres.why = Some(format!("it did not start: {}", "reason ".repeat(30)));
        let welcome = Welcome {
            identity: ([127, 0, 0, 1], 40_000).into(),
            postgres,
            mysql,
            tds,
            databases: &databases,
            ca_file: Path::new("/tmp/azdb-demo-AbCdEf/ca.pem"),
            has,
        };
        welcome.to_string()
    }

    #[test]
    fn no_line_is_longer_than_a_terminal_is_wide() {
        for ports in [[5432, 3306, 1433], [65_535; 3]] {
            for has in [|_: &str| true, |_: &str| false, |name: &str| name == "tsql"] {
                for line in text(ports, has).lines() {
                    assert!(line.chars().count() <= WIDTH, "{line}");
                }
            }
        }
    }

    #[test]
    fn what_to_type_is_what_is_installed() {
        let text = |has| text([5432, 3306, 1433], has);
        let neither = text(|_| false);
        assert!(
            neither.contains("  mysql -h") && neither.contains("  sqlcmd -S"),
            "{neither}"
        );
        let others = text(|name| ["mariadb", "tsql"].contains(&name));
        assert!(
            others.contains("  mariadb -h") && others.contains("  tsql -H"),
            "{others}"
        );
    }

    #[test]
    fn a_port_is_told_where_it_is_not_the_usual_one() {
        let text = text([15_432, 13_306, 1433], |_| true);
        assert!(text.contains("psql -h 127.0.0.1 -p 15432 "), "{text}");
        assert!(text.contains("mysql -h 127.0.0.1 -P 13306 "), "{text}");
        assert!(text.contains("host=127.0.0.1 port=15432 "), "{text}");
    }
}
