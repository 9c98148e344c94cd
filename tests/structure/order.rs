//! The order of the modules of each crate, the ground first. A module imports only from the floors below its own.

/// The sources of each crate and the floors of its modules.
pub const CRATES: &[(&str, &[&[&str]])] = &[
    ("middleware/src", LIBRARY),
    ("middleware/yaml/src", YAML),
    ("sidecar/src", SIDECAR),
    ("sidecar/issuer/src", ISSUER),
];

const LIBRARY: &[&[&str]] = &[
    &["error"],
    &["limits"],
    &["look"],
    &["clock"],
    &[
        "base64url",
        "decimal",
        "digest",
        "quota",
        "shared_text",
        "time_document",
    ],
    &["json"],
    &["claim_path"],
    &["profile"],
    &["keys"],
    &["request"],
    &["token"],
    &["required_claims", "shared_issuers"],
    &["issuer_identifier"],
    &["issuer"],
    &["chain"],
    &["policy"],
    &["identity"],
    &["resource", "json_rpc"],
    &["challenge"],
    &["authorizer"],
    &["analysis"],
    &["layer"],
    &["testing"],
];

const YAML: &[&[&str]] = &[
    &["printable", "spanned"],
    &["diagnostic", "duration"],
    &["mistake", "syntax"],
    &["node"],
    &["deserializer", "written"],
    &["read"],
    &["schema"],
];

const SIDECAR: &[&[&str]] = &[
    &["address_text", "connection", "files", "unique_id"],
    &["headers", "http1", "trace"],
    &["log"],
    &["gate", "admin", "shared_limits"],
    &["proxy"],
    &["decision_api"],
    &["server"],
    &["config"],
    &["exit"],
    &["start"],
    &["reload"],
    &["cli"],
];

const ISSUER: &[&[&str]] = &[
    &["clock", "current", "error", "grant_type"],
    &["parameters", "scope", "secret"],
    &["audit", "keys"],
    &["claims"],
    &["dialect"],
    &["registry", "issuance_policy"],
    &["settings"],
    &["store"],
    &["directory"],
    &["client_metadata"],
    &["issuer"],
    &["entitlement", "token"],
    &["client_authentication", "pages"],
    &["approval_request", "authorize", "grants", "live_tokens"],
    &["admin", "metadata"],
    &["registration"],
    &["routes"],
    &["server"],
];
