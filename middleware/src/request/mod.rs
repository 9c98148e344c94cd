//! What a request presents: its target and its credential.

mod bearer;
mod carrier;
mod client_certificate;
mod folding;
pub mod header_meaning;
pub mod header_name;
mod header_text;
mod host;
mod json_body;
mod mcp_call;
mod method_parameter;
mod parameter_name;
mod path_prefix;
mod presented;
mod query_parameter;
mod read_body;
mod resource_uri;
mod spelling;
mod target;

pub use bearer::names_access_token;
pub use client_certificate::ClientCertificate;
pub use mcp_call::MCP_REVISION;
pub use method_parameter::{DeniedMethods, MethodScan};
pub use path_prefix::{PathForm, PathPrefix};
pub use presented::Presented;
pub use read_body::{BodyRead, ReadBody, ReplayBody};
pub use target::Target;

pub(crate) use bearer::check_form;
pub(crate) use carrier::{Carrier, Credential};
pub(crate) use folding::Folding;
pub(crate) use header_text::HeaderTexts;
#[cfg(feature = "cel")]
pub(crate) use header_text::{Unsure, unreadable};
pub(crate) use json_body::{BodyValue, JsonBody, Member, MemberPath};
pub(crate) use mcp_call::{
    McpCall, Mirrored, NAMED_METHODS, RESOURCES_READ, TOOLS_CALL, requested_revision, written_name,
};
pub(crate) use method_parameter::names_method;
pub(crate) use query_parameter::{QueryParameter, encoded};
pub(crate) use resource_uri::is_normal_uri;
pub(crate) use target::{PathForms, is_look_alike};
