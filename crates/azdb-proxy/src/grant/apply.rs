//! `--apply`: a script, statement by statement, each with what came of it.
//!
//! # Invariants
//!
//! * Nothing runs before it has been said, nor behind a statement that was refused.
//! * A principal that is there already and is somebody else's is left alone, and gets nothing.
//! * None is made of which it could not be told afterwards whose it is.
//! * What has been applied may be applied again, and changes nothing.

use azdb_quote::OneLine;

use super::script::{Create, Part, Script, Step, remark};
use super::unfit::Unfit;
use crate::database::{Database, Refusal, Rows};

/// Who runs statements.
pub(super) trait Session {
    /// Runs one.
    async fn run(&mut self, sql: &str) -> Result<Rows, Refusal>;

    /// Says goodbye.
    async fn close(self);
}

impl Session for Database {
    async fn run(&mut self, sql: &str) -> Result<Rows, Refusal> {
        Self::run(self, sql).await
    }

    async fn close(self) {
        Self::close(self).await;
    }
}

/// Who opens sessions as the administrator.
pub(super) trait Server {
    /// What is opened.
    type Session: Session;

    /// Opens one, in this database where it matters.
    async fn open(&self, database: Option<&str>) -> Result<Self::Session, Refusal>;
}

/// Runs a script. `say` hears each statement, and what came of it.
pub(super) async fn apply<S: Server>(
    server: &S,
    script: &Script,
    principal: &str,
    say: &mut impl FnMut(&str),
) -> Result<(), Unfit> {
    let mut open: Option<(Option<String>, S::Session)> = None;
    for part in &script.parts {
        let database = part.database.name.as_ref();
        let session = match open.take() {
            Some((there, session)) if there.as_ref() == database => session,
            before => {
                if let Some((_, session)) = before {
                    session.close().await;
                }
                let opened = server.open(database.map(String::as_str)).await;
                opened.map_err(Unfit::NoWayIn)?
            }
        };
        let (_, session) = open.insert((database.cloned(), session));
        run(session, part, (script.end, principal), say).await?;
    }
    if let Some((_, session)) = open {
        session.close().await;
    }
    Ok(())
}

async fn run(
    session: &mut impl Session,
    part: &Part,
    (end, principal): (&str, &str),
    say: &mut impl FnMut(&str),
) -> Result<(), Unfit> {
    say(&remarks(&format!("\n{}", part.title)));
    for step in &part.steps {
        let (Step::Run(sql) | Step::Look(sql) | Step::Create(Create { sql, .. })) = step else {
            continue;
        };
        say(&format!("{sql}{end}"));
        let outcome = match step {
            Step::Create(create) => made(session, create).await?.to_owned(),
            Step::Look(_) => shown(&asked(session, sql).await?, principal),
            _ => {
                asked(session, sql).await?;
                "done".to_owned()
            }
        };
        say(&remarks(&format!("=> {outcome}")));
    }
    Ok(())
}

async fn asked(session: &mut impl Session, sql: &str) -> Result<Rows, Unfit> {
    let asked = session.run(sql).await;
    asked.map_err(|refusal| Unfit::Refused {
        sql: sql.to_owned(),
        refusal,
    })
}

/// Makes the principal, unless it is there. Says which of both.
async fn made(session: &mut impl Session, create: &Create) -> Result<&'static str, Unfit> {
    let unproved = || Unfit::Unproved(create.name.clone());
    let id = create.id.as_deref().ok_or_else(unproved)?;
    if is_ours(&asked(session, &create.look).await?, create, id)? {
        return Ok("it is there already");
    }
    asked(session, &create.sql).await?;
    if is_ours(&asked(session, &create.look).await?, create, id)? {
        Ok("made")
    } else {
        // There was one, which is not shown, because no identity has it.
        Err(another(create, id, "no identity"))
    }
}

/// Whether the principal is there; an error if it is not that of the identity, or if nobody can tell.
fn is_ours(rows: &Rows, create: &Create, id: &str) -> Result<bool, Unfit> {
    let (names, id_column) = create.columns;
    let column = |wanted: &[&str]| {
        let mut columns = rows.columns.iter();
        let at = columns.position(|column| {
            let mut wanted = wanted.iter();
            wanted.any(|wanted| column.eq_ignore_ascii_case(wanted))
        });
        at.ok_or_else(|| Unfit::Unreadable {
            wanted: wanted.join(" or "),
            shown: OneLine(rows.columns.join(", ")).to_string(),
        })
    };
    let (name_at, id_at) = (column(names)?, column(&[id_column])?);
    let cell = |row: &[Option<String>], at: usize| row.get(at).cloned().flatten();
    let is_named = |row: &&Vec<Option<String>>| cell(row, name_at).as_ref() == Some(&create.name);
    let Some(row) = rows.rows.iter().find(is_named) else {
        return Ok(false);
    };
    match (create.is_known_by)(&cell(row, id_at).unwrap_or_default(), id) {
        true => Ok(true),
        false => Err(another(create, id, &line(row))),
    }
}

fn another(create: &Create, id: &str, whose: &str) -> Unfit {
    Unfit::Another {
        name: create.name.clone(),
        id: id.to_owned(),
        whose: whose.to_owned(),
        remedy: create.remedy,
    }
}

/// Rows for a person: where some are about the principal, those.
fn shown(rows: &Rows, principal: &str) -> String {
    let is_about = |row: &&Vec<Option<String>>| row.iter().flatten().any(|cell| cell == principal);
    let mut about: Vec<_> = rows.rows.iter().filter(is_about).collect();
    if about.is_empty() {
        about = rows.rows.iter().collect();
    }
    if about.is_empty() {
        return "nothing".to_owned();
    }
    let columns = rows.columns.join(" | ");
    let mut lines = vec![OneLine(columns).to_string()];
    lines.extend(about.into_iter().map(|row| line(row)));
    lines.join("\n   ")
}

fn line(row: &[Option<String>]) -> String {
    let cells = row.iter().map(|cell| cell.as_deref().unwrap_or("null"));
    let cells = cells.map(|cell| OneLine(cell).to_string());
    cells.collect::<Vec<_>>().join(" | ")
}

fn remarks(text: &str) -> String {
    let mut remarks = String::new();
    let _ = remark(&mut remarks, text);
    remarks.truncate(remarks.trim_end().len());
    remarks
}

#[cfg(test)]
mod tests;
