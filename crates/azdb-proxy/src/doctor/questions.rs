//! What is asked of a database that has let us in.

use std::time::{Duration, Instant};

use azdb_config::route::ProtocolName;
use azdb_quote::OneLine;

use super::Way;
use super::finding::{Finding, Findings, Step};
use super::way::{refusal_in_words, within};
use crate::database::{Database, Refusal, Rows};

/// What each kind of server is asked about who one is and what one may do.
struct Questions {
    who: &'static str,
    rights: &'static str,
    /// Before the rows of `rights`.
    lead: &'static str,
}

const POSTGRES: Questions = Questions {
    who: "select current_user as \"user\", current_database() as \"database\", split_part(version(), ',', 1) as \"server\"",
    rights: "\
select case when rolsuper then 'everything: a superuser'
  else case when has_database_privilege(current_database(), 'create') then 'may make schemas; ' else '' end
    || (select count(*) filter (where has_table_privilege(c.oid, 'select')) || ' of ' || count(*) || ' tables to read, '
          || count(*) filter (where has_table_privilege(c.oid, 'insert,update,delete')) || ' to write'
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema')
  end as may
from pg_catalog.pg_roles where rolname = current_user",
    lead: "",
};

const MYSQL: Questions = Questions {
    who: "select current_user() as `user`, database() as `database`, version() as `server`",
    rights: "show grants",
    lead: "",
};

const TDS: Questions = Questions {
    who: "select suser_sname() as [user], db_name() as [database]",
    rights: "\
select r.name from sys.database_role_members m
  join sys.database_principals r on r.principal_id = m.role_principal_id
 where m.member_principal_id = database_principal_id()",
    lead: "member of ",
};

/// Most characters of what a server tells.
const MOST: usize = 240;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks a first question, who we are, and what we may do.
pub(super) async fn ask(way: &Way, database: &mut Database, findings: &mut Findings) {
    let began = Instant::now();
    match within(LIMIT, database.run("select 1")).await {
        Ok(_) => findings.add(Finding::good(Step::Query, "select 1").took(Some(began.elapsed()))),
        Err(refusal) => {
            let said = format!("select 1: {}", refusal_in_words(&refusal));
            findings.add(Finding::bad(Step::Query, said).remedy(refusal.remedy()));
            return;
        }
    }
    let questions = match way.route.protocol {
        ProtocolName::Postgres => POSTGRES,
        ProtocolName::Mysql => MYSQL,
        ProtocolName::Tds => TDS,
    };
    let mut said = match within(LIMIT, database.run(questions.who)).await {
        Ok(rows) => who(&rows),
        Err(refusal) => format!("not told who we are ({})", words(&refusal)),
    };
    let (verdict, rights): (fn(Step, String) -> Finding, _) =
        match within(LIMIT, database.run(questions.rights)).await {
            Ok(rows) if rows.rows.is_empty() => (Finding::good, "in no role".to_owned()),
            Ok(rows) => (
                Finding::good,
                format!("{}{}", questions.lead, listed(&rows)),
            ),
            Err(refusal) => {
                let said = format!("not told what we may do ({})", words(&refusal));
                (Finding::doubtful, said)
            }
        };
    said.push_str("; ");
    said.push_str(&rights);
    findings.add(verdict(Step::Rights, said));
}

/// `user orders-app, database orders, server PostgreSQL 16.4`.
fn who(rows: &Rows) -> String {
    let cells = rows
        .columns
        .iter()
        .zip(rows.rows.first().into_iter().flatten());
    let pairs = cells.filter_map(|(name, cell)| {
        let (name, cell) = (OneLine(name), OneLine(cell.as_ref()?));
        Some(format!("{name} {cell}"))
    });
    cut(pairs.collect::<Vec<_>>().join(", "))
}

/// The first column, on one line.
fn listed(rows: &Rows) -> String {
    let cells = rows.rows.iter().filter_map(|row| row.first()?.as_deref());
    let whole = OneLine(cells.collect::<Vec<_>>().join("; ")).to_string();
    cut(whole)
}

/// What a server says that does not know the question: nobody is kept out by that.
fn words(refusal: &Refusal) -> String {
    cut_to(90, refusal.message.clone())
}

fn cut(whole: String) -> String {
    cut_to(MOST, whole)
}

fn cut_to(most: usize, whole: String) -> String {
    match whole.char_indices().nth(most) {
        Some((at, _)) => format!("{} ...", whole.get(..at).unwrap_or_default()),
        None => whole,
    }
}
