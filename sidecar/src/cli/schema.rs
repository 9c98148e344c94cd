//! `actgate schema`: the JSON Schemas of the files that actgate reads and writes.

use clap::ValueEnum;

use crate::cli::output::print;
use crate::exit::Failure;

/// A file with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Schema {
    /// A configuration of `actgate run`, the policy in it included
    Configuration,
    /// A policy in a file of its own
    Policy,
    /// The cases of a policy, for `actgate test`
    Cases,
    /// A line of the decision log of `actgate run`
    DecisionLog,
}

impl Schema {
    /// The schema as JSON: draft-07, which every editor reads. The tests compare it with the types that are read.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Schema::Configuration => include_str!("../../schemas/configuration.schema.json"),
            Schema::Policy => include_str!("../../schemas/policy.schema.json"),
            Schema::Cases => include_str!("../../schemas/cases.schema.json"),
            Schema::DecisionLog => include_str!("../../schemas/decision-log.schema.json"),
        }
    }
}

/// Prints a schema.
pub(crate) fn schema(schema: Schema) -> Result<(), Failure> {
    print(schema.text())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::config::configuration;
    use crate::log::decision_log;

    impl Schema {
        fn file(self) -> &'static str {
            match self {
                Schema::Configuration => "configuration.schema.json",
                Schema::Policy => "policy.schema.json",
                Schema::Cases => "cases.schema.json",
                Schema::DecisionLog => "decision-log.schema.json",
            }
        }

        /// The schema of the types as they are.
        fn generated(self) -> Value {
            match self {
                Schema::Configuration => configuration(),
                Schema::Policy => actgate::policy::json_schema(),
                Schema::Cases => actgate::analysis::json_schema(),
                Schema::DecisionLog => decision_log::json_schema(),
            }
        }
    }

    /// `ACTGATE_WRITE_SCHEMAS=1 cargo test -p actgate-sidecar schema::` writes the files.
    #[test]
    fn the_schemas_are_those_of_the_types() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/");
        for schema in Schema::value_variants() {
            let generated = schema.generated();
            let text = serde_json::to_string_pretty(&generated).unwrap() + "\n";
            if std::env::var_os("ACTGATE_WRITE_SCHEMAS").is_some() {
                std::fs::write(format!("{folder}{}", schema.file()), text).unwrap();
            } else {
                assert!(schema.text() == text, "{} is not that of the types", schema.file());
            }
        }
    }

    #[test]
    fn every_key_is_described() {
        for schema in Schema::value_variants() {
            let undescribed = actgate_yaml::undescribed(&schema.generated());
            assert!(undescribed.is_empty(), "{}: {undescribed:#?}", schema.file());
        }
    }
}
