//! The JSON Schema of values of `actgate.yaml` whose types are of the library.

use actgate::keys::Algorithm as SignatureAlgorithm;

pub(super) struct Duration;
pub(super) struct Size;
pub(super) struct Algorithm;

actgate_yaml::schema_of! { |generator|
    /// A duration, such as `500ms`, `30s`, `5m` or `24h`.
    Duration = "AnyDuration", { "type": "string", "pattern": r"^\s*([0-9]+\s*(ms|s|m|h|d)\s*)+$" };
    /// A size, such as `32KiB`.
    Size = "Size", { "type": "string", "pattern": r"^\s*[0-9]+\s*(B|KiB|MiB)\s*$" };
    /// An algorithm of signatures.
    Algorithm = "Algorithm", { "enum": algorithms() };
}

fn algorithms() -> Vec<String> {
    let names = SignatureAlgorithm::all()
        .iter()
        .map(|algorithm| format!("{algorithm:?}"));
    names.chain(["Ed25519".to_owned()]).collect()
}
