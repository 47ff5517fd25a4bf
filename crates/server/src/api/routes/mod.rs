//! The addresses of the organisation side, one kind of thing in each file.

mod applications;
mod audit;
mod backups;
mod external_users;
mod federation;
mod groups;
mod import;
mod keys;
mod members;
mod organisations;
mod policies;
mod resources;
mod service;

use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;

use super::Api;
pub(crate) use backups::COPY;

/// Everything that needs a key.
pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .merge(organisations::router())
        .merge(federation::router())
        .merge(policies::router())
        .merge(groups::router())
        .merge(members::router())
        .merge(import::router())
        .merge(applications::router())
        .merge(resources::router())
        .merge(external_users::router())
        .merge(keys::router())
        .merge(audit::router())
        .merge(backups::router())
        .merge(service::router())
}

/// What anybody may read.
pub(super) fn public() -> OpenApiRouter {
    service::public()
}

/// Tells a field that is absent (keep) from one that is null (remove).
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Sets a field where a value is given.
fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Some fields of a `T`, which must be a map on the wire: those that are there are set, the others stay.
#[derive(Debug)]
struct Patch<T> {
    fields: Map<String, Value>,
    of: PhantomData<fn() -> T>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(from)?;
        // Names and values that are none are refused now, not when the thing is changed.
        serde_json::from_value::<T>(fields.clone().into()).map_err(D::Error::custom)?;
        Ok(Self {
            fields,
            of: PhantomData,
        })
    }
}

/// Sets the fields that a patch names.
fn turn<T: Serialize + DeserializeOwned>(thing: &mut T, patch: Option<Patch<T>>) {
    let Some(patch) = patch else { return };
    if let Ok(Value::Object(mut fields)) = serde_json::to_value(&*thing) {
        fields.extend(patch.fields);
        // Each half was a `T` by itself.
        if let Ok(turned) = serde_json::from_value(fields.into()) {
            *thing = turned;
        }
    }
}

#[cfg(test)]
mod tests {
    use sidetone_organisation::{Setting, Switches};

    use super::*;

    #[test]
    fn a_switch_that_is_turned_leaves_the_others() {
        let mut switches = Switches {
            escalation: Setting::Source,
            ..Switches::default()
        };
        let patch = |text: &str| serde_json::from_str::<Patch<Switches>>(text);
        turn(
            &mut switches,
            Some(patch(r#"{"legacyMembers":"source"}"#).unwrap()),
        );
        assert_eq!(
            (switches.escalation, switches.legacy_members),
            (Setting::Source, Setting::Source)
        );
        turn(&mut switches, Some(patch(r#"{"escalation":"open"}"#).unwrap()));
        assert_eq!(
            (switches.escalation, switches.legacy_members),
            (Setting::Open, Setting::Source)
        );
        for bad in [
            r#"{"noSuchSwitch":"open"}"#,
            r#"{"escalation":"ajar"}"#,
            "[]",
            "7",
        ] {
            assert!(patch(bad).is_err(), "{bad}");
        }
    }
}
