//! CIBA in poll mode: a client asks, the user decides elsewhere.

use actgate_issuer::Settings;
use serde_json::json;

use crate::browser::{ALICE_WITH_PASSWORD, BOB, session};
use crate::client::{Pairs, Reply, Running, claims};
use crate::exchange::ORDERS;

const GRANT: (&str, &str) = ("grant_type", "urn:openid:params:grant-type:ciba");
const ALLOW: Pairs<'_> = &[("decision", "allow")];

/// What the assistant asks, with some parameters replaced; an empty value omits one.
async fn ask(issuer: &Running, changes: Pairs<'_>) -> Reply {
    let usual = [
        ("scope", "openid orders:read"),
        ("resource", ORDERS),
        ("login_hint", "alice"),
        ("binding_message", "Order 7, blue"),
    ];
    let kept = usual
        .into_iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let pairs: Vec<_> = kept.chain(changes.iter().copied()).collect();
    let form = issuer.form("/bc-authorize", &pairs);
    Reply::read(form.basic_auth("assistant", Some("assistant-secret"))).await
}

#[track_caller]
fn id(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["auth_req_id"].as_str().unwrap().to_owned()
}

async fn poll(issuer: &Running, id: &str) -> Reply {
    issuer.token("assistant", &[GRANT, ("auth_req_id", id)]).await
}

/// The page of a request, whose address the user has from the list of what waits.
fn page_of(id: &str) -> String {
    format!("/ciba/{}", id.split_once('.').unwrap().0)
}

async fn decide(issuer: &Running, id: &str, decision: Pairs<'_>) -> Reply {
    let page = issuer.get(&page_of(id)).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    issuer.submit(&page, &page_of(id), decision).await
}

#[tokio::test]
async fn a_user_approves_elsewhere() {
    let issuer = Running::start(Settings::default()).await;
    let scope = ("scope", "openid offline_access orders:read");
    let asked = ask(&issuer, &[scope]).await;
    assert_eq!(
        (&asked.json()["expires_in"], &asked.json()["interval"]),
        (&json!(300), &json!(5))
    );
    let id = id(&asked);
    poll(&issuer, &id).await.assert_error(400, "authorization_pending");

    issuer.handle.set_clock_offset(60);
    let page = issuer.get(&page_of(&id)).await;
    assert!(
        page.text.contains("value=\"alice\"") && !page.text.contains("Order 7"),
        "{}",
        page.text
    );
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    for shown in ["Order 7, blue", "Shopping assistant", "orders:read", ORDERS, "alice"] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    let session = session(&page);
    let list = issuer.get_with(&session, "/ciba").await;
    assert!(
        list.text.contains(&page_of(&id)) && list.text.contains("Order 7, blue"),
        "{}",
        list.text
    );
    let done = issuer.submit(&page, &page_of(&id), ALLOW).await;
    assert!(done.status == 200 && done.text.contains("Approved"), "{}", done.text);
    assert_eq!(
        issuer.submit(&page, &page_of(&id), ALLOW).await.status,
        400,
        "a form is accepted once"
    );
    assert!(!issuer.get_with(&session, "/ciba").await.text.contains(&page_of(&id)));
    assert_eq!(issuer.get_with(&session, &page_of(&id)).await.status, 400);

    let reply = poll(&issuer, &id).await;
    let token = claims(&reply.access_token());
    let act = json!({"iss": issuer.url, "sub": "assistant", "sub_profile": "ai_agent"});
    assert_eq!(
        (&token["sub"], &token["act"], &token["amr"]),
        (&json!("alice"), &act, &json!(["pwd"]))
    );
    let age = token["iat"].as_u64().unwrap() - token["auth_time"].as_u64().unwrap();
    assert!(age < 30, "the time of the approval: {age}");
    assert_eq!(token["scope"], "offline_access openid orders:read");
    let body = reply.json();
    let id_token = claims(body["id_token"].as_str().unwrap());
    assert_eq!(
        (&id_token["sub"], &id_token["aud"]),
        (&json!("alice"), &json!("assistant"))
    );
    let refreshed = issuer
        .refresh("assistant", body["refresh_token"].as_str().unwrap(), &[])
        .await;
    assert_eq!(claims(&refreshed.access_token())["act"], act);
    poll(&issuer, &id).await.assert_error(400, "invalid_grant");

    let lines = issuer.handle.audited(token["txn"].as_str().unwrap());
    let events: Vec<_> = lines
        .iter()
        .map(|line| line.split("\"event\":\"").nth(1).unwrap())
        .collect();
    let events: Vec<_> = events.iter().map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(events, ["request", "authentication", "consent", "issue", "refresh"]);
}

#[tokio::test]
async fn polling_too_fast_makes_the_interval_longer() {
    let issuer = Running::start(Settings::default()).await;
    let id = id(&ask(&issuer, &[]).await);
    for (seconds, error) in [
        (0, "authorization_pending"),
        (2, "slow_down"),
        (9, "slow_down"),
        (25, "authorization_pending"),
        (45, "authorization_pending"),
    ] {
        issuer.handle.set_clock_offset(seconds);
        let reply = poll(&issuer, &id).await;
        reply.assert_error(400, error);
    }
}

#[tokio::test]
async fn a_denied_and_a_late_request() {
    let issuer = Running::start(Settings::default()).await;
    let denied = id(&ask(&issuer, &[]).await);
    let done = decide(&issuer, &denied, &[("decision", "deny")]).await;
    assert!(done.text.contains("gets no access"), "{}", done.text);
    poll(&issuer, &denied).await.assert_error(400, "access_denied");
    let late = id(&ask(&issuer, &[("requested_expiry", "30")]).await);
    let page = issuer.get(&page_of(&late)).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    issuer.handle.set_clock_offset(31);
    assert_eq!(issuer.submit(&page, &page_of(&late), ALLOW).await.status, 400);
    assert_eq!(issuer.get(&page_of(&late)).await.status, 400);
    poll(&issuer, &late).await.assert_error(400, "expired_token");
}

#[tokio::test]
async fn an_id_is_of_its_client_and_grant() {
    let issuer = Running::start(Settings::default()).await;
    let id = id(&ask(&issuer, &[]).await);
    decide(&issuer, &id, ALLOW).await;
    let (code, _) = id.split_once('.').unwrap();
    for wrong in ["x", code, &format!("{code}.x"), &format!("{id}x")] {
        poll(&issuer, wrong).await.assert_error(400, "invalid_grant");
    }
    issuer
        .token("shopper", &[GRANT, ("auth_req_id", &id)])
        .await
        .assert_error(400, "unauthorized_client");
    issuer.token("assistant", &[GRANT]).await.assert_invalid("required");
    let other = [GRANT, ("auth_req_id", &id), ("resource", "https://shipping.example")];
    issuer
        .token("assistant", &other)
        .await
        .assert_error(400, "invalid_target");
    poll(&issuer, &id).await.access_token();
}

#[tokio::test]
async fn each_error_of_a_request() {
    let issuer = Running::start(Settings::default()).await;
    let long = "x".repeat(101);
    let of_another = issuer.user_token("storefront", ORDERS, "openid orders:read", BOB).await;
    for (changes, error) in [
        (vec![("login_hint", "")], "invalid_request"),
        (vec![("id_token_hint", "x")], "invalid_request"),
        (
            vec![("login_hint", ""), ("id_token_hint", &*of_another)],
            "invalid_request",
        ),
        (vec![("login_hint", ""), ("login_hint_token", "x")], "invalid_request"),
        (vec![("login_hint", "carol")], "unknown_user_id"),
        (vec![("binding_message", &*long)], "invalid_binding_message"),
        (vec![("binding_message", "a\nb")], "invalid_binding_message"),
        (vec![("binding_message", "a\u{202e}b")], "invalid_binding_message"),
        (vec![("requested_expiry", "0")], "invalid_request"),
        (vec![("requested_expiry", "3601")], "invalid_request"),
        (vec![("requested_expiry", "soon")], "invalid_request"),
        (vec![("request", "x")], "invalid_request"),
        (vec![("scope", "orders:read")], "invalid_scope"),
        (vec![("scope", "openid no:such")], "invalid_scope"),
        (vec![("resource", "https://nowhere.example")], "invalid_target"),
    ] {
        let reply = ask(&issuer, &changes).await;
        assert_eq!(reply.json()["error"], error, "{changes:?}: {}", reply.text);
        assert_eq!(reply.status, 400);
    }
    let forbidden = [("login_hint", "bob"), ("scope", "openid refunds:write")];
    ask(&issuer, &forbidden).await.assert_error(403, "access_denied");
    issuer
        .post("/bc-authorize", &[("client_id", "terminal")])
        .await
        .assert_error(400, "unauthorized_client");
    issuer
        .post("/bc-authorize", &[])
        .await
        .assert_error(401, "invalid_client");
    for _ in 0..10 {
        id(&ask(&issuer, &[]).await);
    }
    ask(&issuer, &[]).await.assert_error(403, "access_denied");
    id(&ask(&issuer, &[("login_hint", "bob")]).await);
}

#[tokio::test]
async fn only_the_user_of_the_hint_decides() {
    let issuer = Running::start(Settings::default()).await;
    let id = id(&ask(&issuer, &[]).await);
    let page = issuer.get(&page_of(&id)).await;
    let refused = issuer.submit(&page, "/login", BOB).await;
    assert!(
        refused.status == 400 && refused.text.contains("another user"),
        "{}",
        refused.text
    );
    let bob = session(&refused);
    assert!(
        issuer
            .get_with(&bob, &page_of(&id))
            .await
            .text
            .contains("action=\"/login\"")
    );
    assert!(!issuer.get_with(&bob, "/ciba").await.text.contains("Order 7"));
    let forged = [("transaction", "AAAA"), ("decision", "allow")];
    assert_eq!(issuer.post(&page_of(&id), &forged).await.status, 400);
    let cross_site = issuer
        .form(&page_of(&id), &forged)
        .header("sec-fetch-site", "cross-site");
    assert_eq!(Reply::read(cross_site).await.status, 403);
    poll(&issuer, &id).await.assert_error(400, "authorization_pending");
}

#[tokio::test]
async fn an_approval_can_need_a_second_factor_and_an_id_token_names_the_user() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer
        .code("assistant", ORDERS, "openid orders:read", ALICE_WITH_PASSWORD)
        .await;
    let reply = issuer.redeem("assistant", &code).await.json();
    let hint = reply["id_token"].as_str().unwrap();
    let changes = [("login_hint", ""), ("id_token_hint", hint), ("acr_values", "aal2")];
    let id = id(&ask(&issuer, &changes).await);
    let page = issuer.get(&page_of(&id)).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    assert!(page.text.contains("needs the one-time code"), "{}", page.text);
}
