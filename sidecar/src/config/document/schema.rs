//! The JSON Schema of values of `actgate.yaml` whose types are of the library.

use actgate::keys::Algorithm as SignatureAlgorithm;
use serde_json::{Map, Value, json};

use crate::headers::identity_fact::Fact;

pub(super) struct Duration;
pub(super) struct Size;
pub(super) struct Algorithm;
pub(super) struct IdentityHeaders;
pub(super) struct Identifier;

actgate_yaml::schema_of! { |generator|
    /// A duration, such as `500ms`, `30s`, `5m` or `24h`.
    Duration = "AnyDuration", { "type": "string", "pattern": r"^\s*([0-9]+\s*(ms|s|m|h|d)\s*)+$" };
    /// A size, such as `32KiB`.
    Size = "Size", { "type": "string", "pattern": r"^(?=.*[1-9])\s*[0-9]+\s*(B|KiB|MiB|GiB)\s*$" };
    /// An algorithm of signatures.
    Algorithm = "Algorithm", { "enum": algorithms() };
    /// A text that is not empty.
    Identifier = "Identifier", { "type": "string", "minLength": 1 };
    /// The header of each fact.
    IdentityHeaders = "IdentityHeaders", { "type": "object", "additionalProperties": false, "properties": facts() };
}

fn algorithms() -> Vec<String> {
    let names = SignatureAlgorithm::all()
        .iter()
        .map(|algorithm| format!("{algorithm:?}"));
    names.chain(["Ed25519".to_owned()]).collect()
}

/// Each fact as a key, with its description.
fn facts() -> Map<String, Value> {
    let facts = actgate_yaml::json_schema::<Fact>("Fact");
    let facts = facts["oneOf"].as_array().into_iter().flatten();
    let keys = facts.filter_map(|fact| {
        let key = json!({ "type": "string", "minLength": 1, "description": fact["description"] });
        Some((fact["const"].as_str()?.to_owned(), key))
    });
    keys.collect()
}
