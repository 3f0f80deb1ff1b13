//! Values on their way from and to the sample.

use rust_decimal::Decimal;

use super::datum::Datum;
use super::moment::Moment;
use super::sql_type::SqlType;
use crate::sample::{Fault, MAX_PRECISION, Type, Value};

impl Datum {
    /// A value of the sample, of a column of this type.
    pub(in crate::tds) fn of_sample(kind: Type, value: &Value) -> Result<Self, Fault> {
        let unfit = || Fault::Invalid(kind, value.shown());
        Ok(match (kind, kind.fit(value)?) {
            (_, Value::Null) => Self::Null,
            (_, Value::Bool(bit)) => Self::Bit(bit),
            (_, Value::Int(number)) => Self::Int(number),
            (_, Value::Decimal(number)) => Self::Decimal {
                units: number.mantissa(),
                scale: u8::try_from(number.scale()).map_err(|_| unfit())?,
            },
            (_, Value::Bytes(bytes)) => Self::Bytes(bytes),
            (Type::Timestamp, Value::Text(text)) => {
                Self::Moment(Moment::read(&text).ok_or_else(unfit)?)
            }
            (Type::Text(limit), Value::Text(text)) => {
                // Characters beyond the first 65536 are two of `nvarchar`'s.
                let units = text.encode_utf16().count();
                if limit.is_some_and(|limit| limit <= 4000 && units > limit as usize) {
                    return Err(unfit());
                }
                Self::Text(text)
            }
            (_, Value::Text(_)) => return Err(unfit()),
        })
    }

    /// As the sample has it, if it has such a type.
    pub(in crate::tds) fn to_sample(&self, kind: SqlType) -> Option<(Type, Value)> {
        let kind = match kind {
            SqlType::Bit => Type::Bool,
            SqlType::TinyInt | SqlType::SmallInt => Type::SmallInt,
            SqlType::Int => Type::Int,
            SqlType::BigInt => Type::BigInt,
            SqlType::Decimal(_, scale) if scale <= MAX_PRECISION => {
                Type::Numeric(MAX_PRECISION, scale)
            }
            SqlType::Money | SqlType::SmallMoney => Type::Numeric(MAX_PRECISION, 4),
            SqlType::SmallDateTime | SqlType::DateTime | SqlType::DateTime2(_) => Type::Timestamp,
            SqlType::Xml => return None,
            kind if kind.is_text() => Type::Text(None),
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Image => Type::Bytes(None),
            _ => return None,
        };
        let value = match self {
            Self::Null => Value::Null,
            Self::Bit(bit) => Value::Bool(*bit),
            Self::Int(number) => Value::Int(*number),
            Self::Decimal { units, scale } => {
                let scale = u32::from(*scale);
                Value::Decimal(Decimal::try_from_i128_with_scale(*units, scale).ok()?)
            }
            Self::Text(text) => Value::Text(text.clone()),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Self::Moment(moment) => Value::Text(moment.shortest_text()?),
            Self::Float(_) | Self::Guid(_) | Self::Variant(_) => return None,
        };
        Some((kind, value))
    }
}
