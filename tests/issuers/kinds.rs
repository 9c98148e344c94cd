//! `kinds` and `agent_clients` of an issuer: what its tokens do not state about their parties.

use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::deployment::{BRISK, Configuration, Deployment};
use crate::mint::{TokenIssuer, claims};
use crate::wire;

const POLICY: &str = "
routes:
  - match: GET /any
  - match: GET /human
    initiator: { kind: human }
  - match: GET /planner
    actor: { one_of: [planner-canary] }
";

const KINDS: &str = "    kinds:
      human: [{ subject: 'person|*' }, { claims: { employee: { present: true } } }]
      agent: [{ client: helper }]
      service: [{ subject: '*@jobs' }, { client: [batch, nightly] }]
";

fn deployment(lines: &str) -> Deployment {
    let configuration = Configuration {
        policy: POLICY.to_owned(),
        issuer: format!("{lines}{BRISK}"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

/// A valid token that does not state the kind of its subject, with these changes.
fn token(issuer: &TokenIssuer, changes: Value) -> String {
    let mut all = claims(changes);
    all.as_object_mut().expect("claims").remove("sub_profile");
    issuer.signed(&all)
}

/// The fields that the upstream receives, or the status of the denial.
fn received(gate: &Gate, upstream: &Upstream, path: &str, token: &str) -> Result<[Option<String>; 3], u16> {
    let before = upstream.count();
    match wire::get(gate.address, path, token).status {
        200 => {
            let head = upstream.since(before).remove(0).head;
            Ok(["x-auth-kind", "x-auth-actor", "x-auth-subject"].map(|name| head.value(name)))
        }
        status => Err(status),
    }
}

#[test]
fn evidence_by_subject_client_and_claim_proves_a_kind() {
    let setting = deployment(KINDS);
    let Deployment {
        gate, upstream, issuer, ..
    } = &setting;
    for (changes, kind) in [
        (json!({ "sub": "person|1" }), "human"),
        (json!({ "employee": "7" }), "human"),
        (json!({ "client_id": "helper" }), "agent"),
        (json!({ "sub": "cleanup@jobs" }), "service"),
        (json!({ "client_id": "batch" }), "service"),
        (json!({ "client_id": "nightly" }), "service"),
        (json!({ "client_id": "helper", "sub": "cleanup@jobs" }), "agent"),
        (json!({}), "unknown"),
        (json!({ "sub": "a person|1" }), "unknown"),
        (json!({ "employee": " " }), "unknown"),
        (json!({ "client_id": "batch2" }), "unknown"),
    ] {
        let token = token(issuer, changes.clone());
        let [shown, ..] = received(gate, upstream, "/any", &token).expect("an allowed request");
        assert_eq!(shown.as_deref(), Some(kind), "{changes}");
        let status = wire::get(gate.address, "/human", &token).status;
        assert_eq!(status, if kind == "human" { 200 } else { 403 }, "{changes}");
    }
    assert_eq!(warnings(gate), Vec::<String>::new());
}

/// The lines on evidence that contradicts itself.
fn warnings(gate: &Gate) -> Vec<String> {
    let lines = gate.process.stderr().into_iter();
    lines.filter(|line| line.contains("contradicts itself")).collect()
}

#[test]
fn a_contradiction_is_an_unknown_kind_and_one_warning_without_a_claim() {
    let Deployment {
        mut gate,
        upstream,
        issuer,
        ..
    } = deployment(KINDS);
    for (index, subject) in ["person|canary-1", "person|canary-2"].into_iter().enumerate() {
        let token = token(&issuer, json!({ "sub": subject, "client_id": "batch" }));
        assert_eq!(received(&gate, &upstream, "/human", &token), Err(403), "{subject}");
        assert_eq!(
            gate.decision_after(index)["code"],
            json!("initiator_kind_unknown"),
            "{subject}"
        );
    }
    gate.wait_until("warned", || !warnings(&gate).is_empty());
    // The line of a second warning would be complete before the output ends.
    gate.process.terminate();
    assert!(gate.process.wait().success());
    let logged = warnings(&gate);
    let [line] = logged.as_slice() else {
        panic!("{logged:?}");
    };
    for secret in ["canary", "person|", "batch"] {
        assert!(!line.contains(secret), "{line}");
    }
}

#[test]
fn an_agent_client_is_the_current_actor_of_a_token_of_a_person() {
    let lines = format!("{KINDS}    agent_clients: [planner-canary]\n");
    let setting = deployment(&lines);
    let Deployment {
        gate, upstream, issuer, ..
    } = &setting;
    let person = "person|1";
    let of = |client: &str| token(issuer, json!({ "sub": person, "client_id": client }));
    let fields = |actor: Option<&str>| {
        let fields = [Some("human"), actor, Some(person)];
        Ok(fields.map(|field| field.map(str::to_owned)))
    };
    let (planner, web) = (of("planner-canary"), of("web"));
    for path in ["/any", "/human", "/planner"] {
        assert_eq!(
            received(gate, upstream, path, &planner),
            fields(Some("planner-canary")),
            "{path}"
        );
    }
    assert_eq!(received(gate, upstream, "/any", &web), fields(None));
    assert_eq!(received(gate, upstream, "/planner", &web), Err(403));
    // An `act` of the token names the actor instead.
    let other =
        json!({ "sub": person, "client_id": "planner-canary", "act": { "sub": "other", "sub_profile": "ai_agent" } });
    let other = token(issuer, other);
    assert_eq!(received(gate, upstream, "/any", &other), fields(Some("other")));
    assert_eq!(received(gate, upstream, "/planner", &other), Err(403));
}
