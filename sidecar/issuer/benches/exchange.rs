//! The cost of a token exchange over HTTP, as a ratio to a raw signature of the same machine, and the size of a token by
//! the length of its chain.
//!
//! `cargo bench -p actgate-issuer`. One client sends one request after the other, so that the ratio has the latency of a
//! whole request: HTTP, client authentication, verification of the subject token, signature, store and audit trail.
//!
//! One run on two shared cores with nothing else to do, with 19 µs for a raw ES256 signature. The ratio is of one exchange:
//!
//! | Store | 1 actor | 16 actors |
//! |---|---|---|
//! | in memory | 25 signatures (2,020 a second) | 25 signatures (2,021 a second) |
//! | on disk | 44 signatures (1,156 a second) | 56 signatures (905 a second) |
//!
//! A token has 593 bytes without an actor and about 100 more for each: 2,205 with 16, of the 16 KiB that a gate accepts by
//! default.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops at the first error"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use actgate_issuer::{Registry, Server, Settings};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::Value;
use url::form_urlencoded;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The most actors of a chain.
const HOPS: usize = 16;
const REQUESTS: u32 = 500;

/// The default limit of a gate for a token.
const TOKEN_LIMIT: usize = 16 * 1024;

#[tokio::main]
async fn main() {
    let raw = raw_signature();
    println!("raw ES256 signature: {} µs", raw.as_micros());
    let folder = tempfile::tempdir().expect("a folder");
    for (name, data) in [("in memory", None), ("on disk", Some(folder.path().join("data")))] {
        let settings = Settings {
            data,
            ..Settings::default()
        };
        let registry = Registry::from_yaml(&registry()).unwrap();
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), settings, registry)
            .await
            .unwrap();
        let issuer = Issuer {
            url: server.issuer_url().to_owned(),
            http: reqwest::Client::new(),
        };
        tokio::spawn(server.serve(std::future::pending()));
        let mut chain = vec![issuer.own("a0").await];
        for hop in 1..=HOPS {
            let parent = chain.last().unwrap();
            chain.push(issuer.exchange(hop, parent).await.unwrap());
        }
        let last = chain.last().unwrap();
        assert!(
            issuer.exchange(HOPS + 1, last).await.is_none(),
            "a longer chain is an error"
        );
        assert!(
            last.len() < TOKEN_LIMIT,
            "a gate accepts the longest chain: {}",
            last.len()
        );
        if name == "in memory" {
            for (hop, token) in chain.iter().enumerate() {
                println!("{hop:2} actors: {:5} bytes", token.len());
            }
        }
        for hop in [1, HOPS] {
            let parent = chain.get(hop - 1).unwrap();
            let started = Instant::now();
            for _ in 0..REQUESTS {
                black_box(issuer.exchange(hop, parent).await.unwrap());
            }
            let one = started.elapsed() / REQUESTS;
            println!(
                "{name}, {hop:2} actors: {:5.0} exchanges/s, {:4.1} signatures each",
                1.0 / one.as_secs_f64(),
                one.as_secs_f64() / raw.as_secs_f64()
            );
        }
    }
}

fn raw_signature() -> Duration {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let random = SystemRandom::new();
    let message = [0x5a; 700];
    let started = Instant::now();
    for _ in 0..REQUESTS {
        black_box(pair.sign(&random, black_box(&message)).unwrap());
    }
    started.elapsed() / REQUESTS
}

/// Agents that each exchange the token of the one before.
fn registry() -> String {
    let mut resources = String::from("resources:\n");
    let mut clients = String::from("clients:\n");
    for agent in 0..=HOPS + 2 {
        writeln!(resources, "  https://a{agent}.example: {{ scopes: [orders:read] }}").unwrap();
        let next = format!("https://a{}.example", (agent + 1).min(HOPS + 2));
        writeln!(
            clients,
            "  a{agent}: {{ profile: ai_agent, secret: s, grants: [client_credentials, token_exchange], scopes: [orders:read], \
             resources: [\"{next}\"], exchange: {{ serves: \"https://a{agent}.example\", may_act_for: [a0], actor_token: optional }} }}"
        )
        .unwrap();
    }
    resources + &clients
}

struct Issuer {
    url: String,
    http: reqwest::Client,
}

impl Issuer {
    async fn own(&self, client: &str) -> String {
        let form = [("grant_type", "client_credentials")];
        self.token(client, &form).await.unwrap()
    }

    async fn exchange(&self, hop: usize, subject_token: &str) -> Option<String> {
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject_token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        self.token(&format!("a{hop}"), &form).await
    }

    async fn token(&self, client: &str, form: &[(&str, &str)]) -> Option<String> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .extend_pairs([("client_id", client), ("client_secret", "s")])
            .finish();
        let request = self.http.post(format!("{}/token", self.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = request.body(body).send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        answer.get("access_token").and_then(Value::as_str).map(str::to_owned)
    }
}
