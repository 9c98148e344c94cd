//! `expression`: a condition in CEL (Common Expression Language), one more conjunct beside the other words.
//!
//! An expression that reads `chain` is a history rule, any other one a core rule, which gets no prior actor as input. Whatever
//! does not evaluate to `true` denies.

#[cfg(feature = "cel")]
mod analysis;
#[cfg(feature = "cel")]
mod bound;
#[cfg(feature = "cel")]
mod comprehension;
#[cfg(feature = "cel")]
mod constant;
#[cfg(feature = "cel")]
mod functions;
#[cfg(feature = "cel")]
mod mistake;
#[cfg(feature = "cel")]
mod number;
#[cfg(feature = "cel")]
mod place;
#[cfg(feature = "cel")]
mod program;
#[cfg(feature = "cel")]
mod typing;
#[cfg(feature = "cel")]
mod values;
#[cfg(feature = "cel")]
mod vocabulary;

mod document;

#[cfg(not(feature = "cel"))]
mod absent;
#[cfg(feature = "cel")]
mod condition;

pub(in crate::policy) use document::ExpressionDocument;

#[cfg(not(feature = "cel"))]
pub(in crate::policy) use absent::{CoreExpression, HistoryExpression};
#[cfg(not(feature = "cel"))]
pub(super) use absent::{Expression, compile};
#[cfg(feature = "cel")]
pub(in crate::policy) use condition::{CoreExpression, HistoryExpression};
#[cfg(feature = "cel")]
pub(super) use condition::{Expression, compile};

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use crate::policy::Policy;
    use crate::policy::rules::RequestFacts;
    use crate::policy::testing::{
        NOW, agent, chain, checks, code, human, outcome_of_request, raw_code, requirement, without_body,
    };
    use crate::request::HeaderTexts;

    const NOT_TRUE: &str = "expression_not_true";

    /// A rule with an expression that has no quotes of its own kind.
    fn rule(expression: &str) -> String {
        format!("expression: {}", serde_json::to_string(expression).unwrap())
    }

    fn of(expression: &str, claims: Value) -> &'static str {
        code(&rule(expression), claims)
    }

    /// What `explain` shows as got.
    fn got(expression: &str, claims: Value) -> String {
        checks(&rule(expression), claims).pop().unwrap().got
    }

    #[test]
    fn only_true_meets_an_expression() {
        let claims = || {
            json!({
                "region": "eu", "level": 3, "flag": true, "off": false, "none": null, "roles": ["sre", "dev"], "zero": 0,
                "object": {"a": {"b": 1}}, "groups": [{"id": "g1"}, {"id": "g2"}], "big": i64::MAX, "biggest": u64::MAX, "part": 0.1,
                "name": "Zoë 日本", "scope": "a b", "client_id": "web", "sub_profile": "user", "amr": ["pwd", "mfa"], "acr": "phr",
                "auth_time": NOW - 100, "iat": NOW - 60, "exp": NOW + 60, "jti": "j", "act": agent("bot"),
            })
        };
        for (expression, expected) in [
            ("claims.region == \"eu\"", "true"),
            ("claims[\"region\"] == 'eu'", "true"),
            ("claims.region != \"eu\"", "false"),
            ("claims.region in [\"eu\", \"uk\"]", "true"),
            ("\"sre\" in claims.roles", "true"),
            ("\"ops\" in claims.roles", "false"),
            ("\"region\" in claims && !(\"other\" in claims)", "true"),
            ("claims.flag", "true"),
            ("claims.off", "false"),
            ("!claims.off", "true"),
            ("claims.level >= 3 && claims.level < 4", "true"),
            ("claims.level == 3.0 && claims.level == 3u", "true"),
            ("claims.object.a.b == 1", "true"),
            ("claims.object[\"a\"][\"b\"] == 1", "true"),
            ("claims.groups.exists(g, g.id == \"g2\")", "true"),
            ("claims.groups.all(g, g.id.startsWith(\"g\"))", "true"),
            ("claims.groups.exists_one(g, g.id == \"g1\")", "true"),
            ("size(claims.groups.filter(g, g.id == \"g1\")) == 1", "true"),
            ("claims.groups[1].id == \"g2\"", "true"),
            ("claims.part == 0.1 && claims.part < 0.2", "true"),
            ("claims.big == 9223372036854775807", "true"),
            (
                "claims.biggest == 18446744073709551615u && claims.biggest > claims.big",
                "true",
            ),
            (
                "size(claims.name) == 6 && claims.name.endsWith(\"日本\") && claims.name.contains('oë')",
                "true",
            ),
            ("claims.name == \"Zoe\\u0308 日本\"", "false"),
            (
                "initiator.kind == \"human\" && \"mfa\" in initiator.amr && initiator.acr == \"phr\"",
                "true",
            ),
            (
                "now - initiator.auth_time <= 100 && now - token.iat < 61 && token.exp - token.iat == 120",
                "true",
            ),
            (
                "initiator.subject == \"u1\" && initiator.issuer == \"https://idp.example\" && token.jti == \"j\"",
                "true",
            ),
            (
                "\"a\" in token.aud && size(token.aud) == 1 && client == \"web\" && \"b\" in scopes && size(scopes) == 2",
                "true",
            ),
            (
                "actor.subject == \"bot\" && actor.kind == \"agent\" && actor.issuer == initiator.issuer",
                "true",
            ),
            ("has(claims.region) && !has(claims.other) && has(actor.kind)", "true"),
            ("has(claims.object.a) && !has(claims.object.z)", "true"),
            ("claims.none == null", "true"),
            ("has(claims.none)", "true"),
            ("claims.level == 3 ? claims.flag : claims.off", "true"),
            ("claims.region + \"-\" + claims.name == \"eu-Zoë 日本\"", "true"),
            ("int(claims.level) * 2 == 6 && -claims.level == -3", "true"),
            // An error beside what decides the result.
            ("claims.other == 1 || claims.flag", "true"),
            ("claims.flag || claims.other == 1", "true"),
            ("claims.other == 1 && claims.off", "false"),
            // What is missing, and of another type.
            ("claims.other == 1", "no `other`"),
            ("claims.other != 1", "no `other`"),
            ("!(claims.other == 1)", "no `other`"),
            ("!has(claims.other.name)", "no `other`"),
            ("!(\"a\" in claims.other)", "no `other`"),
            ("claims.object.z != 1", "no `z`"),
            ("claims.region.name == 1", "a value of another type"),
            ("claims.none.name == 1", "a value of another type"),
            ("claims.none > 1", "a value of another type"),
            ("claims.region > 1", "a value of another type"),
            ("claims.region", "neither true nor false"),
            ("claims.level", "neither true nor false"),
            ("!claims.level", "a value of another type"),
            ("claims.level && claims.flag", "a value of another type"),
            ("claims.flag ? claims.region : claims.flag", "neither true nor false"),
            ("claims.region.exists(c, c == \"e\")", "a value of another type"),
            ("claims.groups.all(g, g.other == \"x\")", "no `other`"),
            ("size(claims.level) == 1", "a value of another type"),
            ("claims.level.startsWith(\"3\")", "a value of another type"),
            ("claims.groups[2].id == \"x\"", "no such item of a list"),
            ("claims.groups[-1].id == \"x\"", "no such item of a list"),
            ("claims.groups[claims.part].id == \"x\"", "a value of another type"),
            // Numbers out of range.
            ("claims.big + 1 > 0", "a number out of range"),
            ("int(claims.big) * 2 != 0", "a number out of range"),
            ("-9223372036854775807 - claims.level < 0", "a number out of range"),
            ("int(claims.biggest) > 0", "a number out of range"),
            ("1 / claims.zero == 1", "a division by zero"),
            ("1 % claims.zero == 1", "a division by zero"),
            ("1 / (claims.level - 3) != 7", "a division by zero"),
            ("-9223372036854775808 / (claims.zero - 1) != 0", "a number out of range"),
            ("1 + claims.part == 1", "a value of another type"),
        ] {
            assert_eq!(got(expression, claims()), expected, "{expression}");
            let outcome = if expected == "true" { "allow" } else { NOT_TRUE };
            assert_eq!(of(expression, claims()), outcome, "{expression}");
        }
    }

    #[test]
    fn a_fact_that_is_missing_denies_however_it_is_compared() {
        for (expression, missing) in [
            ("actor.subject != \"evil\"", "actor"),
            ("has(actor.subject) || !has(actor.subject)", "actor"),
            ("client != \"evil\"", "client"),
            ("initiator.kind != \"agent\"", "kind"),
            ("initiator.acr != \"low\"", "acr"),
            ("!(\"sms\" in initiator.amr)", "amr"),
            ("now - initiator.auth_time >= 0", "auth_time"),
            ("now - token.iat >= 0", "iat"),
            ("token.jti != \"x\"", "jti"),
            ("request.headers[\"x-tenant\"] != \"t\"", "x-tenant"),
        ] {
            assert_eq!(of(expression, json!({})), NOT_TRUE, "{expression}");
            assert_eq!(got(expression, json!({})), format!("no `{missing}`"), "{expression}");
        }
        // A machine that is its own actor has no actor.
        let own = json!({"sub": "m", "sub_profile": "ai_agent", "act": agent("m")});
        assert_eq!(got("actor.subject != \"x\"", own), "no `actor`");
    }

    #[test]
    fn a_number_that_would_be_rounded_denies() {
        for (number, expected) in [
            ("500", "allow"),
            ("5e2", "allow"),
            ("500.00", "allow"),
            ("500.000000000000001", NOT_TRUE),
            ("499.99999999999999999", NOT_TRUE),
            ("501", NOT_TRUE),
        ] {
            let claims = format!(r#"{{"amount": {number}, "nested": [{{"n": {number}}}]}}"#);
            for expression in [
                "claims.amount == 500",
                "claims.nested[0].n == 500",
                "claims.amount <= 500",
            ] {
                assert_eq!(raw_code(&rule(expression), &claims), expected, "{expression}: {number}");
            }
        }
        for number in [
            "500.000000000000001",
            "18446744073709551616",
            "1e22",
            "0.10000000000000000001",
        ] {
            let claims = format!(r#"{{"amount": {number}, "flag": true}}"#);
            for expression in [
                "claims.amount != 500",
                "claims.amount > 0",
                "claims.flag || claims.amount == 1",
            ] {
                assert_eq!(raw_code(&rule(expression), &claims), NOT_TRUE, "{expression}: {number}");
            }
            assert_eq!(
                raw_code(&rule("claims.flag"), &claims),
                "allow",
                "a claim that is not read"
            );
        }
        let close = r#"{"one": 9007199254740993, "other": 9007199254740992.0}"#;
        assert_eq!(raw_code(&rule("claims.one == claims.other"), close), NOT_TRUE);
        assert_eq!(raw_code(&rule("claims.one > claims.other"), close), "allow");
    }

    #[test]
    fn lists_and_depths_are_bounded() {
        let numbers = |length: usize| json!({"list": vec![1; length]});
        assert_eq!(of("claims.list.all(n, n == 1)", numbers(256)), "allow");
        assert_eq!(of("claims.list.all(n, n == 1)", numbers(257)), NOT_TRUE);
        assert_eq!(
            got("1 in claims.list", numbers(257)),
            "more than 256 items, 32 actors, or 65536 bytes"
        );
        let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(of("claims.a == claims.b", json!({"a": deep, "b": deep})), "allow");
        let scopes: Vec<String> = (0..300).map(|number| format!("s{number}")).collect();
        assert_eq!(of("\"s1\" in scopes", json!({"scope": scopes.join(" ")})), NOT_TRUE);
    }

    #[test]
    fn the_chain_is_a_list_of_which_the_current_actor_is_the_first() {
        let names: Vec<String> = (0..16).map(|number| format!("a{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let of = |expression: &str, names: &[&str]| of(expression, human(chain(names)));
        for (expression, expected) in [
            ("size(chain) == 16", "allow"),
            ("chain[0].subject == \"a0\" && chain[15].subject == \"a15\"", "allow"),
            (
                "chain.all(a, a.kind == \"agent\" && a.issuer == initiator.issuer)",
                "allow",
            ),
            ("chain.exists(a, a.subject == \"a9\")", "allow"),
            ("chain.exists(a, a.subject == \"x\")", NOT_TRUE),
            ("chain.all(a, chain.exists_one(b, a.subject == b.subject))", "allow"),
            ("size(chain.filter(a, a.subject in [\"a1\", \"a2\"])) == 2", "allow"),
            ("chain[16].subject == \"x\"", NOT_TRUE),
        ] {
            assert_eq!(of(expression, &names), expected, "{expression}");
        }
        assert_eq!(of("size(chain) == 0", &[]), "allow");
        assert_eq!(of("chain.all(a, a.kind == \"agent\")", &[]), "allow");
        let mut unsure = human(chain(&["b", "a"]));
        unsure["chain_complete"] = json!(false);
        assert_eq!(code(&rule("size(chain) == 2"), unsure), "chain_incomplete");
    }

    #[test]
    fn only_an_expression_on_the_chain_is_a_history_rule() {
        let tiers = |expression: &str| {
            let requirement = requirement(&rule(expression));
            (
                requirement
                    .core
                    .iter()
                    .filter(|rule| rule.name.ends_with("expression"))
                    .count(),
                requirement.history.len(),
            )
        };
        assert_eq!(tiers("actor.subject == \"a\""), (1, 0));
        assert_eq!(tiers("claims.chain == \"a\""), (1, 0));
        assert_eq!(tiers("chain[0].subject == \"a\""), (0, 1));
        assert_eq!(tiers("claims.a == 1 || size(chain) < 2"), (0, 1));
        let inverted = json!({"sub_profile": "ai_agent", "act": {"sub": "p", "sub_profile": "user"}});
        assert_eq!(of("actor.subject == \"p\"", inverted.clone()), "chain_inverted");
        assert_eq!(of("initiator.kind == \"agent\"", inverted.clone()), "chain_inverted");
        assert_eq!(of("initiator.subject == \"u1\"", inverted), "allow");
    }

    #[test]
    fn an_expression_can_be_an_alternative_unless_it_reads_the_chain() {
        let body = "any_of: [{ expression: 'claims.a == 1' }, { scopes: [b] }]";
        assert_eq!(code(body, json!({"a": 1})), "allow");
        assert_eq!(code(body, json!({"scope": "b"})), "allow");
        assert_eq!(code(body, json!({"a": 2})), "any_of_not_met");
        let text = "routes: [{ match: GET /, any_of: [{ expression: 'size(chain) < 2' }] }]";
        let mistake = Policy::from_yaml(text).unwrap_err().to_string();
        assert!(mistake.contains("`chain` cannot be an alternative"), "{mistake}");
    }

    #[test]
    fn parameters_headers_and_the_method_are_those_of_the_request() {
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", HeaderValue::from_static("t1"));
        headers.append("x-twice", HeaderValue::from_static("a"));
        headers.append("x-twice", HeaderValue::from_static("a"));
        headers.insert("x_spelled", HeaderValue::from_static("a"));
        headers.insert("x-unicode", HeaderValue::from_bytes("é".as_bytes()).unwrap());
        let of = |route: &str, path: &str, expression: &str| {
            let text = format!("routes: [{{ match: '{route}', {} }}]", rule(expression));
            let policy = Policy::from_yaml(&text).map_err(|error| error.to_string())?;
            let request = RequestFacts {
                method: "POST",
                path,
                headers: HeaderTexts::new(Some(&headers)),
                ..without_body()
            };
            let crate::policy::Access::Guarded(requirement) = &policy.exact_route("POST", path).unwrap().access else {
                panic!("a public route")
            };
            let claims = json!({"sub_profile": "user", "order": "7", "tenant": "t1"});
            Ok::<_, String>(crate::policy::testing::outcome_by(requirement, claims, &request))
        };
        for (route, path, expression, expected) in [
            ("POST /orders/{id}", "/orders/7", "params.id == claims.order", "allow"),
            ("POST /orders/{id}", "/orders/8", "params.id == claims.order", NOT_TRUE),
            ("POST /{a}/x/{b}", "/1/x/2", "params.a + params.b == \"12\"", "allow"),
            ("POST /files/{*rest}", "/files/a/b", "params.rest == \"a/b\"", "allow"),
            ("POST /{*rest}", "/a/b", "params.rest == \"a/b\"", "allow"),
            ("POST /orders/{id}", "/orders/a b", "params[\"id\"] == \"a b\"", "allow"),
            ("POST /a", "/a", "request.method == \"POST\"", "allow"),
            (
                "POST /a",
                "/a",
                "request.headers[\"x-tenant\"] == claims.tenant",
                "allow",
            ),
            (
                "POST /a",
                "/a",
                "request.method == \"POST\" && \"x-tenant\" in request.headers",
                "allow",
            ),
            ("POST /a", "/a", "!(\"x-other\" in request.headers)", "allow"),
            ("POST /a", "/a", "!has(request.headers.other)", "allow"),
            ("POST /a", "/a", "request.headers.other == \"x\"", NOT_TRUE),
            // There, and not one text.
            ("POST /a", "/a", "!(\"x-twice\" in request.headers)", NOT_TRUE),
            ("POST /a", "/a", "!(\"x-spelled\" in request.headers)", NOT_TRUE),
            ("POST /a", "/a", "!(\"x-unicode\" in request.headers)", NOT_TRUE),
        ] {
            assert_eq!(
                of(route, path, expression).as_deref(),
                Ok(expected),
                "{route}: {expression}"
            );
        }
        let mistake = of("POST /orders/{id}", "/orders/7", "params.order == \"7\"").unwrap_err();
        assert!(mistake.contains("the route has no parameter `order`"), "{mistake}");
        // By itself a requirement has no route, and so no parameter.
        for expression in [
            "params.id == \"7\"",
            "!(\"id\" in params)",
            "!has(params.id)",
            "claims.sub == \"u1\" || has(params.id)",
        ] {
            let shared = format!("requirements: {{ r: {{ {} }} }}", rule(expression));
            let outcome = crate::policy::testing::outcome_of_requirement(&shared, "r", &without_body());
            assert_eq!(outcome, NOT_TRUE, "{expression}");
        }
        assert_eq!(
            outcome_of_request(&rule("request.method == \"GET\""), json!({}), &without_body()),
            "allow"
        );
    }

    /// The mistake of an expression, with its column within the text and its help.
    fn mistake(expression: &str) -> String {
        let text = format!("routes:\n- match: GET /a/{{id}}\n  expression: |-\n    {expression}\n");
        match Policy::from_yaml(&text) {
            Ok(_) => "none".to_owned(),
            Err(error) => error.to_string().replace("\n  help: ", "; ").replacen("4:", "", 1),
        }
    }

    #[test]
    fn a_mistake_has_its_place_and_its_help() {
        for (expression, expected) in [
            ("claims.region = \"eu\"", "19: `=` is not expected here; write `==`"),
            (
                "claims.region == ",
                "22: the expression ends too early; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "(claims.region == \"eu\"",
                "27: not an expression of CEL: expected ')'; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "claims.region == \"eu",
                "22: not an expression of CEL: unterminated string literal; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "claims.region == \"eu\" and true",
                "27: `and` is not expected here; write `&&`",
            ),
            (
                "claims.a == 1 && clams.b == 2",
                "22: `clams` is not a fact; did you mean `claims`?",
            ),
            (
                "initiator.kid == \"human\"",
                "15: `initiator.kid` is not a fact; did you mean `kind`?",
            ),
            ("act.sub == \"a\"", "5: `act` is not a fact; did you mean `actor`?"),
            (
                "actor == \"a\"",
                "5: `actor` is not a value by itself; write one of `actor.issuer`, `actor.subject`, `actor.kind`",
            ),
            (
                "claims == \"a\"",
                "5: `claims` is not a value by itself; write `claims.NAME` or `claims[\"NAME\"]`",
            ),
            (
                "claims.act.sub == \"a\"",
                "12: an expression cannot read the claim `act`; read `actor` for the current actor, `chain` for every one",
            ),
            (
                "has(claims.cnf)",
                "16: an expression cannot read `cnf`: a binding counts only with its proof; write `token: { sender_constrained: true }`",
            ),
            (
                "claims[client] == 1",
                "5: the name of a member of `claims` is not a text in quotes; write the name in quotes",
            ),
            (
                "params.order == \"1\"",
                "12: the route has no parameter `order`; expected `id`",
            ),
            (
                "request.path == \"/\"",
                "13: `request.path` is not a fact; write the parameters of the route: `params.NAME`",
            ),
            (
                "request.headers[\"X-Tenant\"] == \"a\"",
                "21: the header `X-Tenant` is in upper case; write `x-tenant`",
            ),
            (
                "request.headers[\"authorization\"] == \"a\"",
                "21: the header `authorization` carries credentials, which no rule reads; read the facts of the token",
            ),
            (
                "request.headers[\"mcp-name\"] == \"a\"",
                "21: the header `mcp-name` is of MCP, and is read by `mcp`; write `mcp` beside the `match` of a route",
            ),
            (
                "!(\"x-forwarded-for\" in request.headers)",
                "7: the header `x-forwarded-for` is for proxies to set, on the path, the method, the address or the scheme of the request; read the parameters of the route, or `request.method`",
            ),
            (
                "request.headers.origin == \"a\"",
                "21: the header `origin` has a meaning of its own to servers and proxies, which may read or change it; read a header of the API, such as `x-tenant`",
            ),
            (
                "request.headers == \"a\"",
                "13: `request.headers` is not a value by itself; write the name of one: `request.headers[\"x-tenant\"]`",
            ),
            (
                "claims.a.matches(\"(a+)+$\")",
                "14: `matches` is not a function of expressions; there are no regular expressions: write `startsWith`, `endsWith` or `contains`",
            ),
            (
                "timestamp(claims.a) < now",
                "5: `timestamp` is not a function of expressions; times are whole seconds since 1970: `now - token.iat < 300`; for days and hours write `time`",
            ),
            (
                "claims.a.map(x, x + x).size() > 0",
                "14: `map` is not a function of expressions; test the items where they are: `list.exists(item, item.name == \"a\")`",
            ),
            (
                "claims.a.startWith(\"a\")",
                "14: `startWith` is not a function of expressions; did you mean `startsWith`?",
            ),
            (
                "startsWith(claims.a, \"a\")",
                "5: `startsWith` is not called in this way; write `TEXT.startsWith(TEXT)`",
            ),
            (
                "chain.exists(a, a.sub == \"x\")",
                "23: an actor has no `sub`; did you mean `subject`?",
            ),
            (
                "chain.exists(claims, claims.subject == \"x\")",
                "18: `claims` is a fact, and here also a variable; give the variable another name",
            ),
            (
                "claims.a.exists(x.y, x == 1)",
                "22: not an expression of CEL: argument must be a simple name; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "true",
                "5: the expression does not depend on the request; write a condition, or remove it",
            ),
            (
                "initiator.subject",
                "5: the expression is a text, and only `true` meets it; compare it: `==`, `<`, `in`",
            ),
            (
                "size(scopes)",
                "5: the expression is a number, and only `true` meets it; compare it: `==`, `<`, `in`",
            ),
            (
                "[1]",
                "5: the expression is a list, and only `true` meets it; compare it: `==`, `<`, `in`",
            ),
            (
                "now == \"today\"",
                "9: a number is never equal to a text; compare values of one type",
            ),
            (
                "initiator.subject != 5",
                "23: a text is never equal to a number; compare values of one type",
            ),
            (
                "scopes == \"a\"",
                "12: a list is never equal to a text; compare values of one type",
            ),
            (
                "\"a\" in client",
                "9: `in` needs a list, and not a text; write `[ ]` around the values",
            ),
            (
                "1 in scopes",
                "7: a number is never equal to a text; compare values of one type",
            ),
            (
                "now && true",
                "9: `&&` needs `true` or `false`, and not a number; compare it: `==`, `<`, `in`",
            ),
            (
                "claims.a + claims.b > 1",
                "14: the numbers on both sides of `+` may have a fraction, which would be rounded; write whole numbers on both sides, those of claims as `int(claims.NAME)`",
            ),
            (
                "claims.a * 1.5 > 1.0",
                "14: a number with a fraction would be rounded; write whole numbers on both sides, those of claims as `int(claims.NAME)`",
            ),
            (
                "claims.a == 500.000000000000001",
                "17: `500.000000000000001` would be rounded; write a whole number, or fewer digits",
            ),
            (
                "claims.a == 18446744073709551616",
                "17: not an expression of CEL: invalid int literal; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "claims.a == b\"x\"",
                "5: bytes is not accepted in an expression; write a text",
            ),
            (
                "{\"a\": 1} == claims.a",
                "5: a mapping in `{ }` is not accepted in an expression; write a list in `[ ]`",
            ),
            (
                "claims.a.?b == 1",
                "13: not an expression of CEL: unsupported syntax '.?'; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "a.B{c: 1} == claims.a",
                "5: an object in `{ }` is not accepted in an expression; compare its members",
            ),
            (
                "client.subject == \"a\"",
                "12: a text has no member `subject`; compare the value itself",
            ),
            (
                "has(client)",
                "9: not an expression of CEL: invalid argument to has() macro; write a condition such as `claims.region == \"eu\"`",
            ),
            (".claims.a == 1", "5: `.claims` is not a fact; did you mean `claims`?"),
            (
                "`claims`.a == 1",
                "5: not an expression of CEL: unexpected quoted identifier; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "claims.a == @result",
                "17: not an expression of CEL: unexpected character; write a condition such as `claims.region == \"eu\"`",
            ),
            (
                "__result__ == 1",
                "5: `__result__` is not a fact; expected one of `initiator`, `actor`, `chain`, `client`, `scopes`, `claims`, `token`, `request`, `params`, `now`",
            ),
        ] {
            assert_eq!(mistake(expression), expected, "{expression}");
        }
    }

    #[test]
    fn the_cost_of_an_expression_is_bounded() {
        let repeated = |part: &str, with: &str, times: usize| vec![part; times].join(with);
        let begins = |expression: &str| mistake(expression).split("; ").next().unwrap_or_default().to_owned();
        assert_eq!(begins(&repeated("claims.a == 1", " || ", 60)), "none");
        for (expression, expected) in [
            (
                repeated("claims.a == 1", " || ", 140),
                "the expression has 2376 bytes, and at most 2048 are accepted",
            ),
            (
                repeated("1", " + ", 60) + " == now",
                "the expression is nested 61 deep, and at most 16 levels are evaluated",
            ),
            (repeated("(", "", 1000), "the expression is nested more than 20 deep"),
            (repeated("[", "", 1000), "the expression is nested more than 20 deep"),
            (
                repeated("a.", "", 900) + "a",
                "the expression has 901 parts, and at most 600 are evaluated",
            ),
            (
                "claims.a.exists(x, claims.b.exists(y, x == y))".to_owned(),
                "the expression can take 4794627 steps, and at most 300000 are accepted",
            ),
            (
                "claims.a.exists(x, claims.b.exists(y, claims.c.exists(z, x == y)))".to_owned(),
                "more than 2 of `exists`, `all`, `exists_one`, `filter` are within each other",
            ),
            (
                format!(
                    "[claims.s + \"\"].exists(x, [{}].exists(y, size(y + y + y) > 1))",
                    repeated("x", " + ", 6)
                ),
                "a value of the expression can have 1180544 bytes, and at most 1048576 are accepted",
            ),
        ] {
            assert_eq!(begins(&expression), format!("5: {expected}"), "{expression}");
        }
        let of_all = |part: &str| format!("claims.l.all(x, {part})");
        for expression in [
            of_all("claims.a == claims.b"),
            of_all("!claims.s.contains(claims.t)"),
            of_all("!(claims.x in claims.y)"),
            of_all("size(claims.f.filter(y, true)) == 1"),
            repeated("claims.a == claims.b", " || ", 40),
        ] {
            let found = begins(&expression);
            assert!(found.contains("steps, and at most 300000"), "{expression}: {found}");
        }
        for expression in [
            "claims.a.exists(x, chain.exists(y, x.id == y.subject))",
            "chain.all(a, chain.exists_one(b, a.subject == b.subject))",
            "claims.a == claims.b && claims.s.contains(claims.t) && claims.x in claims.y",
            "claims.roles.exists(r, r.startsWith(\"a\") || r.endsWith(client) || r == \"b\")",
            "claims.groups.exists(g, params.id in g.members)",
            "size(claims.groups.filter(g, g.id == \"a\")) == 1",
        ] {
            assert_eq!(begins(expression), "none", "{expression}");
        }
    }
}
