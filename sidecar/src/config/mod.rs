//! The configuration: `actgate.yaml` and the policy it names.

mod document;
mod read;
mod roots;
mod settings;
mod text_file;

pub(crate) use self::read::{load, parse};
pub(crate) use self::roots::check_named_roots;
pub(crate) use self::settings::{IssuerSettings, KeyLocation, Settings};
pub(crate) use self::text_file::read_text;
