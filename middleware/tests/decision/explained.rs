//! What an explanation of a decision shows.

use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Error, Resource};
use http::{Method, Uri};
use serde_json::json;

use super::{builder, check, explain, policy};

#[test]
fn each_check_names_what_it_reads() {
    let issuer = TestIssuer::new().unwrap();
    let resource = Resource::new("https://api.example.com/orders").unwrap();
    let text =
        "routes: [{ match: GET /orders, any_of: [{ initiator: { kind: human } }, { client: { one_of: [web] } }] }]";
    let authorizer = builder(&issuer, text)
        .resource(resource.path("/orders").unwrap())
        .build()
        .unwrap();
    let token = issuer
        .token(json!({ "client_id": "web", "sub_profile": "user" }))
        .unwrap();
    let explanation = explain(&authorizer, "GET /orders", &token);
    let sources = explanation.checks().iter().map(|check| {
        let source = check.source.as_deref().unwrap_or("none");
        format!("{} {source}", check.rule)
    });
    let sources: Vec<String> = sources.collect();
    let expected = [
        "route method and path",
        "resource host and path",
        "credential the header with the token",
        "form none",
        "issuer `iss`",
        "type `typ` of the header of the token",
        "key `kid` and `alg` of the header of the token",
        "signature none",
        "claims none",
        "audience `aud`",
        "time `exp` and `nbf`",
        "confirmation `cnf`",
        "GET /orders: self_actor none",
        "GET /orders: chain_inverted none",
        "GET /orders: any_of none",
    ];
    assert_eq!(sources, expected);
    let alternatives = explanation
        .checks()
        .iter()
        .flat_map(|check| &check.alternatives)
        .flatten();
    let of_alternatives: Vec<_> = alternatives.map(|check| check.source.as_deref()).collect();
    let of_facts = ["`sub_profile` is the entity profile `user`", "`client_id`"];
    assert_eq!(of_alternatives, of_facts.map(Some));
    assert_eq!(check(&explanation, "confirmation").got, "no bound key");
}

#[test]
fn a_token_that_was_verified_before_is_not_verified_again() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, "routes: [{ match: GET / }]").build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let got = || check(&explain(&authorizer, "GET /", &token), "signature").got.clone();
    assert_eq!((got(), got()), ("valid".to_owned(), "verified before".to_owned()));
}

#[test]
fn a_cached_token_stays_until_it_expires() {
    let issuer = TestIssuer::new().unwrap();
    let resource = |name: &str| {
        let resource = Resource::new(&format!("https://api.example.com/{name}")).unwrap();
        let resource = resource.audience(&format!("https://{name}.example")).unwrap();
        resource.path(&format!("/{name}")).unwrap()
    };
    let text = "routes: [{ match: GET /a }, { match: GET /b }]";
    let trusted = actgate::TrustedIssuer::new(TestIssuer::ISSUER, issuer.key_set().unwrap()).unwrap();
    let builder = Authorizer::builder().issuer(trusted).policy(policy(text));
    let authorizer = builder.resource(resource("a")).resource(resource("b")).build().unwrap();
    let token = issuer
        .token(json!({ "aud": "https://a.example", "exp": TestIssuer::NOW + 100 }))
        .unwrap();
    let at = |path: &str, now: u64| {
        let uri = path.parse::<Uri>().unwrap();
        let target = Target::new(&Method::GET, &uri).unwrap();
        let explanation = authorizer.explain(&Presented::token(&target, &token), now);
        let code = explanation.decision().error().map(Error::code);
        (code, check(&explanation, "signature").got.clone())
    };
    let (fresh, before) = ("valid".to_owned(), "verified before".to_owned());
    assert_eq!(at("/a", TestIssuer::NOW), (None, fresh.clone()));
    assert_eq!(at("/b", TestIssuer::NOW), (Some("invalid_claim"), before.clone()));
    assert_eq!(at("/a", TestIssuer::NOW), (None, before.clone()));
    assert_eq!(at("/a", TestIssuer::NOW + 200), (Some("invalid_claim"), before));
    assert_eq!(at("/a", TestIssuer::NOW), (None, fresh));
}

#[test]
fn a_missed_route_is_explained_by_what_the_policy_has_instead() {
    let issuer = TestIssuer::new().unwrap();
    let text = "
routes:
  - { match: GET /orders }
  - { match: DELETE /orders, scopes: [delete] }
  - { match: GET /Admin, scopes: [admin] }
  - { match: 'GET /files/{name}', escaped_slash: pass }
  - { match: 'GET /files/{name}/raw', scopes: [raw] }
";
    let authorizer = builder(&issuer, text).build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let other_spelling = "none: `GET /orders` has another spelling of this path";
    for (request, got) in [
        ("GET /none", "none"),
        ("GET /orders/", other_spelling),
        ("GET /ORDERS", other_spelling),
        (
            "GET /orders?_method=DELETE",
            "the request is ambiguous: the method in the query (`_method`) requires another access: that of `DELETE /orders`; \
             state `spelling: exact` if the API distinguishes the two",
        ),
        (
            "GET /files/a%2Fraw",
            "the request is ambiguous: the path contains an escaped separator: that of `GET /files/{name}/raw` if the API \
             decodes it",
        ),
        (
            "GET /orders%2F1",
            "the request is ambiguous: the path contains an escaped separator: state `escaped_slash: pass` on its route if \
             the API reads it as a part of a segment",
        ),
    ] {
        let explanation = explain(&authorizer, request, &token);
        assert_eq!(check(&explanation, "route").got, got, "{request}");
    }
}

#[test]
fn a_token_for_another_audience_is_explained_by_its_claim() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, "routes: [{ match: GET / }]").build().unwrap();
    for (claims, got) in [
        (json!({}), TestIssuer::AUDIENCE),
        (json!({ "aud": "https://other.example" }), "https://other.example"),
    ] {
        let explanation = explain(&authorizer, "GET /", &issuer.token(claims).unwrap());
        let check = check(&explanation, "audience");
        assert_eq!(
            (check.fact, check.source.as_deref(), &*check.got),
            (Some("audience"), Some("`aud`"), got)
        );
    }
}
