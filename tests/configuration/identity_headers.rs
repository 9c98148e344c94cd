//! The names of identity headers, and of headers that are removed.

use super::Mistake;

pub(super) const MISTAKES: &[Mistake] = &[
    ("x-auth-subject", "x auth", "13:30: `x auth` is not a header name"),
    (
        "x-auth-subject",
        "authorization",
        "13:30: `authorization` has another meaning",
    ),
    ("x-auth-subject", "host", "13:30: `host` has another meaning"),
    (
        "x-auth-subject",
        "x_auth_kind",
        "13:30: `x_auth_kind` is the same as `x-auth-kind` to some servers",
    ),
    (
        "subject: x-auth-subject",
        "subject: x-a, kind: X_A",
        "13:30: `x-a` is the same as `X_A` to some servers",
    ),
    (
        "leeway:",
        "drop_headers: ['*']\nleeway:",
        "5:16: `*` is not a header\n  help: write a name, as in `X-Tenant`",
    ),
    (
        "leeway:",
        "drop_headers: [X-Tenant, Host]\nleeway:",
        "5:26: `Host` covers `host`, without which the upstream would read another request",
    ),
    (
        "leeway:",
        "drop_headers: [Authorization]\nleeway:",
        "5:16: the access token is not removed here\n  help: write `access_token: strip`",
    ),
    (
        "{ subject: x-auth-subject }",
        "x-auth-subject",
        "13:19: expected a mapping",
    ),
];
