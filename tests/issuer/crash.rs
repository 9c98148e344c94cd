//! An issuer that is killed again and again while clients use it. What it acknowledged is there after each restart.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use actgate_issuer::verify_trail;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::deployment::bundled_issuer::{
    ADMIN_SECRET, ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims, error, refresh_token,
};
use crate::deployment::gate::run_to_end;
use crate::wire::{Answer, Outcome, bearer, exchange, form_request, request};

const KILLS: usize = 100;
const ASSISTANT: &str = "https://assistant.example";

/// What a client knows for sure of the issuer, by the responses that it received.
#[derive(Default)]
struct Acknowledged {
    /// Tokens that were issued, with the client that they are for.
    live: Vec<(&'static str, String)>,
    revoked: Vec<(&'static str, String)>,
    /// The last refresh token, and whether a request with it has no response.
    refresh: Option<(String, Pending)>,
}

/// What an operator knows for sure of the agents: their secrets, and that of a deleted one.
#[derive(Default)]
struct Agents {
    added: usize,
    live: Vec<(String, String)>,
    deleted: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    No,
    Yes,
}

/// A client of the issuer, until the issuer is killed.
struct Client<'a> {
    address: SocketAddr,
    responses: &'a AtomicUsize,
}

impl Client<'_> {
    /// None if the issuer was killed before the response.
    fn post(&self, client: &str, target: &str, form: &[(&str, &str)]) -> Option<Answer> {
        let secret = STANDARD.encode(format!("{client}:{client}-secret"));
        let line = format!("Authorization: Basic {secret}");
        match exchange(self.address, &form_request(target, &[&line], form)) {
            // A response without its end is none.
            Outcome::Answered(answer)
                if target == "/revoke" || serde_json::from_slice::<Value>(&answer.body).is_ok() =>
            {
                self.responses.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
            _ => None,
        }
    }

    /// None if the issuer was killed before the response.
    fn administer(&self, method: &str, target: &str, body: &str) -> Option<Value> {
        let token = bearer(ADMIN_SECRET);
        let length = format!("Content-Length: {}", body.len());
        let mut request = request(method, target, &["Host: localhost", &token, &length]);
        request.extend_from_slice(body.as_bytes());
        match exchange(self.address, &request) {
            Outcome::Answered(answer) => serde_json::from_slice(&answer.body).ok(),
            _ => None,
        }
    }

    /// Adds agents with two credentials, and deletes each second agent.
    fn add_agents(&self, agents: &mut Agents) {
        loop {
            agents.added += 1;
            let id = format!("agent-{}", agents.added);
            let agent = format!(
                r#"{{"client_id": "{id}", "owner": "alice", "profile": "ai_agent", "grants": ["client_credentials"],
                    "scopes": ["orders:read"], "resources": ["{ORDERS}"]}}"#
            );
            let mut secrets = Vec::new();
            for (target, body) in [("", &*agent), (&*format!("/{id}/credentials"), "")] {
                let Some(answer) = self.administer("POST", &format!("/admin/agents{target}"), body) else {
                    return;
                };
                let secret = answer["client_secret"].as_str().expect("a secret").to_owned();
                secrets.push((id.clone(), secret));
                agents.live.extend(secrets.last().cloned());
            }
            if agents.added.is_multiple_of(2) {
                agents.live.truncate(agents.live.len() - 2);
                if self.administer("DELETE", &format!("/admin/agents/{id}"), "").is_none() {
                    return;
                }
                agents.deleted.extend(secrets);
            }
        }
    }

    /// Refreshes, and exchanges what it gets.
    fn refresh(&self, known: &mut Acknowledged) {
        while let Some((token, pending)) = &mut known.refresh {
            let form = [("grant_type", "refresh_token"), ("refresh_token", &**token)];
            *pending = Pending::Yes;
            let Some(answer) = self.post("storefront", "/token", &form) else {
                return;
            };
            let subject = access_token(&answer);
            known.refresh = Some((refresh_token(&answer), Pending::No));
            known.live.push(("storefront", subject.clone()));
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", &*subject),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("resource", ORDERS),
            ];
            let Some(answer) = self.post("assistant", "/token", &form) else {
                return;
            };
            known.live.push(("orders-api", access_token(&answer)));
        }
    }

    /// Requests tokens, and revokes each second one.
    fn request(&self, known: &mut Acknowledged) {
        loop {
            let form = [("grant_type", "client_credentials"), ("resource", ORDERS)];
            for keep in [true, false] {
                let Some(answer) = self.post("warehouse", "/token", &form) else {
                    return;
                };
                let token = access_token(&answer);
                if keep {
                    known.live.push(("orders-api", token));
                    continue;
                }
                let Some(answer) = self.post("warehouse", "/revoke", &[("token", &token)]) else {
                    return;
                };
                assert_eq!(answer.status, 200, "{}", answer.everything());
                known.revoked.push(("orders-api", token));
            }
        }
    }
}

fn sign_in(issuer: &BundledIssuer) -> Option<(String, Pending)> {
    let answer = issuer.sign_in("storefront", ALICE_BY_PASSWORD, ASSISTANT, "offline_access orders:read");
    Some((refresh_token(&answer), Pending::No))
}

/// Uses the issuer with several clients and kills it after some responses.
fn use_and_kill(
    issuer: BundledIssuer,
    agents: &mut Agents,
    families: &mut [Acknowledged],
    others: &mut [Acknowledged],
    responses: usize,
) {
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let operator = Client {
            address: issuer.address,
            responses: &count,
        };
        scope.spawn(move || operator.add_agents(agents));
        for known in families {
            let client = Client {
                address: issuer.address,
                responses: &count,
            };
            scope.spawn(move || client.refresh(known));
        }
        for known in others {
            let client = Client {
                address: issuer.address,
                responses: &count,
            };
            scope.spawn(move || client.request(known));
        }
        while count.load(Ordering::Relaxed) < responses {
            std::thread::yield_now();
        }
        drop(issuer);
    });
}

/// Checks what was acknowledged, and forgets it.
fn check(issuer: &BundledIssuer, known: &mut Acknowledged, trail: &str) {
    for (client, token) in known.live.drain(..) {
        assert!(
            issuer.is_active(client, &token),
            "a token that was issued: {}",
            claims(&token)
        );
        assert!(
            trail.contains(claims(&token)["jti"].as_str().expect("an id")),
            "its line"
        );
    }
    for (client, token) in known.revoked.drain(..) {
        assert!(
            !issuer.is_active(client, &token),
            "a token that was revoked: {}",
            claims(&token)
        );
    }
    if let Some((token, pending)) = known.refresh.take() {
        let answer = issuer.refresh("storefront", &token, "");
        known.refresh = match (answer.status, pending) {
            (200, _) => Some((refresh_token(&answer), Pending::No)),
            // The use without a response was made, so this is the second one.
            (400, Pending::Yes) => {
                assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
                None
            }
            _ => panic!("a refresh token that was issued: {}", answer.everything()),
        };
    }
}

/// Checks the agents that were acknowledged, and forgets all but a few.
fn check_agents(issuer: &BundledIssuer, agents: &mut Agents) {
    for (known, status) in [(&mut agents.live, 200), (&mut agents.deleted, 401)] {
        for (id, secret) in &*known {
            let line = format!("Authorization: Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            let form = form_request("/token", &[&line], &[("grant_type", "client_credentials")]);
            let Outcome::Answered(answer) = exchange(issuer.address, &form) else {
                panic!("no answer");
            };
            assert_eq!(answer.status, status, "{id}: {}", answer.everything());
        }
        known.truncate(4);
    }
}

fn verify(data: &Path) {
    let trail = File::open(data.join("audit.jsonl")).expect("a trail");
    let verified = verify_trail(trail, None).expect("a valid trail");
    assert!(!verified.has_incomplete_line);
}

#[test]
fn nothing_acknowledged_is_lost_by_a_hundred_kills() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let mut families = [Acknowledged::default(), Acknowledged::default()];
    let mut others = [Acknowledged::default(), Acknowledged::default()];
    let (mut keys, mut agents) = (None, Agents::default());
    for kill in 0..KILLS {
        let issuer = BundledIssuer::start_in(&data);
        verify(&data);
        let published = crate::wire::answer(issuer.address, &crate::wire::request("GET", "/jwks", &[])).json();
        assert_eq!(
            *keys.get_or_insert(published.clone()),
            published,
            "the same signing keys"
        );
        let trail = fs::read_to_string(data.join("audit.jsonl")).expect("a trail");
        for known in families.iter_mut().chain(&mut others) {
            check(&issuer, known, &trail);
        }
        for known in families.iter_mut().filter(|known| known.refresh.is_none()) {
            known.refresh = sign_in(&issuer);
        }
        check_agents(&issuer, &mut agents);
        use_and_kill(issuer, &mut agents, &mut families, &mut others, 4 + kill % 13);
    }
    let issuer = BundledIssuer::start_in(&data);
    let trail = fs::read_to_string(data.join("audit.jsonl")).expect("a trail");
    for known in families.iter_mut().chain(&mut others) {
        check(&issuer, known, &trail);
    }
    check_agents(&issuer, &mut agents);
    assert!(!agents.live.is_empty() && !agents.deleted.is_empty());
    issuer.stop();
    let verified = run_to_end(&["issuer", "audit", "verify", "--data", &data.to_string_lossy()], "");
    assert!(verified.status.success(), "{verified:?}");
}
