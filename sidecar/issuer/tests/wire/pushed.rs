//! Pushed authorization requests, and the agent that acts through an application.

use actgate_issuer::{Registry, Settings};
use serde_json::json;
use url::form_urlencoded;

use crate::browser::{ALICE_WITH_PASSWORD, VERIFIER, answer, authorization_request, redirect_uri, session};
use crate::client::{ACCESS_TOKEN, Pairs, Reply, Running, claims};
use crate::exchange::{ASSISTANT, ORDERS};

const CONSENT: Pairs<'_> = &[("decision", "allow")];

async fn push(issuer: &Running, changes: Pairs<'_>) -> Reply {
    let request = authorization_request("storefront", ORDERS, "openid orders:read", &[]);
    let mut pairs: Vec<_> = form_urlencoded::parse(request.as_bytes()).into_owned().collect();
    pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    pairs.extend(changes);
    let form = issuer.form("/par", &pairs);
    Reply::read(form.basic_auth("storefront", Some("storefront-secret"))).await
}

fn address(pushed: &Reply, client: &str) -> String {
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let query = [("client_id", client), ("request_uri", &uri)];
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    format!("/authorize?{query}")
}

#[tokio::test]
async fn a_pushed_request_is_used_once_within_a_minute() {
    let issuer = Running::start(Settings::default()).await;
    let pushed = push(&issuer, &[]).await;
    assert_eq!(
        (&pushed.json()["expires_in"], pushed.header("cache-control")),
        (&json!(60), Some("no-store"))
    );
    let address_of = |reply: &Reply| address(reply, "storefront");
    let of_another = issuer.get(&address(&pushed, "assistant")).await;
    assert_eq!((of_another.status, of_another.header("location")), (400, None));
    let page = issuer.get(&address_of(&pushed)).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let reply = issuer.submit(&page, "/consent", CONSENT).await;
    assert_eq!(answer(&reply, "state").as_deref(), Some("s t&te"));
    let tokens = issuer.redeem("storefront", &answer(&reply, "code").unwrap()).await;
    assert_eq!(claims(&tokens.access_token())["scope"], "openid orders:read");
    assert_eq!(issuer.get(&address_of(&pushed)).await.status, 400, "used");
    let late = push(&issuer, &[]).await;
    issuer.handle.set_clock_offset(61);
    assert_eq!(issuer.get(&address_of(&late)).await.status, 400, "expired");
}

#[tokio::test]
async fn a_pushed_request_is_checked_as_any_other() {
    let issuer = Running::start(Settings::default()).await;
    for (change, error) in [
        (("redirect_uri", "https://evil.example/"), "invalid_request"),
        (
            ("request_uri", "urn:ietf:params:oauth:request_uri:x"),
            "invalid_request",
        ),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "no:such"), "invalid_scope"),
        (("resource", "https://nowhere.example"), "invalid_target"),
        (("client_id", "assistant"), "invalid_request"),
    ] {
        push(&issuer, &[change]).await.assert_error(400, error);
    }
    issuer
        .post("/par", &[("client_id", "storefront")])
        .await
        .assert_error(401, "invalid_client");
    let form = issuer
        .form("/par", &[])
        .basic_auth("warehouse", Some("warehouse-secret"));
    Reply::read(form).await.assert_error(400, "unauthorized_client");
    let metadata = issuer.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(
        metadata["pushed_authorization_request_endpoint"],
        format!("{}/par", issuer.url)
    );
}

/// Redeems a code of the storefront with these parameters of an actor.
async fn redeem(issuer: &Running, code: &str, actor: Pairs<'_>) -> Reply {
    let redirect_uri = redirect_uri("storefront");
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    issuer.token("storefront", &[&pairs[..], actor].concat()).await
}

#[tokio::test]
async fn an_agent_acts_through_an_application() {
    let issuer = Running::start(Settings::default()).await;
    let requested = [("requested_actor", "assistant")];
    let page = issuer.authorize_with("", &requested).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let session = session(&page);
    let shown = page.text.replace("<strong>", "").replace("</strong>", "");
    let sentence = "Shopping assistant, an AI agent, asks to act on your behalf, through The shop&#39;s web site";
    assert!(shown.replace('\'', "&#39;").contains(sentence), "{}", page.text);
    let code = answer(&issuer.submit(&page, "/consent", CONSENT).await, "code").unwrap();
    let own = issuer.client_token("assistant", ORDERS).await;
    let actor = [("actor_token", &*own), ("actor_token_type", ACCESS_TOKEN)];
    let token = claims(&redeem(&issuer, &code, &actor).await.access_token());
    let act = json!({"iss": issuer.url, "sub": "assistant", "sub_profile": "ai_agent"});
    assert_eq!(
        (&token["sub"], &token["client_id"], &token["act"]),
        (&json!("alice"), &json!("storefront"), &act)
    );

    let again = issuer.authorize_with(&session, &requested).await;
    assert!(
        again.text.contains("action=\"/consent\""),
        "the consent for an agent is not remembered"
    );
    let other = issuer.client_token("shopper", ORDERS).await;
    let of_user = issuer
        .user_token("assistant", ORDERS, "orders:read", ALICE_WITH_PASSWORD)
        .await;
    for (parameters, error) in [
        (vec![], "invalid_grant"),
        (
            vec![("actor_token", &*other), ("actor_token_type", ACCESS_TOKEN)],
            "invalid_grant",
        ),
        (
            vec![("actor_token", &*of_user), ("actor_token_type", ACCESS_TOKEN)],
            "invalid_grant",
        ),
        (
            vec![("actor_token", "x"), ("actor_token_type", ACCESS_TOKEN)],
            "invalid_grant",
        ),
        (vec![("actor_token", &*own)], "invalid_request"),
        (
            vec![("actor_token", &*own), ("actor_token_type", "urn:x")],
            "invalid_request",
        ),
    ] {
        let page = issuer.authorize_with(&session, &requested).await;
        let code = answer(&issuer.submit(&page, "/consent", CONSENT).await, "code").unwrap();
        redeem(&issuer, &code, &parameters).await.assert_error(400, error);
    }
    let of_another = issuer.client_token("assistant", "https://shipping.example").await;
    let page = issuer.authorize_with(&session, &requested).await;
    let code = answer(&issuer.submit(&page, "/consent", CONSENT).await, "code").unwrap();
    let actor_of_another = [("actor_token", &*of_another), ("actor_token_type", ACCESS_TOKEN)];
    let refused = redeem(&issuer, &code, &actor_of_another).await;
    refused.assert_error(400, "invalid_grant");
    assert!(refused.text.contains("another resource"), "{}", refused.text);
    let plain = issuer
        .code("storefront", ASSISTANT, "orders:read", ALICE_WITH_PASSWORD)
        .await;
    redeem(&issuer, &plain, &actor).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_client_can_be_registered_to_push_every_request() {
    let key = "    redirect_uris: [https://storefront.example/callback]\n";
    let registry = Registry::SAMPLE.replace(key, &format!("{key}    require_pushed_authorization_requests: true\n"));
    assert_ne!(registry, Registry::SAMPLE);
    let issuer = Running::with_registry(Settings::default(), Registry::from_yaml(&registry).unwrap()).await;
    let reply = issuer.authorize_with("", &[]).await;
    assert_eq!(answer(&reply, "error").as_deref(), Some("invalid_request"));
    let pushed = push(&issuer, &[]).await.json()["request_uri"]
        .as_str()
        .unwrap()
        .to_owned();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "storefront"), ("request_uri", &*pushed)])
        .finish();
    assert_eq!(issuer.get(&format!("/authorize?{query}")).await.status, 200);
}

#[tokio::test]
async fn an_actor_is_an_agent_with_the_scope() {
    let issuer = Running::start(Settings::default()).await;
    for (actor, scope, error) in [
        ("warehouse", "orders:read", "invalid_request"),
        ("storefront", "orders:read", "invalid_request"),
        ("ledger-bot", "orders:write", "invalid_scope"),
    ] {
        let request = authorization_request("storefront", ORDERS, scope, &[("requested_actor", actor)]);
        let reply = issuer.get(&format!("/authorize?{request}")).await;
        assert_eq!(answer(&reply, "error").as_deref(), Some(error), "{actor}");
    }
    let request = authorization_request("assistant", ORDERS, "orders:read", &[("requested_actor", "assistant")]);
    let page = issuer.get(&format!("/authorize?{request}")).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let code = answer(&issuer.submit(&page, "/consent", CONSENT).await, "code").unwrap();
    let token = issuer.redeem("assistant", &code).await.access_token();
    assert_eq!(claims(&token)["act"]["sub"], "assistant");
}
