//! The upstream of a path that servers may read in several forms.

use serde_json::json;

use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::wire;

/// The requests that each of two upstreams received; `billing` has the API key.
fn received(policy: &str, rows: &[(&str, u16, &str)]) {
    let [all, billing] = [Upstream::start(), Upstream::start()];
    let text = format!(
        "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\naudience: a\n\
         issuers: [{{ issuer: 'https://idp.example', jwks_uri: 'http://127.0.0.1:9/jwks' }}]\n{policy}\
         routes: [{{ match: '* /{{*rest}}', public: true, escaped_slash: pass }}]\nupstreams:\n  - url: http://{}\n    \
         api_key: {{ header: X-Api-Key, file: all.key }}\n  - url: http://{}\n    path: /billing\n    \
         api_key: {{ header: X-Api-Key, file: billing.key }}\n",
        all.address(),
        billing.address()
    );
    let gate = Gate::run_beside(&text, &[("all.key", "all"), ("billing.key", "billing")]);
    for (target, status, expected) in rows {
        let (before, logged) = ([all.count(), billing.count()], gate.decisions().len());
        let answer = wire::answer(gate.address, &wire::request("GET", target, &[]));
        assert_eq!(answer.status, *status, "{target}");
        let requests = [all.since(before[0]), billing.since(before[1])].concat();
        let keys: Vec<_> = requests.iter().flat_map(|one| one.head.values("x-api-key")).collect();
        let expected: Vec<_> = expected.split_whitespace().collect();
        assert_eq!(keys, expected, "{target}");
        for one in &requests {
            assert_eq!(one.target, *target);
        }
        let event = gate.decision_after(logged);
        let decision = match status {
            200 => json!(["allow", null]),
            _ => json!(["deny", "invalid_request"]),
        };
        assert_eq!(json!([event["decision"], event["code"]]), decision, "{target}");
    }
}

#[test]
fn a_path_that_leads_to_two_upstreams_is_denied() {
    received(
        "",
        &[
            ("/billing/1", 200, "billing"),
            ("/billing", 200, "billing"),
            ("/billing/%7Eme", 200, "billing"),
            ("/billing/a%2Fb", 200, "billing"),
            ("/orders/%62illing", 200, "all"),
            ("/billingx", 200, "all"),
            ("/%62illing/1", 400, ""),
            ("/billin%67", 400, ""),
            ("/billing%2F1", 400, ""),
            ("/Billing/1", 400, ""),
            ("/billing./1", 400, ""),
            ("/billing%20/1", 400, ""),
        ],
    );
}

#[test]
fn a_policy_with_exact_spelling_has_one_upstream_for_each_spelling() {
    received(
        "spelling: exact\n",
        &[
            ("/billing/1", 200, "billing"),
            ("/Billing/1", 200, "all"),
            ("/billing./1", 200, "all"),
            ("/%62illing/1", 400, ""),
            ("/billing%2F1", 400, ""),
        ],
    );
}
