//! Any request of an app of 7.0 or 7.1.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_types::{Seed, any_name, any_old_kind, any_seed};
use super::request::{Call, End, Parameter, Procedure, Request, Sent};
use super::server::Column;
use super::types::{Kind, Place, Value};

/// Types that only the oldest apps write: char, varchar, binary and varbinary of one byte of length, decimal without an N.
fn any_oldest_kind() -> impl Strategy<Value = Kind> {
    let short = select(&[0x25u8, 0x27, 0x2d, 0x2f][..]);
    let short = short.prop_map(|tag| Kind::Len8 { tag, max: 255 });
    let decimal = select(&[0x37u8, 0x3f][..]).prop_map(|tag| Kind::Decimal {
        tag,
        max: 9,
        precision: 18,
        scale: 2,
    });
    prop_oneof![short, decimal]
}

fn any_parameter() -> impl Strategy<Value = Parameter> {
    let kind = prop_oneof![9 => any_old_kind(), 1 => any_oldest_kind()];
    // A name of 128 units would read as a separator; 127 is the longest.
    let name = prop_oneof![9 => any_name(), 1 => "[a-z@]{127}"];
    (name, 0..4u8, kind, any_seed()).prop_map(|(name, status, kind, seed)| Parameter {
        name,
        status,
        value: old_value(&seed, &kind, Place::ReturnValue),
        // Where a table's name would stand in a result.
        kind: kind.of_parameter(),
    })
}

/// Who writes 7.1 has no dates in variants.
fn old_value(seed: &Seed, kind: &Kind, place: Place) -> Value {
    match seed.value(kind, place) {
        Value::VariantMoment(_) => Value::Null,
        same => same,
    }
}

fn any_call() -> impl Strategy<Value = Call> {
    let procedure = prop_oneof![
        any_name().prop_map(Procedure::Named),
        (0..20u16).prop_map(Procedure::Numbered),
    ];
    (procedure, 0..4u16, vec(any_parameter(), 0..5)).prop_map(|(procedure, options, parameters)| {
        Call {
            procedure,
            options,
            parameters,
        }
    })
}

fn any_bulk_column() -> impl Strategy<Value = Column> {
    (
        any::<u16>(),
        any::<u16>(),
        any_old_kind(),
        any_name(),
        any_name(),
    )
        .prop_map(|(user_type, flags, kind, name, table)| Column {
            user_type: user_type.into(),
            flags,
            kind: match kind {
                Kind::Long {
                    tag,
                    max,
                    collation,
                    ..
                } => Kind::Long {
                    tag,
                    max,
                    collation,
                    table: [table].to_vec(),
                },
                same => same,
            },
            name,
        })
}

fn any_bulk() -> impl Strategy<Value = Request> {
    (
        vec(any_bulk_column(), 1..6),
        vec(vec(any_seed(), 6), 0..6),
        any::<(u16, u16, u32)>(),
    )
        .prop_map(|(columns, rows, (status, command, count))| Request::Bulk {
            rows: rows
                .iter()
                .map(|row| {
                    let cells = columns.iter().zip(row);
                    cells
                        .map(|(it, seed)| old_value(seed, &it.kind, Place::Row))
                        .collect()
                })
                .collect(),
            columns,
            status,
            command,
            count: count.into(),
        })
}

pub(super) fn any_request() -> impl Strategy<Value = Request> {
    let batch = prop_oneof![".{1,40}", "[a-z ]{1,3000}"].prop_map(Request::Batch);
    let calls = (vec(any_call(), 1..4), proptest::bool::weighted(0.1));
    let calls = calls.prop_map(|(calls, is_trailing)| Request::Calls { calls, is_trailing });
    let manager = (0..2u16, vec(any::<u8>(), 0..60));
    prop_oneof![
        3 => batch,
        6 => calls,
        1 => manager.prop_map(|(number, body)| Request::Manager { number, body }),
        3 => any_bulk(),
        1 => vec(any::<u8>(), 1..90).prop_map(Request::Sspi),
    ]
}

pub(super) fn any_sent() -> impl Strategy<Value = Sent> {
    let reset = prop_oneof![8 => Just(0u8), 2 => Just(8u8), 1 => Just(0x10)];
    let end = prop_oneof![
        6 => Just(End::Whole),
        1 => (0..2000usize).prop_map(End::Ignored),
        1 => (0..6usize).prop_map(End::Stopped),
    ];
    (any_request(), reset, end).prop_map(|(request, reset, end)| Sent {
        request,
        reset,
        end,
    })
}
