//! Help for keys that a policy of another version, or of another product, has.

use actgate_yaml::{Diagnostic, Diagnostics};

const MATCH: &str = "write method and path in one text: `match: GET /orders/{id}`";
const ALLOW: &str = "remove it: a route allows what meets its rules";
const EXPRESSION: &str = "write a condition in CEL: `expression: 'claims.region == \"eu\"'`";
const CLAIM: &str = "write it as a claim: `claims: { roles: { contains: admin } }`";
const GROUP: &str =
    "a group of parties is `actor: { group: payments }`; a claim is `claims: { groups: { contains: admin } }`";

const OF_INITIATOR: &str = "it belongs in `initiator`, such as `initiator: { amr: [mfa], max_auth_age: 5m }`";
const OF_PARTY: &str =
    "it belongs in `initiator` or `actor`, such as `initiator: { kind: human }` or `actor: { one_of: [NAME] }`";
const OF_ACTOR: &str = "it belongs in `actor`, such as `actor: { required: true }`";
const OF_CHAIN: &str = "it belongs in `chain`, such as `chain: { max_depth: 2 }`";
const OF_TOKEN: &str = "it belongs in `token`, such as `token: { max_lifetime: 10m }`";
const OF_TIME: &str =
    "it belongs in `time`, such as `time: { days: mon-fri, hours: 08:00-18:00, zone: Europe/Berlin }`";
const OF_OPERATION: &str =
    "it belongs in `operation`, such as `operation: { json: { /amount: { min: 0, max: 500 } } }`";

const LIMIT: &str = "it is `limit`, at a route or beside `routes`, such as `limit: { per: [initiator], rate: 60/m }`";

/// The help for a `limit` that is no mapping, as it comes.
const LIMIT_FORM: &str = "write `limit: { per: [initiator], rate: 60/m }`";

/// A known key of a block without `none_of`, and the help for `not` there.
const WITHOUT_NONE_OF: [(&str, &str); 3] = [
    ("`zone`", "write the days and hours that are accepted"),
    ("`equals`", "write the values that are accepted under `one_of`"),
    (
        "`literal`",
        "write what is accepted; `none_of` excludes parties, clients and scopes",
    ),
];

/// Unknown keys and their help, in place of the most similar key.
const KEYS: &[(&str, &str)] = &[
    (concat!("auth_", "within"), "it is `max_auth_age`"),
    (
        "max_age",
        "it is `max_auth_age` under `initiator` for a login, `max_age` under `token` for a token",
    ),
    ("amr", OF_INITIATOR),
    ("acr", OF_INITIATOR),
    ("max_auth_age", OF_INITIATOR),
    ("kind", OF_PARTY),
    ("is_presenter", OF_ACTOR),
    ("registered", OF_ACTOR),
    ("same_tenant", OF_ACTOR),
    ("max_depth", OF_CHAIN),
    ("max_lifetime", OF_TOKEN),
    ("single_audience", OF_TOKEN),
    ("sender_constrained", OF_TOKEN),
    ("days", OF_TIME),
    ("hours", OF_TIME),
    ("zone", OF_TIME),
    ("json", OF_OPERATION),
    ("query", OF_OPERATION),
    ("arguments", OF_OPERATION),
    ("path", MATCH),
    ("method", MATCH),
    ("methods", MATCH),
    ("route", MATCH),
    ("url", MATCH),
    ("role", CLAIM),
    ("roles", CLAIM),
    ("groups", GROUP),
    ("group", GROUP),
    ("permissions", CLAIM),
    (
        "implies",
        "write it at the top of the policy: `scopes: { implies: { \"orders:admin\": [\"orders:read\"] } }`",
    ),
    ("limit", "a limit is written at a route, or beside `routes`"),
    ("rate_limit", LIMIT),
    ("rate_limits", LIMIT),
    ("ratelimit", LIMIT),
    ("throttle", LIMIT),
    ("quota", LIMIT),
    ("cel", EXPRESSION),
    ("condition", EXPRESSION),
    ("conditions", EXPRESSION),
    ("when", EXPRESSION),
    ("last", "it is `called_by`, beside `prior`"),
    ("not", "write `none_of`"),
    ("action", ALLOW),
    ("allow", ALLOW),
    ("effect", ALLOW),
    ("permit", ALLOW),
    (
        "deny",
        "leave it out: what no route matches is denied; `none_of` excludes parties and scopes",
    ),
];

/// Similar keys that are valid where they are proposed, in place of the help for the unknown key: `methods` within `mcp` is
/// `method`, `action` within `authorization_details` is `actions`, and `route` within a ceiling is `routes`.
const VALID: [&str; 6] = [
    "did you mean `kinds`?",
    "did you mean `actions`?",
    "did you mean `routes`?",
    "did you mean `method`?",
    "did you mean `group`?",
    "did you mean `groups`?",
];

/// The same mistakes. An unknown key of another version or product has the help for it.
pub(super) fn with_help(diagnostics: Diagnostics) -> Diagnostics {
    let is_valid = |diagnostic: &Diagnostic| diagnostic.help.as_deref().is_some_and(|help| VALID.contains(&help));
    let diagnostics = diagnostics.into_iter().map(|mut diagnostic| {
        let exclusion = exclusion(&diagnostic);
        let is_valid = exclusion.is_some() || is_valid(&diagnostic);
        if let Some(help) = exclusion {
            diagnostic.help = Some(help.to_owned());
        }
        (is_valid, diagnostic)
    });
    let (valid, others): (Vec<_>, Vec<_>) = diagnostics.partition(|(is_valid, _)| *is_valid);
    let others: Diagnostics = others.into_iter().map(|(_, diagnostic)| diagnostic).collect();
    let mut diagnostics = others.with_help_for_keys(KEYS);
    diagnostics.extend(valid.into_iter().map(|(_, diagnostic)| diagnostic));
    diagnostics
}

/// The help for the key `not` in a block without `none_of`. The help that came lists the keys of the block.
fn exclusion(diagnostic: &Diagnostic) -> Option<&'static str> {
    let known = diagnostic.help.as_deref()?;
    if diagnostic.message != "unknown key `not`" || known.contains("`none_of`") {
        return None;
    }
    let of_block = WITHOUT_NONE_OF.iter().find(|(key, _)| known.contains(key));
    of_block.map(|(_, help)| *help)
}

/// The same mistakes, with a kind in the place of a party where a party with the name of a kind is proposed, and without an actor
/// where the party `none` is proposed as one.
pub(super) fn with_kinds(diagnostics: Diagnostics) -> Diagnostics {
    let of_one = |mut diagnostic: Diagnostic| {
        if diagnostic.message == "expected a mapping, not a list"
            && let Some(help) = &mut diagnostic.help
        {
            for (role, kind) in [("initiator", "human"), ("actor", "agent")] {
                if *help == format!("write `{role}: {{ one_of: [name] }}`") {
                    *help =
                        format!("write `{role}: {{ kind: {kind} }}`, or `{role}: {{ one_of: [NAME] }}` for parties");
                }
            }
        }
        if diagnostic.message == "expected a mapping, not a text" {
            for kind in ["human", "agent", "service"] {
                let [party, of_kind] = [format!("{{ one_of: [{kind}] }}"), format!("{{ kind: {kind} }}")];
                diagnostic.help = diagnostic.help.map(|help| help.replace(&party, &of_kind));
            }
            let is_none = |help: &String| {
                ["actor: { one_of: [none] }", "chain: { all_of: [none] }"]
                    .iter()
                    .any(|party| help.contains(party))
            };
            if diagnostic.help.as_ref().is_some_and(is_none) {
                diagnostic.help = Some("write `actor: { absent: true }` for a token without an actor".to_owned());
            }
        }
        diagnostic
    };
    diagnostics.into_iter().map(of_one).collect()
}

/// The same mistakes; for a limit that is a text or a list, with what it could mean.
pub(super) fn with_limits(diagnostics: Diagnostics) -> Diagnostics {
    let of_one = |mut diagnostic: Diagnostic| {
        let further = match &*diagnostic.message {
            "expected a mapping, not a text" | "expected a mapping, not true or false" => {
                "no value exempts a route from the limit beside `routes`, but a limit of its own takes its place"
            }
            "expected a mapping, not a list" => "a route has one limit: the strictest, as no request is counted by two",
            _ => return diagnostic,
        };
        if diagnostic.help.as_deref() == Some(LIMIT_FORM) {
            diagnostic.help = Some(format!("{LIMIT_FORM}; {further}"));
        }
        diagnostic
    };
    diagnostics.into_iter().map(of_one).collect()
}

/// The same mistakes; for routes that are written as a mapping, with an item in the place of the first key.
pub(super) fn with_routes(diagnostics: Diagnostics, text: &str) -> Diagnostics {
    let item = |line: u64| {
        let line = text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?)?;
        let (key, _) = line.trim().split_once(": ").or_else(|| line.trim().split_once(':'))?;
        let key = key.trim_matches(['"', '\'']);
        let (_, path) = key.split_once(' ')?;
        (path.starts_with('/') && key.len() <= 80).then(|| format!("write each route as an item: `- match: {key}`"))
    };
    let of_one = |mut diagnostic: Diagnostic| {
        if diagnostic.message == "expected a list, not a mapping"
            && let Some(help) = item(diagnostic.line)
        {
            diagnostic.help = Some(help);
        }
        diagnostic
    };
    diagnostics.into_iter().map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    #[test]
    fn routes_as_a_mapping_are_items_of_a_list() {
        let error = Policy::from_yaml("routes:\n  GET /orders/{id}: { scopes: [a] }\n").unwrap_err();
        let help =
            "2:3: expected a list, not a mapping\n  help: write each route as an item: `- match: GET /orders/{id}`";
        assert_eq!(error.to_string(), help);
        let long = format!("GET /{}", "a".repeat(76));
        for (key, is_item) in [("GET orders", false), (&*long, false), (&long[..80], true)] {
            let error = Policy::from_yaml(&format!("routes:\n  {key}: {{}}\n")).unwrap_err();
            assert_eq!(
                error.to_string().contains("write each route as an item"),
                is_item,
                "{error}"
            );
        }
    }

    #[test]
    fn a_key_of_another_version_or_product_has_its_own_help() {
        for (body, message) in [
            (
                concat!("initiator: { auth_", "within: 5m }"),
                concat!("3:18: unknown key `auth_", "within`; it is `max_auth_age`"),
            ),
            (
                "path: /a",
                "3:5: unknown key `path`; write method and path in one text: `match: GET /orders/{id}`",
            ),
            (
                "roles: [a]",
                "3:5: unknown key `roles`; write it as a claim: `claims: { roles: { contains: admin } }`",
            ),
            (
                "authorization_details: { type: a, action: b }",
                "3:39: unknown key `action`; did you mean `actions`?",
            ),
            (
                "action: allow",
                "3:5: unknown key `action`; remove it: a route allows what meets its rules",
            ),
            (
                "actor: { groups: a }",
                "3:14: unknown key `groups`; did you mean `group`?",
            ),
            (
                "time: { zone: UTC, not: { days: sat } }",
                "3:24: unknown key `not`; write the days and hours that are accepted",
            ),
            (
                "claims: { tid: { not: T1 } }",
                "3:22: unknown key `not`; write the values that are accepted under `one_of`",
            ),
            (
                "operation: { json: { /a: { not: T1 } } }",
                "3:32: unknown key `not`; write the values that are accepted under `one_of`",
            ),
            ("actor: { not: a }", "3:14: unknown key `not`; write `none_of`"),
            (
                "operation: { json: { /a: { in: [EUR] } } }",
                "3:32: unknown key `in`; did you mean `one_of`?",
            ),
            (
                "actor: none",
                "3:12: expected a mapping, not a text; write `actor: { absent: true }` for a token without an actor",
            ),
            (
                "chain: none",
                "3:12: expected a mapping, not a text; write `actor: { absent: true }` for a token without an actor",
            ),
            (
                "initiator: { issuer: { literal: a, not: b } }",
                "3:40: unknown key `not`; write what is accepted; `none_of` excludes parties, clients and scopes",
            ),
            (
                "rate_limit: 60/m",
                "3:5: unknown key `rate_limit`; it is `limit`, at a route or beside `routes`, such as \
                 `limit: { per: [initiator], rate: 60/m }`",
            ),
            (
                "limits: { per: client, rate: 60/m }",
                "3:5: unknown key `limits`; did you mean `limit`?",
            ),
            (
                "any_of: [{ limit: { per: client, rate: 60/m } }]",
                "3:16: unknown key `limit`; a limit is written at a route, or beside `routes`",
            ),
            (
                "limit: none",
                "3:12: expected a mapping, not a text; write `limit: { per: [initiator], rate: 60/m }`; no value exempts a \
                 route from the limit beside `routes`, but a limit of its own takes its place",
            ),
            (
                "limit: [{ per: client, rate: 60/m }]",
                "3:12: expected a mapping, not a list; write `limit: { per: [initiator], rate: 60/m }`; a route has one limit: \
                 the strictest, as no request is counted by two",
            ),
            ("scope: [a]", "3:5: unknown key `scope`; did you mean `scopes`?"),
            (
                "scopes: { implies: { b: [a] } }",
                "3:15: unknown key `implies`; write it at the top of the policy: `scopes: { implies: { \"orders:admin\": \
                 [\"orders:read\"] } }`",
            ),
        ] {
            let mistakes = Policy::from_yaml(&format!("routes:\n  - match: GET /\n    {body}\n")).unwrap_err();
            assert_eq!(mistakes.to_string().replace("\n  help: ", "; "), message);
        }
    }
}
