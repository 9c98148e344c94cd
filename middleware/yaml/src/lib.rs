//! Strict YAML for the files of actgate: policies, configurations, registries and cases.
//!
//! [`read`] reports every mistake of a document in one run, each with its line, its column and a suggested fix: unknown
//! and duplicate keys, unknown words, values of the wrong type, missing values. A key without a value is always a
//! mistake, also where the field is an [`Option`].
//!
//! ```
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     listen: actgate_yaml::Spanned<String>,
//!     #[serde(default)]
//!     hosts: actgate_yaml::OneOrMany<String>,
//! }
//!
//! let reading = actgate_yaml::read::<Settings>("listen: here\nhost: a\n");
//! assert_eq!(reading.value.unwrap().listen.column, 9);
//! assert_eq!(reading.diagnostics.to_string(), "2:1: unknown key `host`\n  help: did you mean `hosts`?");
//! ```
//!
//! # Beyond serde
//!
//! - [`Spanned`] is a value with its line and column; [`OneOrMany`] is a single value or a list.
//! - `#[serde(rename = "shorthand KEY")]` on a struct: anything but a mapping is read as `{ KEY: … }`.
//! - The second line of a custom error message, or of what a visitor expects, is the help of the mistake. `VALUE` in
//!   the help of an expectation becomes the value that came.

mod deserializer;
mod diagnostic;
mod duration;
mod mistake;
mod node;
mod printable;
mod read;
#[cfg(feature = "schema")]
mod schema;
mod spanned;
mod syntax;
mod written;

pub use diagnostic::{Diagnostic, Diagnostics, closest, nearest};
pub use duration::parse_duration;
pub use printable::printable;
pub use read::{Omissions, Reading, read};
#[cfg(feature = "schema")]
pub use schema::{json_schema, json_schema_of_output, undescribed};
pub use spanned::{OneOrMany, Span, Spanned};
pub use written::Written;
