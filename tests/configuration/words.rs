//! Mistakes within each word of the policy: an unknown key, a wrong type, a contradiction.

/// What is written in place of the last rules of the last route, and the beginning of the report after the name of the file.
pub(super) const MISTAKES: &[(&str, &str)] = &[
    (
        "token: { max_life: 1h }",
        "23:14: unknown key `max_life`\n  help: did you mean `max_lifetime`?",
    ),
    ("token: { max_lifetime: soon }", "23:28: `soon` is not a duration"),
    (
        "token: { max_age: 0s }",
        "23:23: expected a duration of at least one second",
    ),
    ("token: {}", "23:12: `token` is empty"),
    ("token: [1h]", "23:12: expected a mapping, not a list"),
    (
        "token: { single_audience: maybe }",
        "23:31: expected `true`, not a text\n  help: write `true` without quotes, or remove the key",
    ),
    (
        "token: { sender_constrained: false }",
        "23:34: `false` requires nothing",
    ),
    (
        "may_act: honoured",
        "23:14: unknown word `honoured`\n  help: did you mean `honored`?",
    ),
    ("may_act: true", "23:14: expected a single word, not true or false"),
    (
        "time: { days: mon-fri }",
        "23:11: the key `zone` is missing\n  help: add `zone: …`",
    ),
    (
        "time: { zone: Berlin }",
        "23:19: `Berlin` is not a time zone\n  help: did you mean `Europe/Berlin`?",
    ),
    (
        "time: { zone: UTC, days: funday }",
        "23:30: `funday` is neither a day nor a range of days",
    ),
    (
        "time: { zone: UTC, hours: 8-18 }",
        "23:31: `8-18` is not a range of hours",
    ),
    (
        "time: { zone: UTC, hours: '08:00-08:00' }",
        "23:31: `08:00-08:00` has no first minute, or the same one as its end",
    ),
    ("time: { zone: UTC, hours: [] }", "23:11: `hours` is empty"),
    (
        "time: { zone: UTC, day: mon }",
        "23:24: unknown key `day`\n  help: did you mean `days`?",
    ),
    (
        "authorization_details: { actions: [a] }",
        "23:28: the key `type` is missing",
    ),
    (
        "authorization_details: { type: a, action: b }",
        "23:39: unknown key `action`\n  help: did you mean `actions`?",
    ),
    (
        "authorization_details: { type: [a] }",
        "23:36: expected a text, not a list",
    ),
    (
        "authorization_details: { type: a, members: {} }",
        "23:48: `members` is empty",
    ),
    (
        "authorization_details: { type: a, members: { n: { min: 5, max: 4 } } }",
        "23:53: no number is at least 5 and at most 4",
    ),
    (
        "authorization_details: { type: a, members: { n: { mx: 4 } } }",
        "23:55: unknown key `mx`\n  help: did you mean `max`?",
    ),
    ("operation: {}", "23:16: `operation` is empty"),
    (
        "operation: { jsn: { /a: 1 } }",
        "23:18: unknown key `jsn`\n  help: did you mean `json`?",
    ),
    (
        "operation: { json: { a: 1 } }",
        "23:29: `a` is not the path of a member",
    ),
    ("operation: { json: { /a: {} } }", "23:30: `/a` needs one test"),
    (
        "operation: { json: { /a: { min: 5, max: 4 } } }",
        "23:30: no number is at least 5 and at most 4",
    ),
    (
        "operation: { json: { /a: { min: 5, equals: 4 } } }",
        "23:30: `/a` needs one test",
    ),
    (
        "operation: { json: { /a: 0.5 } }",
        "23:30: a number with a fraction or an exponent is not kept exactly",
    ),
    (
        "operation: { json: { /a: { matches: 5 } } }",
        "23:41: expected a text with `*` for any text, not a number",
    ),
    (
        "operation: { json: { /a: 1 }, max: 2MiB }",
        "23:40: `2MiB` is out of range: from 1B to 1MiB",
    ),
    (
        "operation: { json: { /a: 1 }, max: 64kb }",
        "23:40: `64kb` is not a size",
    ),
    (
        "operation: { query: { a: b }, max: 1KiB }",
        "23:40: `max` limits the body, and no rule reads it",
    ),
    (
        "operation: { query: { a: [b] } }",
        "23:30: expected a text, a whole number, `true` or `false`, not a list",
    ),
    (
        "operation: { arguments: { /a: 1 } }",
        "23:29: `arguments` are those of a tool of MCP, and the route is not for calls of tools",
    ),
    ("actor: { is_presenter: maybe }", "23:28: expected `true`, not a text"),
    (
        "actor: { issuer: '' }",
        "23:22: a name is blank or contains a control character",
    ),
    ("initiator: { issuer: [] }", "23:16: `issuer` is empty"),
    (
        "initiator: { issuer: same }",
        "23:16: the issuer of an initiator is always that of its token",
    ),
    (
        "chain: { prior: { al_of: [a] } }",
        "23:23: unknown key `al_of`\n  help: did you mean `all_of`?",
    ),
    ("chain: { prior: {} }", "23:21: `prior` is empty"),
    ("chain: { prior: [a] }", "23:21: expected a mapping, not a list"),
    ("chain: { prior: { first: [] } }", "23:21: `first` is empty"),
    ("chain: { prior: { kinds: robot } }", "23:30: unknown word `robot`"),
    (
        "chain: { prior: { all_of: [a], none_of: [a] } }",
        "23:21: `a` is in `all_of` and in `none_of`, and so is never accepted",
    ),
    (
        "chain: { prior: { first: [a] }, max_depth: 1 }",
        "23:12: no chain meets `max_depth: 1` and `prior.first`, which needs at least 2 actors",
    ),
    ("chain: { path: [] }", "23:12: `path` is empty"),
    (
        "chain: { path: [a, b], max_depth: 1 }",
        "23:12: `path` names every actor, and `max_depth` is another rule on them",
    ),
    (
        "chain: { starts_with: [a, b], max_depth: 1 }",
        "23:12: no chain meets `max_depth: 1` and `starts_with`, which needs at least 2 actors",
    ),
    ("chain: { called_by: [] }", "23:12: `called_by` is empty"),
    ("chain: { repeats: never }", "23:23: unknown word `never`"),
    (
        "chain: { via: [a], none_of: [a] }",
        "23:12: `a` is in `via` and in `none_of`, and so is never accepted",
    ),
    (
        "chain: { all_of: [a], via: [b] }",
        "23:12: `b` is in `via` and not in `all_of`, so that no chain meets both",
    ),
    (
        "chain: { any_of: [a], none_of: [a] }",
        "23:12: `a` is in `any_of` and in `none_of`, and so is never accepted",
    ),
    ("chain: { issuers: [] }", "23:12: `issuers` is empty"),
];

/// The rules that are replaced.
pub(super) const RULES: &str = "actor: { one_of: [refund-agent] }\n    chain: { max_depth: 2 }";
