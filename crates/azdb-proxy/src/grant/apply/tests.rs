//! Scripts of every engine before a server that has been told its answers.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use azdb_config::route::ProtocolName;

use super::*;
use crate::grant::engine::{self, Level};
use crate::grant::tests::wanted;

const SID: &str = "0x3C1B1C7D652F524A8E373F1F0D6C9B01";

/// Answers to looks at the principal, in their order. To everything else it says "done".
#[derive(Default, Clone)]
struct Told {
    looks: Rc<RefCell<VecDeque<Vec<&'static str>>>>,
    heard: Rc<RefCell<Vec<String>>>,
    refuses: Option<&'static str>,
    /// Of what it shows of principals, where that is not as usual.
    columns: Option<[&'static str; 2]>,
}

impl Server for Told {
    type Session = Self;

    async fn open(&self, database: Option<&str>) -> Result<Self, Refusal> {
        self.heard.borrow_mut().push(format!("open {database:?}"));
        Ok(self.clone())
    }
}

impl Session for Told {
    async fn run(&mut self, sql: &str) -> Result<Rows, Refusal> {
        self.heard.borrow_mut().push(sql.to_owned());
        if self.refuses.is_some_and(|words| sql.contains(words)) {
            return Err(Refusal {
                code: Some("33134".to_owned()),
                message: "Principal 'orders-app' could not be resolved.".to_owned(),
                hint: None,
                route: None,
            });
        }
        let mut rows = Rows {
            columns: self
                .columns
                .unwrap_or(["name", "sid"])
                .map(str::to_owned)
                .to_vec(),
            rows: Vec::new(),
        };
        if sql.starts_with("select name, convert") {
            let row = self.looks.borrow_mut().pop_front().unwrap();
            let cells = row.into_iter().map(|cell| Some(cell.to_owned()));
            rows.rows
                .extend(Some(cells.collect::<Vec<_>>()).filter(|row| !row.is_empty()));
        }
        Ok(rows)
    }

    async fn close(self) {
        self.heard.borrow_mut().push("close".to_owned());
    }
}

/// Applies what is granted in SQL Server: what it says, and how it ends.
async fn applied(server: &Told) -> (String, Result<(), Unfit>) {
    let wanted = wanted("orders-app", "orders", Level::ReadOnly);
    let script = engine::of(ProtocolName::Tds).grant(&wanted).unwrap();
    let mut said = String::new();
    let mut say = |text: &str| said += &format!("{text}\n");
    let ended = apply(server, &script, "orders-app", &mut say).await;
    (said, ended)
}

fn looking(looks: &[&[&'static str]]) -> Told {
    let looks = looks.iter().map(|row| row.to_vec());
    Told {
        looks: Rc::new(RefCell::new(looks.collect())),
        ..Told::default()
    }
}

#[tokio::test]
async fn a_user_of_sql_server_is_made_in_one_session_of_its_database() {
    let server = looking(&[&[], &["orders-app", SID]]);
    let (said, ended) = applied(&server).await;
    ended.unwrap();
    let heard = server.heard.borrow();
    let kinds = heard
        .iter()
        .map(|sql| sql.split(' ').take(2).collect::<Vec<_>>().join(" "));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            "open Some(\"orders\")",
            "select name,",
            "if not",
            "select name,",
            "alter role",
            "select p.name,",
            "close"
        ]
    );
    assert!(
        heard
            .iter()
            .all(|sql| !sql.ends_with(';') && !sql.contains("\ngo")),
        "{heard:?}"
    );
    assert!(
        said.contains("from external provider;\ngo\n-- => made\n"),
        "{said}"
    );
    assert!(
        said.contains("add member [orders-app];\ngo\n-- => done\n"),
        "{said}"
    );
}

#[tokio::test]
async fn a_user_that_is_there_is_not_made_again() {
    let server = looking(&[&["orders-app", SID]]);
    let (said, ended) = applied(&server).await;
    ended.unwrap();
    assert!(said.contains("-- => it is there already\n"), "{said}");
    assert!(
        !server
            .heard
            .borrow()
            .iter()
            .any(|sql| sql.contains("create user"))
    );
}

/// An app that has been made anew has another client id, and its name is that of before.
#[tokio::test]
async fn somebody_elses_user_gets_nothing() {
    let server = looking(&[&["orders-app", "0x00\u{1b}[2J"]]);
    let (_, ended) = applied(&server).await;
    let refused = ended.unwrap_err();
    assert!(matches!(refused, Unfit::Another { .. }), "{refused}");
    assert!(refused.to_string().contains(SID), "{refused}");
    assert!(!refused.to_string().contains('\u{1b}'), "{refused}");
    assert!(
        !server
            .heard
            .borrow()
            .iter()
            .any(|sql| sql.starts_with("alter"))
    );
}

#[tokio::test]
async fn nothing_runs_behind_a_refusal() {
    let server = Told {
        refuses: Some("create user"),
        ..looking(&[&[]])
    };
    let (said, ended) = applied(&server).await;
    let refused = ended.unwrap_err().to_string();
    for words in [
        "could not be resolved. (33134)",
        "--by-id",
        "It was: if not exists",
    ] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    assert!(
        said.trim_end().ends_with("go"),
        "said before it runs: {said}"
    );
    assert!(
        !server
            .heard
            .borrow()
            .iter()
            .any(|sql| sql.starts_with("alter"))
    );
}

/// The name proves nothing where the id is not known, and whoever was made by it could not be told from whoever was there.
#[tokio::test]
async fn no_user_is_made_or_given_anything_where_its_id_is_not_known() {
    let mut wanted = wanted("orders-app", "orders", Level::ReadOnly);
    wanted.identity.client_id = None;
    let engine = engine::of(ProtocolName::Tds);
    let script = engine.grant(&wanted).unwrap();
    for looks in [
        &[&["orders-app", SID][..]][..],
        &[&[], &["orders-app", SID]],
    ] {
        let server = looking(looks);
        let refused = apply(&server, &script, "orders-app", &mut |_| ())
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("--client-id"), "{refused}");
        assert_eq!(*server.heard.borrow(), ["open Some(\"orders\")"]);
    }
    // Whoever means to apply it hears so before an administrator signs in.
    assert!(!engine.knows_enough(&wanted.identity, true));
    wanted.is_proved = true;
    let refused = engine.grant(&wanted).unwrap_err();
    assert!(
        matches!(refused, Unfit::Missing("--client-id")),
        "{refused}"
    );
}

#[tokio::test]
async fn no_principal_is_made_where_the_server_does_not_show_whose_they_are() {
    for columns in [["login", "sid"], ["name", "security_id"]] {
        let server = Told {
            columns: Some(columns),
            ..looking(&[&[], &["orders-app", SID]])
        };
        let (_, ended) = applied(&server).await;
        let refused = ended.unwrap_err();
        assert!(matches!(refused, Unfit::Unreadable { .. }), "{refused}");
        let heard = server.heard.borrow();
        assert!(
            !heard.iter().any(|sql| sql.contains("create user")),
            "{heard:?}"
        );
    }
}

/// What stands in other columns is said by whoever made them.
#[test]
fn a_principal_is_proved_by_the_column_of_its_id_alone() {
    let id = "c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02";
    let create = |name: &str| Create {
        sql: String::new(),
        look: String::new(),
        columns: (&["rolname", "rolename"], "objectid"),
        name: name.to_owned(),
        id: Some(id.to_owned()),
        is_known_by: str::eq_ignore_ascii_case,
        remedy: "",
    };
    let is_ours = |rows: &Rows, create: Create| is_ours(rows, &create, id);
    let rows = |row: [&str; 3]| Rows {
        columns: ["rolename", "principaltype", "objectId"]
            .map(str::to_owned)
            .to_vec(),
        rows: vec![row.map(|cell| Some(cell.to_owned())).to_vec()],
    };
    let other = "00000000-0000-0000-0000-000000000000";
    assert!(is_ours(&rows(["app", "service", id]), create("app")).unwrap());
    assert!(is_ours(&rows(["app", "service", &id.to_uppercase()]), create("app")).unwrap());
    // An id within something else is that of something else.
    for within in [format!("AADApp:{id}"), format!("other:{id}")] {
        assert!(is_ours(&rows(["app", "service", &within]), create("app")).is_err());
    }
    // A name with the id in it, and ids that are longer.
    let named_so = format!("app {id}");
    assert!(is_ours(&rows([&named_so, "service", other]), create(&named_so)).is_err());
    assert!(is_ours(&rows(["app", "service", &format!("{id}0")]), create("app")).is_err());
    // A role that is called as types are.
    assert!(!is_ours(&rows(["app", "service", other]), create("service")).unwrap());
    // A server that shows it elsewhere proves nothing.
    let mut odd = rows(["app", id, other]);
    odd.columns[2] = "oid".to_owned();
    assert!(is_ours(&odd, create("app")).is_err());
}

/// Terraform's provider for MySQL has seen these at Azure's servers of both ages.
#[test]
fn mysqls_notes_say_an_id_behind_the_kind_alone() {
    let script = engine::of(ProtocolName::Mysql)
        .grant(&wanted("app", "shop", Level::ReadOnly))
        .unwrap();
    let mut steps = script.parts.iter().flat_map(|part| &part.steps);
    let is_known_by = steps.find_map(|step| match step {
        Step::Create(create) => Some(create.is_known_by),
        _ => None,
    });
    let (is_known_by, id) = (is_known_by.unwrap(), "7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01");
    for note in [
        "AADApp:ID",
        "AADSP:ID:upn:app",
        "AADUser:ID:upn:a@b",
        "AADGroup:ID:upn:ID",
    ] {
        assert!(
            is_known_by(&note.replace("ID", &id.to_uppercase()), id),
            "{note}"
        );
    }
    for note in [
        "ID",
        "other:ID",
        "AADSP:0:upn:ID",
        "AADSP ID",
        "AADSP:ID0",
        "AADSP",
        "",
    ] {
        assert!(!is_known_by(&note.replace("ID", id), id), "{note}");
    }
}
