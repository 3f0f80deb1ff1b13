//! tiberius.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tiberius::error::Error;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem, Row};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

use super::rows::Coming;
use super::{As, Driver, PROGRAM, Refusal, Rows, Stream};

/// A session.
pub(super) struct Session(Client<Compat<Box<dyn Stream>>>);

impl Session {
    pub(super) async fn open(stream: Box<dyn Stream>, who: &As) -> Result<Self, Refusal> {
        let mut config = Config::new();
        config.application_name(PROGRAM);
        config.encryption(EncryptionLevel::NotSupported);
        let password = who.password.as_deref().unwrap_or("any");
        config.authentication(AuthMethod::sql_server(&who.user, password));
        if let Some(database) = &who.database {
            config.database(database);
        }
        // The route has clocks of its own.
        config.handshake_timeout(None);
        config.command_timeout(None);
        let client = Client::connect(config, stream.compat()).await;
        client.map(Self).map_err(|error| refusal(&error))
    }
}

#[async_trait]
impl Driver for Session {
    async fn run(&mut self, sql: &str) -> Result<Rows, Refusal> {
        let answer = self.0.simple_query(sql).await;
        let mut answer = answer.map_err(|error| refusal(&error))?;
        let mut rows = Coming::default();
        while let Some(item) = answer.next().await {
            match item.map_err(|error| refusal(&error))? {
                QueryItem::Metadata(metadata) => {
                    let columns = metadata.columns().iter();
                    rows = Coming::of(columns.map(|column| column.name().to_owned()).collect());
                }
                QueryItem::Row(row) => rows.push(cells(&row)?)?,
            }
        }
        Ok(rows.rows)
    }

    async fn close(self: Box<Self>) {
        let _ = self.0.close().await;
    }
}

fn cells(row: &Row) -> Result<Vec<Option<String>>, Refusal> {
    let cell = |(column, data): (&tiberius::Column, &ColumnData<'static>)| {
        text(data).ok_or_else(|| {
            let name = column.name();
            Refusal::because(format_args!("column `{name}` is neither text nor number"))
        })
    };
    row.cells().map(cell).collect()
}

/// `None` for what nobody has asked for yet: a query converts it to nvarchar.
fn text(data: &ColumnData<'static>) -> Option<Option<String>> {
    Some(match data {
        ColumnData::U8(number) => number.map(|number| number.to_string()),
        ColumnData::I16(number) => number.map(|number| number.to_string()),
        ColumnData::I32(number) => number.map(|number| number.to_string()),
        ColumnData::I64(number) => number.map(|number| number.to_string()),
        ColumnData::F32(number) => number.map(|number| number.to_string()),
        ColumnData::F64(number) => number.map(|number| number.to_string()),
        ColumnData::Bit(bit) => bit.map(|bit| u8::from(bit).to_string()),
        ColumnData::String(text) => text.as_ref().map(ToString::to_string),
        ColumnData::Guid(id) => id.map(|id| id.to_string()),
        ColumnData::Numeric(number) => number.map(|number| number.to_string()),
        _ => return None,
    })
}

fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Server(said) => Refusal::answered(said.code(), said.message(), None),
        other => Refusal::of_driver(other),
    }
}
