//! The requirements and routes beside the keys of the gate.

use super::Mistake;

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "[human-must-initiate]",
        "[human-must-begin]",
        "22:15: no requirement is named `human-must-begin`\n  help: did you mean `human-must-initiate`?",
    ),
    (
        "GET /health",
        "POST /refunds",
        "20:12: `POST /refunds` matches the same requests as `POST /refunds` in line 18",
    ),
    (
        "public: true",
        "public: true\n    scopes: [a]",
        "18:5: a public route has no requirement",
    ),
    ("public: true", "public: yes", "19:13: expected `true` or `false`"),
    ("[refund-agent]", "[]", "23:12: `one_of` is empty"),
    (
        "actor: { one_of",
        "actor: { absent: true, one_of",
        "23:12: an actor cannot be absent and have properties",
    ),
    ("max_depth: 2", "max_depth: two", "24:25: expected a whole number"),
    (
        "routes:",
        "policy: policy.yaml\nroutes:",
        "17:9: the policy is written here and named as well",
    ),
    (
        "requirements:",
        "scopes: { implies: { a: [a] } }\nrequirements:",
        "14:26: `a` implies itself\n  help: remove it from its own list",
    ),
    (
        "requirements:",
        "scopes: [a]\nrequirements:",
        "14:9: expected a mapping, not a list",
    ),
    (
        "requirements:",
        "---\nrequirements:",
        "15:1: the file contains more than one document",
    ),
];
