//! Help for keys that a policy of another version, or of another product, has.

const MATCH: &str = "write method and path in one text: `match: GET /orders/{id}`";
const CLAIM: &str = "write it as a claim: `claims: { roles: { contains: admin } }`";

/// Unknown keys and their help, in place of the most similar key.
pub(super) const KEYS: &[(&str, &str)] = &[
    (concat!("auth_", "within"), "it is `max_auth_age`"),
    ("max_age", "it is `max_auth_age`, under `initiator`"),
    ("path", MATCH),
    ("method", MATCH),
    ("methods", MATCH),
    ("route", MATCH),
    ("url", MATCH),
    ("role", CLAIM),
    ("roles", CLAIM),
    ("groups", CLAIM),
    ("permissions", CLAIM),
    ("not", "write `none_of`"),
    ("allow", "leave it out: a route allows what meets its requirement"),
    (
        "deny",
        "leave it out: what no route matches is denied; `none_of` excludes parties and scopes",
    ),
];

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

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
            ("scope: [a]", "3:5: unknown key `scope`; did you mean `scopes`?"),
        ] {
            let mistakes = Policy::from_yaml(&format!("routes:\n  - match: GET /\n    {body}\n")).unwrap_err();
            assert_eq!(mistakes.to_string().replace("\n  help: ", "; "), message);
        }
    }
}
