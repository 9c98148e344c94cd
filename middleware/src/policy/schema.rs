//! The JSON Schema of a policy.

use super::document::Document;

/// The JSON Schema (draft-07) of a policy in YAML, for editors and validators: every key with its description and examples.
///
/// A document that it rejects is rejected by [`Policy::from_yaml`](crate::Policy::from_yaml). The reverse is NOT true: what depends
/// on two values, such as rules that exclude each other, is found by `from_yaml` alone.
pub fn json_schema() -> serde_json::Value {
    actgate_yaml::json_schema::<Document>("A policy of actgate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_described() {
        let schema = json_schema();
        let undescribed = actgate_yaml::undescribed(&schema);
        assert!(undescribed.is_empty(), "{undescribed:#?}");
    }
}
