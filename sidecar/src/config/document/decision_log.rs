//! The structure of `decision_log`.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::example::{DecisionLog, text};
#[cfg(test)]
use super::schema;

/// Where the decisions are written, and what of a token and of a request. A text is the `file`.
/// Example: `stdout`
/// Example: `{ file: decisions.log, facts: true, claims: [tid], hash_key_file: log.key }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename = "shorthand file", deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "DecisionLog", extend("x-shorthand" = "file")))]
pub(crate) struct DecisionLogDocument {
    /// `stdout`, or a file, relative to the configuration. Default: `stdout`.
    /// Example: `decisions.log`
    #[serde(deserialize_with = "text::<DecisionLog, _>")]
    pub(crate) file: Option<Spanned<String>>,
    pub(crate) rotate: Option<Spanned<RotateDocument>>,
    /// The lines that denials of one code and one client have at most, in a second (`s`), a minute (`m`) or an hour (`h`); the next line
    /// has the number of the others as `left_out`. Default: each denial has a line.
    /// Example: `60/m`
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+/[smh]$")))]
    pub(crate) sample: Option<Spanned<String>>,
    /// Whether a line has the normalised facts of a verified token, from which `actgate explain --log-line` explains it. They
    /// contain no token. Default: `false`.
    /// Example: `true`
    pub(crate) facts: bool,
    /// The claims whose values are in the facts, where a rule reads them, by their names or JSON pointers. Of any other one the facts
    /// have a keyed hash. Default: none.
    /// Example: `[tid, /realm_access/roles]`
    pub(crate) claims: Vec<Spanned<String>>,
    /// The values of requests that are in the facts, where a rule reads them: `query.NAME`, `headers.NAME`, `json.POINTER` and
    /// `arguments.POINTER`, as in the rule, and `mcp.name`. Of any other one the facts have a keyed hash. Texts of more than 1 KiB are
    /// hashed, too. Default: none.
    /// Example: `[query.page, json./amount]`
    pub(crate) request: Vec<Spanned<String>>,
    /// A file with the key of the hashes, in one line of at least 32 characters; read at the start. Default: a key that is made at each
    /// start, so that no hash can be compared.
    /// Example: `log.key`
    pub(crate) hash_key_file: Option<Spanned<String>>,
}

/// The file is moved to `FILE.1` before it is larger, and earlier ones a number further. Default: other programs rotate it; it is
/// opened again when it was moved or deleted, and on SIGUSR1.
/// Example: `{ size: 100MiB, keep: 5 }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `rotate: { size: 100MiB, keep: 5 }`"
)]
#[cfg_attr(test, schemars(extend("required" = ["size"])))]
pub(crate) struct RotateDocument {
    /// The largest size, from 64KiB to 1024GiB.
    /// Example: `100MiB`
    #[cfg_attr(test, schemars(with = "Option<schema::Size>"))]
    pub(crate) size: Option<Spanned<String>>,
    /// How many files are kept beside the current one, from 1 to 1000. Default: 5.
    /// Example: `5`
    #[cfg_attr(test, schemars(range(min = 1, max = 1000)))]
    pub(crate) keep: Option<Spanned<u32>>,
}
