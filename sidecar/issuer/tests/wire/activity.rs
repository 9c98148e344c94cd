//! The pages on what happened on the authority of a user.

use actgate_issuer::{Registry, Settings};
use serde_json::{Value, json};

use crate::browser::{ALICE_WITH_PASSWORD, BOB, session};
use crate::client::{Running, claims};

const ORDERS: &str = "https://orders.example";

async fn signed_in(issuer: &Running, who: crate::client::Pairs<'_>) -> String {
    let page = issuer.get("/activity").await;
    session(&issuer.submit(&page, "/login", who).await)
}

#[tokio::test]
async fn a_user_sees_the_tokens_of_a_transaction_as_a_tree() {
    let issuer = Running::start(Settings::default()).await;
    let user = issuer.assistant_token(ALICE_WITH_PASSWORD).await;
    let resource = [("resource", ORDERS), ("scope", "orders:read")];
    let exchanged = issuer.exchange("assistant", &user, &resource).await.access_token();
    issuer.introspect("orders-api", &[("token", &exchanged)]).await;
    issuer.revoke("assistant", &[("token", &exchanged)]).await;

    let alice = signed_in(&issuer, ALICE_WITH_PASSWORD).await;
    let list = issuer.get_with(&alice, "/activity").await.text;
    let txn = claims(&user)["txn"].as_str().unwrap().to_owned();
    let link = format!("/activity?txn={txn}");
    assert!(
        list.contains(&format!("href=\"{link}\"")) && list.contains("2 tokens"),
        "{list}"
    );
    let page = issuer.get_with(&alice, &link).await.text;
    for shown in [
        "<li><span>alice</span></li><li><span>assistant</span></li>",
        "<del><code>refunds:write</code></del>",
        "asked about 1 time",
        "<strong>revoked</strong>",
        "<td>authentication</td>",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let (first, second) = (
        page.find("class=\"tree\"").unwrap(),
        page.rfind("class=\"tree\"").unwrap(),
    );
    assert!(first < second, "the exchanged token is below the other: {page}");
}

#[tokio::test]
async fn a_refused_exchange_is_part_of_the_transaction_of_its_subject_token() {
    let issuer = Running::start(Settings::default()).await;
    let user = issuer.assistant_token(ALICE_WITH_PASSWORD).await;
    let other = [("resource", ORDERS), ("scope", "no:such")];
    let refused = issuer.exchange("assistant", &user, &other).await;
    refused.assert_error(400, "invalid_scope");
    let refused = issuer.exchange("shopper", &user, &[("resource", ORDERS)]).await;
    refused.assert_error(400, "invalid_request");
    let user = claims(&user);
    let txn = user["txn"].as_str().unwrap();
    let lines: Vec<Value> = issuer
        .handle
        .audited(txn)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let refused: Vec<&Value> = lines.iter().filter(|line| line["error"].is_string()).collect();
    assert_eq!(refused.len(), 2, "{lines:?}");
    for (line, client) in refused.iter().zip(["assistant", "shopper"]) {
        let named = (&line["client_id"], &line["sub"], &line["parent_jti"]);
        assert_eq!(named, (&json!(client), &json!("alice"), &user["jti"]), "{line}");
    }
    let alice = signed_in(&issuer, ALICE_WITH_PASSWORD).await;
    let list = issuer.get_with(&alice, "/activity").await.text;
    assert!(list.contains("1 token, 2 refusals"), "{list}");
    let page = issuer.get_with(&alice, &format!("/activity?txn={txn}")).await.text;
    assert!(
        page.contains("<td>shopper</td><td><code>invalid_request</code>"),
        "{page}"
    );
}

#[tokio::test]
async fn another_user_sees_none_of_it() {
    let issuer = Running::start(Settings::default()).await;
    let user = issuer.assistant_token(ALICE_WITH_PASSWORD).await;
    let link = format!("/activity?txn={}", claims(&user)["txn"].as_str().unwrap());
    let bob = signed_in(&issuer, BOB).await;
    assert!(!issuer.get_with(&bob, "/activity").await.text.contains("/activity?txn="));
    let foreign = issuer.get_with(&bob, &link).await;
    let unknown = issuer.get_with(&bob, "/activity?txn=unknown").await;
    assert_eq!((foreign.status, &foreign.text), (400, &unknown.text));
    let signed_out = issuer.get(&link).await;
    assert!(signed_out.text.contains("name=\"password\""), "{}", signed_out.text);
}

#[tokio::test]
async fn the_owner_of_an_agent_sees_what_it_does_on_its_own() {
    let owned = "    name: Nightly batch\n    owner: bob\n";
    let registry = Registry::SAMPLE.replace("    name: Nightly batch\n", owned);
    let issuer = Running::with_registry(Settings::default(), Registry::from_yaml(&registry).unwrap()).await;
    let token = issuer.client_token("night-batch", ORDERS).await;
    let link = format!("/activity?txn={}", claims(&token)["txn"].as_str().unwrap());
    let bob = signed_in(&issuer, BOB).await;
    assert!(issuer.get_with(&bob, &link).await.text.contains("night-batch"));
    let alice = signed_in(&issuer, ALICE_WITH_PASSWORD).await;
    assert_eq!(issuer.get_with(&alice, &link).await.status, 400);
    // What it is refused is no part of its own.
    let user = issuer.assistant_token(ALICE_WITH_PASSWORD).await;
    let refused = issuer.exchange("night-batch", &user, &[("resource", ORDERS)]).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let txn = claims(&user)["txn"].as_str().unwrap().to_owned();
    let refusals = || {
        issuer
            .handle
            .audited(&txn)
            .iter()
            .filter(|line| line.contains("\"error\""))
            .count()
    };
    assert_eq!(refusals(), 1);
    let link = format!("/activity?txn={txn}");
    assert_eq!(issuer.get_with(&bob, &link).await.status, 400);
    assert!(!issuer.get_with(&bob, "/activity").await.text.contains(&txn));
    // Without a proof it does not come to the transaction at all.
    let form = [
        ("client_id", "night-batch"),
        ("client_secret", "wrong"),
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &*user),
    ];
    let refused = issuer.post("/token", &form).await;
    refused.assert_error(401, "invalid_client");
    assert_eq!(refusals(), 1);
}
