//! What translation costs: the same reader, the same proxy and the same answers, at 7.1 beside 7.4.

use super::measure::{CLIENTS, ROW, Stopwatch, float};
use super::reader::{Reader, Version};
use super::way::Way;
use tokio::task::JoinSet;

/// Bytes of a long value.
pub(super) const VALUE: usize = 100_000;

/// How much is done in one turn.
pub(super) struct Sizes {
    pub(super) rows: usize,
    pub(super) short_rows: usize,
    pub(super) values: usize,
    pub(super) selects: usize,
}

impl Sizes {
    pub(super) const FULL: Self = Self {
        rows: 40_000,
        short_rows: 1_000_000,
        values: 2_000,
        selects: 16_000,
    };
    pub(super) const QUICK: Self = Self {
        rows: 200,
        short_rows: 1_000,
        values: 4,
        selects: 80,
    };
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    RowsCpu,
    ShortCpu,
    ValuesCpu,
    SelectCpu,
    RowsRate,
    ShortRate,
    ValuesRate,
    SelectRate,
}

impl Figure {
    pub(super) const ALL: [Self; 8] = [
        Self::RowsCpu,
        Self::ShortCpu,
        Self::ValuesCpu,
        Self::SelectCpu,
        Self::RowsRate,
        Self::ShortRate,
        Self::ValuesRate,
        Self::SelectRate,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RowsCpu => "CPU, rows of one nvarchar(4000), s/GB",
            Self::ShortCpu => "CPU, rows of five values, two of them dates, s/million",
            Self::ValuesCpu => "CPU, rows of one nvarchar(max) of 100 kB, s/GB",
            Self::SelectCpu => "CPU, selects, 8 clients, s/100k",
            Self::RowsRate => "rows of one nvarchar(4000), MB/s",
            Self::ShortRate => "rows of five values, million/s",
            Self::ValuesRate => "rows of one nvarchar(max), MB/s",
            Self::SelectRate => "selects, 8 clients, 1/s",
        }
    }
}

/// Takes one turn at everything, as an app of this version.
pub(super) async fn all(
    way: &Way,
    version: Version,
    sizes: &Sizes,
) -> anyhow::Result<Vec<(Figure, f64)>> {
    let mut taken = Vec::new();
    let mut reader = Reader::connect(way, version).await?;
    let million = 1e6;
    let bytes = float(sizes.rows * ROW);
    let long = float(sizes.values * VALUE);
    let short = float(sizes.short_rows);
    for (items, rows, rate, cost) in [
        (
            "replicate(N'x', 4000)".to_owned(),
            sizes.rows,
            (Figure::RowsRate, bytes / million),
            (Figure::RowsCpu, bytes / 1e9),
        ),
        (
            "1 as id, N'salt and pepper' as name, 12.5 as price, cast('2026-03-02' as date) as since, \
             cast('2026-03-02 08:15:07.123' as datetime2(3)) as sold"
                .to_owned(),
            sizes.short_rows,
            (Figure::ShortRate, short / million),
            (Figure::ShortCpu, short / million),
        ),
        (
            format!("replicate(cast(N'x' as nvarchar(max)), {})", VALUE / 2),
            sizes.values,
            (Figure::ValuesRate, long / million),
            (Figure::ValuesCpu, long / 1e9),
        ),
    ] {
        let spent = Stopwatch::start(way)?;
        let sql = format!("select {items} from generate_series(1, {rows})");
        let read = reader.batch(&sql).await?;
        anyhow::ensure!(read == rows as u64, "{read} rows instead of {rows}");
        spent.stop(way, &mut taken, rate, cost)?;
    }
    drop(reader);
    selects(way, version, sizes, &mut taken).await?;
    Ok(taken)
}

async fn selects(
    way: &Way,
    version: Version,
    sizes: &Sizes,
    taken: &mut Vec<(Figure, f64)>,
) -> anyhow::Result<()> {
    let mut readers = Vec::new();
    for _ in 0..CLIENTS {
        readers.push(Reader::connect(way, version).await?);
    }
    let spent = Stopwatch::start(way)?;
    let mut working = JoinSet::new();
    let each = sizes.selects / CLIENTS;
    for mut reader in readers {
        working.spawn(async move {
            for _ in 0..each {
                reader.select().await?;
            }
            anyhow::Ok(reader)
        });
    }
    // Sessions end after the clock has stopped.
    let mut done = Vec::new();
    while let Some(reader) = working.join_next().await {
        done.push(reader??);
    }
    let selects = float(each * CLIENTS);
    spent.stop(
        way,
        taken,
        (Figure::SelectRate, selects),
        (Figure::SelectCpu, selects / 1e5),
    )
}
