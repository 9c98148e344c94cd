//! Invalid signatures, and key material in the header of a token.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::signing_key::{Curve, RsaPair, SigningKey, base64url};
use crate::mint::{TokenIssuer, claims_text, header_of, parts, sign, signing_input};
use crate::table::{INVALID_TOKEN, PASSES, Table};

/// The order of P-256, SEC 2 section 2.4.2.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// The order of Ed25519's base point, RFC 8032 section 5.1.
const ED25519_ORDER: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

fn with_signature(token: &str, signature: &[u8]) -> String {
    let [header, payload, _] = parts(token);
    format!("{header}.{payload}.{}", base64url(signature))
}

fn signature(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(parts(token)[2]).expect("Base64url")
}

#[test]
fn an_invalid_signature_is_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let mut table = Table::on(&deployment);
    for (kid, algorithm) in [
        ("rs256", "RS256"),
        ("ps256", "PS256"),
        ("es256", "ES256"),
        ("es384", "ES384"),
        ("es512", "ES512"),
        ("ed25519", "EdDSA"),
    ] {
        let token = deployment.issuer.token_of(kid, algorithm);
        let another = deployment.issuer.token_of(kid, algorithm);
        let genuine = signature(&token);
        let length = genuine.len();
        let mut wrong = vec![
            ("of another token", signature(&another)),
            ("of other data", deployment.issuer.key(kid).sign(algorithm, b"data")),
            ("empty", Vec::new()),
            ("all zero", vec![0; length]),
            ("all ones", vec![0xff; length]),
            ("the number one", [vec![0; length - 1], vec![1]].concat()),
            ("a single byte", vec![1]),
            ("garbage", (0..length).map(|i| (i * 37 + 11) as u8).collect()),
            ("too short by its last byte", genuine[..length - 1].to_vec()),
            ("too short by its first byte", genuine[1..].to_vec()),
            ("half of it", genuine[..length / 2].to_vec()),
            ("padded at the beginning", [vec![0], genuine.clone()].concat()),
            ("padded at the end", [genuine.clone(), vec![0]].concat()),
            (
                "padded by two bytes at the beginning",
                [vec![0; 2], genuine.clone()].concat(),
            ),
            ("twice", [genuine.clone(), genuine.clone()].concat()),
            ("of 4096 bytes", vec![1; 4096]),
        ];
        for bit in [0, 7, length * 4, length * 8 - 1] {
            let mut changed = genuine.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            wrong.push(("with one bit changed", changed));
        }
        for (what, bytes) in wrong {
            let token = with_signature(&token, &bytes);
            table.token(&format!("{algorithm} signature {what}"), &token, INVALID_TOKEN);
        }
        table.token(&format!("{algorithm} genuine"), &token, PASSES);
    }
    table.finish();
}

#[test]
fn a_changed_payload_is_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let token = deployment.issuer.token(json!({}));
    // The token is in the cache from here on.
    assert_eq!(deployment.status("/orders/1", &token), 200);
    let [header, payload, signature] = parts(&token);
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("Base64url");
    let mut table = Table::on(&deployment);
    for bit in [3, payload.len() * 4, payload.len() * 8 - 5] {
        let mut changed = payload.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let token = format!("{header}.{}.{signature}", base64url(changed));
        table.token(&format!("bit {bit} of the payload"), &token, INVALID_TOKEN);
    }
    let raised = claims_text().replace("orders:read", "orders:read admin");
    let token = format!("{header}.{}.{signature}", base64url(raised));
    table.token("a scope added under a cached signature", &token, INVALID_TOKEN);
    let widened = signing_input(r#"{"alg":"ES256","typ":"at+jwt","kid":"es256","x":1}"#, payload);
    table.token(
        "another header on cached claims",
        &format!("{widened}.{signature}"),
        INVALID_TOKEN,
    );
    table.finish();
}

#[test]
fn a_signature_out_of_range_is_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);

    // The sum must fit the length of the signature, which is true for a part of all signatures.
    let modulus = issuer.key("rs256").modulus();
    let (token, sum) = std::iter::repeat_with(|| issuer.token_of("rs256", "RS256"))
        .find_map(|token| Some((add(&signature(&token), &modulus)?, token)))
        .map(|(sum, token)| (token, sum))
        .expect("endless tokens");
    table.token("RSA + n", &with_signature(&token, &sum), INVALID_TOKEN);

    let token = issuer.token_of("ed25519", "EdDSA");
    let genuine = signature(&token);
    let scalar: Vec<u8> = genuine[32..].iter().rev().copied().collect();
    let mut sum = add(&scalar, &hex(ED25519_ORDER)).expect("both are far below 2^256");
    sum.reverse();
    let malleable = [&genuine[..32], &sum].concat();
    table.token("EdDSA S + L", &with_signature(&token, &malleable), INVALID_TOKEN);

    let token = issuer.token_of("es256", "ES256");
    let genuine = signature(&token);
    let (r, s) = genuine.split_at(32);
    let (zero, order) = (vec![0; 32], hex(P256_ORDER));
    for (what, first, second) in [
        ("zero r", zero.as_slice(), s),
        ("zero s", r, zero.as_slice()),
        ("the order as r", order.as_slice(), s),
        ("the order as s", r, order.as_slice()),
        ("swapped", s, r),
    ] {
        let token = with_signature(&token, &[first, second].concat());
        table.token(&format!("ECDSA {what}"), &token, INVALID_TOKEN);
    }
    let input = signing_input(header_of("ES256", "es256"), claims_text());
    let der = issuer.key("es256").sign_in_der(input.as_bytes());
    let token = format!("{input}.{}", base64url(der));
    table.token("ECDSA in DER", &token, INVALID_TOKEN);
    table.finish();
}

#[test]
fn both_s_values_of_ecdsa_are_accepted() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let token = deployment.issuer.token(json!({}));
    let genuine = signature(&token);
    let (r, s) = genuine.split_at(32);
    let other_s = subtract(&hex(P256_ORDER), s);
    let other = with_signature(&token, &[r, &other_s].concat());
    let mut table = Table::on(&deployment);
    table.token("as the issuer signed it", &token, PASSES);
    table.token("with the other s", &other, PASSES);
    table.token("as the issuer signed it, again", &token, PASSES);
    let changed = with_signature(&token, &[&other_s, r].concat());
    table.token("with the other s in the wrong place", &changed, INVALID_TOKEN);
    table.finish();
}

#[test]
fn a_signature_of_another_key_is_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let mut table = Table::on(&deployment);
    for (what, kid, named) in [
        ("another key of the same set than the kid names", "es256-other", "es256"),
        ("a key of another curve", "es384", "es256"),
        ("a key without alg under another kid", "es256-bare", "es256-other"),
        ("an Ed25519 key under the kid of another", "ed25519-bare", "ed25519"),
    ] {
        let key = deployment.issuer.key(kid);
        let named = deployment.issuer.key(named);
        let header = header_of(named.algorithm(), &named.kid);
        let token = sign(key, key.algorithm(), header, claims_text());
        table.token(what, &token, INVALID_TOKEN);
    }
    for untrusted in [
        SigningKey::ec("es256", Curve::P256),
        SigningKey::ec("es384", Curve::P384),
        SigningKey::rsa("rs256", RsaPair::Untrusted),
        SigningKey::ed25519("ed25519"),
    ] {
        let algorithm = untrusted.algorithm();
        let token = sign(
            &untrusted,
            algorithm,
            header_of(algorithm, &untrusted.kid),
            claims_text(),
        );
        table.token(
            &format!("an untrusted key under the kid {}", untrusted.kid),
            &token,
            INVALID_TOKEN,
        );
    }
    let koblitz = SigningKey::ec("es256", Curve::Secp256k1);
    let token = sign(&koblitz, "ES256", header_of("ES256", "es256"), claims_text());
    table.token("a signature of secp256k1 under the kid of P-256", &token, INVALID_TOKEN);
    table.finish();
}

#[test]
fn key_material_in_the_header_is_not_used() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let untrusted = SigningKey::ec("untrusted", Curve::P256);
    let document = json!({ "keys": [untrusted.jwk(Some("ES256"))] }).to_string();
    let elsewhere = KeyServer::start(Conduct::Publish(document));
    let before = deployment.key_server.requests();
    let mut table = Table::on(&deployment);
    for (what, members) in material(&untrusted, &elsewhere) {
        // The kid is known, so there is no reason to fetch keys.
        for (kid, spelled) in [("a known kid", Some("es256")), ("no kid", None)] {
            let header = header_with(&members, spelled);
            let token = sign(&untrusted, "ES256", &header, claims_text());
            table.token(&format!("forged, {kid}, {what}"), &token, INVALID_TOKEN);
        }
        let token = deployment
            .issuer
            .token_with_header(&header_with(&members, Some("es256")));
        table.token(&format!("genuine, {what}"), &token, PASSES);
    }
    table.check(
        "nothing is fetched from a URL of a token",
        elsewhere.requests().is_empty(),
    );
    table.check("nothing is fetched again", deployment.key_server.requests() == before);
    table.finish();
}

fn material(untrusted: &SigningKey, elsewhere: &KeyServer) -> Vec<(&'static str, Value)> {
    let own = untrusted.jwk(Some("ES256"));
    let der = STANDARD.encode(untrusted.public_der());
    let url = elsewhere.jwks_uri();
    vec![
        ("jwk", json!({ "jwk": own })),
        ("jwk that is no object", json!({ "jwk": "key" })),
        ("jku", json!({ "jku": url })),
        (
            "jku of the issuer with userinfo",
            json!({ "jku": url.replace("http://", "http://idp.example.com@") }),
        ),
        ("jku of a file", json!({ "jku": "file:///etc/hostname" })),
        (
            "jku of a private address",
            json!({ "jku": "http://169.254.169.254/latest/meta-data" }),
        ),
        ("jku of a wrong type", json!({ "jku": [url] })),
        ("x5u", json!({ "x5u": url })),
        ("x5c", json!({ "x5c": [der] })),
        ("x5t and x5t#S256", json!({ "x5t": "AAAA", "x5t#S256": "AAAA" })),
        (
            "all of them",
            json!({ "jwk": own, "jku": url, "x5u": url, "x5c": [der] }),
        ),
    ]
}

fn header_with(members: &Value, kid: Option<&str>) -> String {
    let mut header = members.clone();
    header["alg"] = json!("ES256");
    header["typ"] = json!("at+jwt");
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    header.to_string()
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16);
    digits.map(|pair| byte(pair).expect("hex")).collect()
}

/// The big-endian sum, if it fits into the same number of bytes.
fn add(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let mut sum = vec![0; a.len()];
    let mut carry = 0;
    for i in (0..a.len()).rev() {
        let part = u16::from(a[i]) + u16::from(b[i]) + carry;
        sum[i] = part as u8;
        carry = part >> 8;
    }
    (carry == 0).then_some(sum)
}

/// The big-endian difference of `a` and a smaller `b`.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = vec![0; a.len()];
    let mut borrow = 0;
    for i in (0..a.len()).rev() {
        let part = i16::from(a[i]) - i16::from(b[i]) - borrow;
        borrow = i16::from(part < 0);
        difference[i] = part.rem_euclid(256) as u8;
    }
    difference
}
