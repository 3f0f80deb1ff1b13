//! Which Azure: one that is known by a word, or one whose names are written out.

use std::sync::Arc;

use azdb_identity::{Cloud, OwnCloud};

use super::keys::{of_cloud as keys, of_identity};
use super::names::did_you_mean;
use super::problems::{Checked, Written};
use super::section::Section;
use super::value::Value;

/// The clouds that are known.
pub(super) const CLOUDS: [Cloud; 3] = [Cloud::Public, Cloud::UsGovernment, Cloud::China];

/// The words for them, in the same order.
pub(super) const CLOUD_NAMES: [&str; 3] = ["public", "us-government", "china"];

/// The word for a cloud.
pub(super) fn cloud_name(cloud: &Cloud) -> &'static str {
    match cloud {
        Cloud::Public => "public",
        Cloud::UsGovernment => "us-government",
        Cloud::China => "china",
        Cloud::Own(_) => "the one that is written out",
    }
}

/// The cloud of an identity's section, if it has one.
pub(super) fn read(section: &mut Section<'_>) -> Checked<Option<Cloud>> {
    let key = of_identity::CLOUD.about.name;
    let Some(Written { value, spot }) = section.read(&of_identity::CLOUD)? else {
        return Ok(None);
    };
    if let Value::Table(value) = value {
        let section = section.nested(&keys::TABLE, Written { value, spot });
        return own(section).map(|own| Some(Cloud::Own(Arc::new(own))));
    }
    let word = section.as_text(key, Written { value, spot })?;
    match CLOUDS
        .into_iter()
        .find(|cloud| cloud_name(cloud) == word.value)
    {
        Some(cloud) => Ok(Some(cloud)),
        None => {
            let hint = did_you_mean(&word.value, CLOUD_NAMES);
            let problem = format!(
                "{:?} is not one of {}{hint}",
                word.value,
                CLOUD_NAMES.join(", ")
            );
            Err(section.refuse(&word.spot, key, problem))
        }
    }
}

fn own(mut section: Section<'_>) -> Checked<OwnCloud> {
    let authority = section.value(&keys::AUTHORITY);
    let sql_audience = section.value(&keys::SQL_AUDIENCE);
    let oss_audience = section.value(&keys::OSS_AUDIENCE);
    let suffixes = section.value(&keys::SUFFIXES);
    section.finish();
    Ok(OwnCloud {
        authority: authority?,
        sql_audience: sql_audience?,
        oss_audience: oss_audience?,
        suffixes: suffixes?.into_iter().map(|suffix| suffix.value).collect(),
    })
}
