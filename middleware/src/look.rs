//! What a text looks like that is compared as it is: in other products it would be a pattern.

/// What a text looks like if it is not compared as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Everything.
    Any,
    /// A glob pattern, a regular expression, or a pattern of SQL.
    Pattern,
    /// A text with variables.
    Template,
    /// Several names with commas between them.
    Several,
    /// A blank at the beginning or at the end.
    Blank,
}

impl Look {
    /// Whether other products would not compare a text as it is: it is a pattern or a template.
    pub(crate) fn is_expanded(text: &str) -> bool {
        matches!(Look::of(text), Some(Look::Any | Look::Pattern | Look::Template))
    }

    pub(crate) fn of(text: &str) -> Option<Look> {
        if matches!(text, "*" | "**" | ".*" | ".+" | "^.*$" | "^.+$" | "/.*/" | "%") {
            return Some(Look::Any);
        }
        if ["{{", "${", "%{", "#{"].iter().any(|begin| text.contains(begin)) {
            return Some(Look::Template);
        }
        if text.trim() != text {
            return Some(Look::Blank);
        }
        let is_plain = |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '=');
        if text.contains(',') && text.split(',').map(str::trim).all(is_plain) {
            return Some(Look::Several);
        }
        let has_anchor = text.starts_with('^') || text.ends_with('$');
        let has_part = ["*", ".+", "(?"].iter().any(|part| text.contains(part)) || has_escape(text);
        let is_delimited = text.len() > 2 && text.starts_with('/') && text.ends_with('/');
        let is_of_sql = text.starts_with('%') || text.ends_with('%');
        (has_anchor
            || has_part
            || is_delimited
            || is_of_sql
            || has_character_class(text)
            || is_alternation(text)
            || has_prefix(text)
            || has_wildcard_character(text))
        .then_some(Look::Pattern)
    }
}

/// Providers that Auth0 and others write before `|` and the name of the account.
const PROVIDERS: &[&str] = &[
    "ad",
    "adfs",
    "apple",
    "auth0",
    "email",
    "facebook",
    "github",
    "google-apps",
    "google-oauth2",
    "ldap",
    "linkedin",
    "oauth1",
    "oauth2",
    "oidc",
    "okta",
    "pingfederate",
    "saml",
    "samlp",
    "sms",
    "twitter",
    "waad",
    "windowslive",
];

/// Whether there are alternatives: `(a|b)`, and `a|b` unless it may be a provider and an account, such as `auth0|64f`.
fn is_alternation(text: &str) -> bool {
    let is_word = |word: &str| {
        word.bytes()
            .all(|byte| byte.is_ascii_alphabetic() || b"-_".contains(&byte))
    };
    let Some((first, _)) = text.split_once('|') else {
        return false;
    };
    let is_group = text.contains('(') && text.contains(')');
    is_group || text.split('|').all(is_word) && !PROVIDERS.contains(&first)
}

/// Whether a text begins as the patterns of other products do: `re:evil`, `~bot`, `!bot`.
fn has_prefix(text: &str) -> bool {
    let begins = |prefix: &&str| text.len() > prefix.len() && text.starts_with(*prefix);
    ["re:", "regex:", "regexp:", "glob:", "~", "!"].iter().any(begins)
}

/// Whether there is a `?` in one word that is no URL and has no query.
fn has_wildcard_character(text: &str) -> bool {
    text.contains('?') && !text.contains(|c: char| c.is_whitespace() || "/=:".contains(c))
}

/// Whether there is a `[a-z]`, `[0-9]` or `[^x]`.
fn has_character_class(text: &str) -> bool {
    text.split('[').skip(1).any(|after| {
        let inner: Vec<char> = after.split(']').next().unwrap_or(after).chars().collect();
        let is_range = |range: &[char]| range[1] == '-' && range[0] < range[2];
        after.contains(']') && (inner.starts_with(&['^']) || inner.windows(3).any(is_range))
    })
}

/// Whether there is a `\d` or a `\.`, but not the backslash of `DOMAIN\david`.
fn has_escape(text: &str) -> bool {
    text.split('\\').skip(1).any(|after| {
        let mut characters = after.chars();
        match characters.next() {
            Some(first) if "dwsbDWSB".contains(first) => characters.next().is_none_or(|next| !next.is_alphanumeric()),
            Some(first) => ".*+?()[]{}^$|/".contains(first),
            None => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_pattern_is_found() {
        for text in ["*", "**", ".*", ".+", "^.*$", "%"] {
            assert_eq!(Look::of(text), Some(Look::Any), "{text}");
        }
        for text in [
            "evil-*",
            "*@example.com",
            "https://*.example.com",
            "^agent",
            "agent$",
            "a.*b",
            "bot.+",
            "bot-\\d",
            "a\\.b",
            "(?i)admin",
            "bot-[0-9]",
            "[a-z]x",
            "[^x]",
            "/^a/",
            "/admin/",
            "svc-%",
            "%admin",
            "orders:*",
            "evil?",
            "evil-?",
            "e?il",
            "a|b",
            "(a|b)",
            "bot-(1|2)",
            "re:evil",
            "regex:bot",
            "~bot",
            "!bot",
        ] {
            assert_eq!(Look::of(text), Some(Look::Pattern), "{text}");
        }
        for text in ["a, b", "a,b", "web, batch, cli", "a@x.example,b@x.example"] {
            assert_eq!(Look::of(text), Some(Look::Several), "{text}");
        }
        for text in [" a", "a ", "\ta", "a\u{a0}"] {
            assert_eq!(Look::of(text), Some(Look::Blank), "{text}");
        }
        for text in ["{{tenant}}", "${TENANT}", "bot-%{id}", "#{x}", "{{ .Values.x }}"] {
            assert_eq!(Look::of(text), Some(Look::Template), "{text}");
        }
        for text in [
            "refund-agent",
            "auth0|64f",
            "google-oauth2|1",
            "github|5",
            "samlp|corp|alice",
            "acme|64f5",
            "corp|a@example.com",
            "alice@example.com",
            "https://idp.example.com/users?x=y",
            "user?x=y",
            "CN=a, O=b",
            "CN=a,O=b",
            "Doe, John F.",
            "is it so?",
            "urn:example:a",
            "re",
            "system:serviceaccount:ns:name",
            "spiffe://example.org/a/b",
            "a+b@example.com",
            "https://idp.example.com/",
            "/realms/a",
            "orders:read",
            "urn:mace:incommon:iap:silver",
            "repo:o/r:ref:refs/heads/main",
            "a.b",
            "A-Z",
            "{6f9619ff-8b86-d011-b42d-00c04fc964ff}",
            "[a]",
            "a%40b",
            "$5",
            "~",
            "",
            "100 % x",
        ] {
            assert_eq!(Look::of(text), None, "{text}");
        }
    }
}
