//! The audit trail of the flows.

use std::fs::{self, File};

use actgate_issuer::{AUDIT_FILE, Settings, verify_trail};
use serde_json::{Value, json};

use crate::browser::{ALICE, ALICE_WITH_PASSWORD, Offline};
use crate::client::{Running, claims};
use crate::exchange::{ASSISTANT, ORDERS};

/// The lines of the transaction of a token.
fn audited(issuer: &Running, token: &str) -> Vec<Value> {
    let txn = claims(token)["txn"].as_str().unwrap().to_owned();
    let lines = issuer.handle.audited(&txn).into_iter();
    lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
}

fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_transaction_is_its_tree_of_tokens() {
    let issuer = Running::start(Settings::default()).await;
    let offline = issuer.offline("storefront", ASSISTANT).await;
    let subject = Offline::read(&issuer.refresh("storefront", &offline.refresh_token, &[]).await).access_token;
    let pairs = [("resource", ORDERS), ("scope", "orders:read")];
    let exchanged = issuer.exchange("assistant", &subject, &pairs).await.access_token();
    assert!(issuer.is_active("orders-api", &exchanged).await);
    issuer.revoke("assistant", &[("token", &exchanged)]).await;

    let lines = audited(&issuer, &exchanged);
    let expected = [
        "authentication",
        "consent",
        "issue",
        "refresh",
        "exchange",
        "introspect",
        "revoke",
    ];
    assert_eq!(events(&lines), expected);
    for line in &lines {
        assert_eq!(
            (&line["iss"], &line["sub"]),
            (&json!(issuer.url), &json!("alice")),
            "{line}"
        );
        assert!(line["time"].as_u64().unwrap() > 1_700_000_000);
    }
    let [_, consent, issue, refresh, exchange, introspect, revoke] = &lines[..] else {
        panic!("{lines:?}");
    };
    let all = "offline_access openid orders:read orders:write";
    assert_eq!((&consent["scope"], &consent["aud"]), (&json!(all), &json!(ASSISTANT)));
    assert_eq!(issue["jti"], claims(&offline.access_token)["jti"]);
    assert_eq!(refresh["jti"], claims(&subject)["jti"]);
    let exchanged = claims(&exchanged);
    assert_eq!(
        (&exchange["jti"], &exchange["parent_jti"]),
        (&exchanged["jti"], &refresh["jti"])
    );
    assert_eq!(
        (&exchange["scope_before"], &exchange["scope"]),
        (&json!(all), &json!("orders:read"))
    );
    assert_eq!(
        (&exchange["actors"], &exchange["client_id"]),
        (&json!(["assistant"]), &json!("assistant"))
    );
    assert_eq!(exchange["aud"], ORDERS);
    assert_eq!(
        (&introspect["client_id"], &introspect["jti"]),
        (&json!("orders-api"), &exchanged["jti"])
    );
    assert_eq!(revoke["jti"], exchanged["jti"]);
}

#[tokio::test]
async fn what_is_refused_is_recorded_and_no_secret_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let issuer = Running::start(Settings {
        data: Some(data.clone()),
        ..Settings::default()
    })
    .await;
    let offline = issuer.offline("storefront", ASSISTANT).await;
    let code = issuer.code("storefront", ORDERS, "openid orders:read", ALICE).await;
    issuer.redeem("storefront", &code).await.access_token();
    issuer
        .redeem("storefront", &code)
        .await
        .assert_error(400, "invalid_grant");
    let page = issuer.authorize("storefront", ORDERS, "orders:read").await;
    let mistyped = [("username", "wonderland"), ("password", "alice-typed-this")];
    let page = issuer.submit(&page, "/login", &mistyped).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    issuer.submit(&page, "/consent", &[("decision", "deny")]).await;
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_id", "a-secret-as-id"),
        ("client_secret", "x-secret-x"),
    ];
    issuer.post("/token", &pairs).await.assert_error(401, "invalid_client");
    let wide = [("resource", ORDERS), ("scope", "a-scope-typed-by-a-caller")];
    issuer
        .exchange("assistant", &offline.access_token, &wide)
        .await
        .assert_error(400, "invalid_scope");
    issuer.introspect("orders-api", &[("token", "some-secret-token")]).await;
    issuer
        .authorize("storefront", "https://nowhere.example", "orders:read")
        .await;
    issuer.stop().await;

    let trail = fs::read_to_string(data.join(AUDIT_FILE)).unwrap();
    for secret in [
        &*offline.access_token,
        &offline.refresh_token,
        &offline.id_token,
        &code,
        "wonderland",
        "GEZDGNBVGY3TQOJQ",
        "alice-typed-this",
        "a-secret-as-id",
        "x-secret-x",
        "-secret\"",
        "a-scope-typed-by-a-caller",
        "some-secret-token",
        "nowhere.example",
    ] {
        assert!(!trail.contains(secret), "{secret}");
    }
    for part in offline
        .refresh_token
        .split('.')
        .skip(1)
        .chain(offline.access_token.split('.'))
    {
        assert!(!trail.contains(part));
    }
    let lines: Vec<Value> = trail.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let errors: Vec<_> = lines.iter().filter_map(|line| line["error"].as_str()).collect();
    let expected = [
        "invalid_grant",
        "access_denied",
        "access_denied",
        "invalid_client",
        "invalid_scope",
        "invalid_target",
    ];
    assert_eq!(errors, expected);
    assert!(
        lines
            .iter()
            .any(|line| line["reason"] == "the authorization code was used twice")
    );
    let verified = verify_trail(File::open(data.join(AUDIT_FILE)).unwrap(), None).unwrap();
    assert_eq!(verified.lines, u64::try_from(lines.len()).unwrap());
}
