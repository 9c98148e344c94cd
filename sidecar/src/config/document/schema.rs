//! The JSON Schema of values of `actgate.yaml` whose types are of the library.

use actgate::keys::Algorithm as SignatureAlgorithm;
use actgate::profile::Profile;
use serde_json::{Value, json};

pub(super) struct Duration;
pub(super) struct Size;
pub(super) struct Algorithm;
pub(super) struct ProfileSchema;
pub(super) struct KindsSchema;
pub(super) struct Completeness;
pub(super) struct Prior;

actgate_yaml::schema_of! { |generator|
    /// A duration, such as `500ms`, `30s`, `5m` or `24h`.
    Duration = "AnyDuration", { "type": "string", "pattern": r"^\s*([0-9]+\s*(ms|s|m|h|d)\s*)+$" };
    /// A size, such as `32KiB`.
    Size = "Size", { "type": "string", "pattern": r"^\s*[0-9]+\s*(B|KiB|MiB)\s*$" };
    /// An algorithm of signatures.
    Algorithm = "Algorithm", { "enum": algorithms() };
    /// A preset, or a mapping of parts that differ from one. `actgate issuers show NAME` prints every part.
    ProfileSchema = "Profile", { "anyOf": [{ "enum": Profile::names() }, { "type": "object", "properties": {
        "preset": { "description": "The preset that the parts differ from.", "enum": Profile::names(), "examples": ["keycloak"] },
    } }] };
    /// Evidence of the kinds of parties. One item of a list must hold.
    KindsSchema = "Kinds", { "type": "object", "additionalProperties": false, "properties": {
        "human": evidence("Evidence of a person."),
        "agent": evidence("Evidence of software that decides on its own what to do next."),
        "service": evidence("Evidence of software that does what it was built to do."),
    } };
    /// Which actors the nested `act` objects of an issuer contain.
    Completeness = "ChainCompleteness", { "oneOf": [
        { "const": "complete", "description": "Every actor since the initiator." },
        { "const": "actor-token-only", "description": "The actors of the actor token; those of the subject token are lost." },
        { "const": "outer-only", "description": "The current actor only." },
        { "const": "none", "description": "No `act` at all." },
    ] };
    /// How the prior actors of an issuer are used.
    Prior = "PriorActors", { "oneOf": [
        { "const": "ignore", "description": "Checked for form and dropped." },
        { "const": "audit", "description": "Kept for the log and for handlers; no rule reads them." },
        { "const": "enforce", "description": "Read by history rules, which can deny." },
    ] };
}

fn algorithms() -> Vec<String> {
    let names = SignatureAlgorithm::all()
        .iter()
        .map(|algorithm| format!("{algorithm:?}"));
    names.chain(["Ed25519".to_owned()]).collect()
}

fn evidence(description: &str) -> Value {
    json!({
        "description": description,
        "type": "array",
        "examples": [[{ "client": "batch" }]],
        "items": {
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "properties": {
                "subject": { "description": "The subject is this text, or begins with the text before a `*`; one, or a list.", "examples": ["auth0|*"] },
                "client": { "description": "The client is this one, or one of a list.", "examples": ["batch"] },
                "claims": { "description": "Tests on claims, all of which must hold.", "type": "object", "minProperties": 1, "examples": [{ "gty": "client-credentials" }] },
            },
        },
    })
}
