//! An agent is disabled at the issuer in the middle of a chain: gates that ask the issuer reject every token that names it.

use super::{Api, FLIGHTS, ORCH, PLAN, TOOL, U1_BY_PASSWORD, exchange, issuer, own_token};
use crate::deployment::bundled_issuer::{BundledIssuer, access_token};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;

const SEARCH: &str = "flights:search";

/// A gate that asks the issuer about each token it has verified; an answer is used for `cache`.
fn asking(issuer: &BundledIssuer, audience: &str, cache: &str) -> Api {
    let upstream = Upstream::start();
    let text = format!(
        "listen: 127.0.0.1:0
upstream: http://{}
admin: 127.0.0.1:0
audience: {audience}
issuers:
  - issuer: {}
    chain_completeness: complete
    prior_actors: enforce
    introspection:
      endpoint: {}/introspect
      client_id: monitor
      client_secret_file: monitor.secret
      tokens: signed
      cache: {cache}
routes: [{{ match: GET /search, scopes: [{SEARCH}] }}]
",
        upstream.address(),
        issuer.url(),
        issuer.url(),
    );
    let gate = Gate::run_beside(&text, &[("monitor.secret", "monitor-secret\n")]);
    gate.wait_until_ready();
    Api::over(gate, upstream)
}

#[test]
fn the_second_and_the_third_token_die_and_the_first_one_lives() {
    let (issuer, _) = issuer();
    let user = access_token(&issuer.sign_in("web", U1_BY_PASSWORD, ORCH, SEARCH));
    let first = access_token(&exchange(&issuer, "orch", &user, PLAN, SEARCH));
    let second = access_token(&exchange(&issuer, "plan", &first, TOOL, SEARCH));
    let third = access_token(&exchange(&issuer, "tool", &second, FLIGHTS, SEARCH));
    let own = own_token(&issuer, "plan", FLIGHTS, SEARCH);
    let [plan, tool, flights] = [PLAN, TOOL, FLIGHTS].map(|audience| asking(&issuer, audience, "100ms"));
    let late = asking(&issuer, FLIGHTS, "1h");
    let request = "GET /search";
    let (one, two, three) = ("u1 > orch", "u1 > orch > plan", "u1 > orch > plan > tool");
    plan.check(&[("T1", request, &first, "200 allowed", one)]);
    tool.check(&[("T2", request, &second, "200 allowed", two)]);
    flights.check(&[
        ("T3", request, &third, "200 allowed", three),
        ("the token of the agent itself", request, &own, "200 allowed", "plan"),
    ]);
    late.check(&[("T3", request, &third, "200 allowed", three)]);

    let disabled = issuer.administer("POST", "agents/plan/disable", "");
    assert_eq!(disabled.status, 200, "{}", disabled.everything());
    for (what, api, token) in [
        ("T2", &tool, &second),
        ("T3", &flights, &third),
        ("its own", &flights, &own),
    ] {
        api.gate.wait_until(what, || {
            let (answer, event) = api.send(request, token);
            let challenge = answer.field("www-authenticate").unwrap_or_default();
            answer.status == 401 && event["code"] == "token_inactive" && challenge.contains("invalid_token")
        });
    }
    plan.check(&[("T1", request, &first, "200 allowed", one)]);
    late.check(&[("an answer is used for its time", request, &third, "200 allowed", three)]);
    drop(issuer);
    plan.gate.wait_until("unavailable", || {
        let (answer, event) = plan.send(request, &first);
        answer.status == 503 && event["code"] == "introspection_unavailable"
    });
}
