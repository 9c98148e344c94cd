//! Mistakes in `profile`, `kinds` and `agent_clients` of an issuer: each is reported once, at its place, with help.

use super::mistakes::assert_mistakes;

const ISSUER: &str = "  - issuer: https://idp.example.com\n    ";

/// Fails unless exactly this mistake is reported for each row, which begins in line 6.
fn assert_rows(key: &str, rows: &[(&str, &str)]) {
    let rows = rows
        .iter()
        .map(|(value, expected)| (format!("{ISSUER}{key}: {value}\n"), format!("{expected}\n")));
    let rows: Vec<(String, String)> = rows.collect();
    let rows: Vec<_> = rows.iter().map(|(text, expected)| (&**text, &**expected)).collect();
    assert_mistakes(&rows, &[]);
}

#[test]
fn a_part_of_a_profile_that_makes_no_sense_is_a_mistake() {
    assert_rows(
        "profile",
        &[
            (
                "{ access_token: [{ typ: JWT }] }",
                "6:31: ID tokens have this type too: `JWT`\n\
            \x20 help: name under `where` a claim that access tokens of the issuer have and its other tokens lack",
            ),
            (
                "{ access_token: [{ typ: none }] }",
                "6:31: ID tokens have this type too: `none`\n\
            \x20 help: name under `where` a claim that access tokens of the issuer have and its other tokens lack",
            ),
            (
                "{ access_token: [{ typ: JWT, where: {} }] }",
                "6:50: a mapping of claims has from 1 to 64 of them\n  help: write `CLAIM: VALUE`",
            ),
            (
                "{ access_token: [] }",
                "6:30: a profile has from 1 to 32 types of access tokens\n  help: write `- typ: at+jwt`",
            ),
            (
                "{ access_token: [{ typ: secevent+jwt }] }",
                "6:38: a token of type `secevent+jwt` is never an access token\n\
            \x20 help: remove it; access tokens are `at+jwt`",
            ),
            (
                "{ access_token: [{ typ: application/logout+jwt }] }",
                "6:38: a token of type `logout+jwt` is never an access token\n\
            \x20 help: remove it; access tokens are `at+jwt`",
            ),
            (
                "{ access_token: [{ typ: 'JWT*', where: { a: b } }] }",
                "6:38: `JWT*` is not a media type\n  help: write the `typ` of the header, or `none`",
            ),
            (
                "{ acces_token: [{ typ: at+jwt }] }",
                "6:16: unknown key `acces_token`\n  help: did you mean `access_token`?",
            ),
            (
                "keyclaok",
                "6:14: unknown word `keyclaok`\n  help: did you mean `keycloak`?",
            ),
            (
                "{ preset: keyclaok }",
                "6:24: unknown word `keyclaok`\n  help: did you mean `keycloak`?",
            ),
            (
                "{ chain_completeness: all }",
                "6:36: unknown word `all`\n\
            \x20 help: expected one of `complete`, `actor-token-only`, `outer-only`, `none`",
            ),
            (
                "{ scope: [scope, scp, scope] }",
                "6:23: `scope` is named twice\n  help: keep one of them",
            ),
            (
                "{ scope: [{ claim: scp, form: lists }] }",
                "6:44: unknown word `lists`\n  help: did you mean `list`?",
            ),
            (
                "{ client: [azp, azp] }",
                "6:24: `azp` is named twice\n  help: keep one of them",
            ),
            (
                "{ refused_claims: [nonce, nonce] }",
                "6:32: `nonce` is named twice\n  help: keep one of them",
            ),
            (
                "{ subject: { claim: sub, substitute: sub } }",
                "6:25: `sub` is its own substitute\n  help: name another claim, or none",
            ),
            (
                "{ audience: { claim: aud, substitute: aud } }",
                "6:26: `aud` is its own substitute\n  help: name another claim, or none",
            ),
            (
                "{ issuer: { claim: issuer } }",
                "6:33: unknown word `issuer`\n  help: expected `iss`",
            ),
            (
                "{ issuer: { claim: iss, substitute: domain } }",
                "6:50: unknown word `domain`\n  help: expected `trust-domain`",
            ),
            (
                "{ subject: '' }",
                "6:25: the name of a claim has from 1 to 256 bytes\n  help: write it as the issuer does",
            ),
            (
                "{ actor: { issuer: lax } }",
                "6:33: unknown word `lax`\n  help: expected one of `implicit`, `strict`",
            ),
            (
                "{ actor: { errors: maybe } }",
                "6:33: unknown word `maybe`\n  help: expected one of `policy`, `actor-profile`",
            ),
            (
                "{ actor: { acts: act } }",
                "6:25: unknown key `acts`\n\
            \x20 help: expected one of `claim`, `issuer`, `kinds`, `presenter`, `prior`, `origin`, `origin_client`, `errors`",
            ),
            (
                "{ kinds: { human: [{}] } }",
                "6:33: evidence without a part would always hold\n  help: write `subject`, `client` or `claims`",
            ),
            (
                "{ kinds: { robot: [{ subject: a }] } }",
                "6:25: unknown key `robot`\n  help: expected one of `human`, `agent`, `service`",
            ),
        ],
    );
}

#[test]
fn evidence_that_would_prove_too_much_or_nothing_is_a_mistake() {
    assert_rows(
        "kinds",
        &[
            (
                "{ human: [{}] }",
                "6:22: evidence without a part would always hold\n  help: write `subject`, `client` or `claims`",
            ),
            (
                "{ robot: [{ subject: a }] }",
                "6:14: unknown key `robot`\n  help: expected one of `human`, `agent`, `service`",
            ),
            (
                "{ human: [{ subject: '*' }] }",
                "6:33: `*` matches every subject\n  help: write a part of the subject beside the `*`",
            ),
            (
                "{ human: [{ subject: 'a*b' }] }",
                "6:33: `a*b` has more than a `*` at one end\n  help: write `begin*` or `*end`",
            ),
            (
                "{ human: [{ subject: '' }] }",
                "6:33: a subject has no blank at an end and no control character\n\
            \x20 help: write it as the token has it",
            ),
            (
                "{ human: [{ subject: [] }] }",
                "6:22: no party meets an empty list\n  help: write at least one value",
            ),
            (
                "{ agent: [{ client: 'a*' }] }",
                "6:32: `a*` is a pattern, and clients are compared as they are\n  help: write each client",
            ),
            (
                "{ agent: [{ client: ' a' }] }",
                "6:32: a client has no blank at an end and no control character\n  help: write it as the token has it",
            ),
            (
                "{ agent: [{ client: '' }] }",
                "6:32: a client has no blank at an end and no control character\n  help: write it as the token has it",
            ),
            (
                "{ agent: [{ clients: a }] }",
                "6:24: unknown key `clients`\n  help: did you mean `client`?",
            ),
            (
                "{ human: [{ claims: {} }] }",
                "6:32: a mapping of claims has from 1 to 64 of them\n  help: write `CLAIM: VALUE`",
            ),
            (
                "{ human: [{ claims: { a: { prefix: a, suffix: b } } }] }",
                "6:37: a claim has one test here\n  help: write one, or a list of the values that are accepted",
            ),
            (
                "{ human: [{ claims: { a: { prefix: '' } } }] }",
                "6:47: the part of a text is not blank and has no blank at an end\n  help: write a part of the value of the claim",
            ),
            (
                "{ human: [{ claims: { a: { present: false } } }] }",
                "6:48: only `true` has a meaning here\n  help: write `{ present: true }` or `{ absent: true }`",
            ),
            (
                "{ human: [{ claims: { a: { prefx: a } } }] }",
                "6:39: unknown key `prefx`\n  help: did you mean `prefix`?",
            ),
            (
                "{ human: [{ claims: { a: '' } }] }",
                "6:37: a blank text is no evidence\n  help: write the value of the claim",
            ),
            (
                "{ human: [{ claims: { a: [] } }] }",
                "6:37: no value meets an empty list\n  help: write at least one value, or `{ present: true }`",
            ),
            (
                "{ human: [{ claims: { a: 1.5 } }] }",
                "6:37: expected a value, a list of values, or one test, not a number\n\
            \x20 help: write a text, or `{ present: true }`, `{ prefix: name }`, or another test of the documentation",
            ),
            (
                "{ human: [{ claims: { a: { entity_profile: robot } } }] }",
                "6:55: unknown word `robot`\n  help: expected one of `user`, `ai_agent`, `service`",
            ),
            (
                "[human]",
                "6:12: expected a mapping, not a list\n  help: write `{ human: [{ claims: { CLAIM: name } }] }`",
            ),
        ],
    );
}

#[test]
fn an_agent_client_is_one_client() {
    assert_rows(
        "agent_clients",
        &[
            (
                "['a*']",
                "6:21: `a*` is not a client: it is a pattern, and clients are compared as they are written\n\
            \x20 help: write each client as the token has it",
            ),
            (
                "[]",
                "6:20: no client is named\n  help: name at least one client, or remove the key",
            ),
            (
                "[a, b, a]",
                "6:27: this client is named twice\n  help: keep one of them",
            ),
            (
                "['${ID}']",
                "6:21: `${ID}` is not a client: it is a pattern, and clients are compared as they are written\n\
            \x20 help: write each client as the token has it",
            ),
            (
                "['']",
                "6:21: `` is not a client: it is empty\n  help: write each client as the token has it",
            ),
            (
                "[' a']",
                "6:21: ` a` is not a client: it has white space at an end, or a control character\n\
            \x20 help: write each client as the token has it",
            ),
        ],
    );
}
