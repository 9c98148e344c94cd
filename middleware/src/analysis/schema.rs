//! The JSON Schema of a cases file.

use super::cases::CasesDocument;

/// The JSON Schema (draft-07) of a cases file in YAML, for editors and validators: every key with its description and examples.
///
/// A file that it rejects is rejected by [`Cases::from_yaml`](super::Cases::from_yaml). The reverse is NOT true: a time before 1970 and
/// an issuer that is listed twice are found by `from_yaml` alone.
pub fn json_schema() -> serde_json::Value {
    actgate_yaml::json_schema::<CasesDocument>("The cases of a policy of actgate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_described() {
        let undescribed = actgate_yaml::undescribed(&json_schema());
        assert!(undescribed.is_empty(), "{undescribed:#?}");
    }
}
