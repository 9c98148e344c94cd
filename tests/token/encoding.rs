//! Encodings of a token: Base64url, JSON, and other serializations.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::json;

use crate::deployment::Deployment;
use crate::mint::signing_key::base64url;
use crate::mint::{
    TokenIssuer, claims_text, claims_text_with_first, claims_text_with_last, header, now, parts, sign, sign_input,
    signing_input,
};
use crate::table::{BAD_REQUEST, INVALID_REQUEST, INVALID_TOKEN, PASSES, Table};

/// A token whose signature contains both characters that differ between the Base64 alphabets.
fn token_with_both_characters(issuer: &TokenIssuer) -> String {
    let tokens = std::iter::repeat_with(|| issuer.token(json!({})));
    let mut fitting = tokens.filter(|token| {
        let signature = parts(token)[2];
        signature.contains('-') && signature.contains('_')
    });
    fitting.next().expect("endless tokens")
}

/// The same bytes with other unused bits in the last character.
fn with_spare_bits(part: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = part.as_bytes()[part.len() - 1];
    let index = alphabet.iter().position(|c| *c == last).expect("Base64url");
    assert_ne!(part.len() % 4, 0, "a part without spare bits");
    format!("{}{}", &part[..part.len() - 1], alphabet[index ^ 1] as char)
}

#[test]
fn other_encodings_of_a_token_are_rejected() {
    let deployment = Deployment::with_routes();
    let token = token_with_both_characters(&deployment.issuer);
    let [header, payload, signature] = parts(&token);
    let hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
    let standard = signature.replace('-', "+").replace('_', "/");
    let mut table = Table::on(&deployment);
    table.token("a valid token", &token, PASSES);
    for (what, changed) in [
        ("padding after the signature", format!("{token}==")),
        ("padding after the header", format!("{header}=.{payload}.{signature}")),
        ("padding after the payload", format!("{header}.{payload}==.{signature}")),
        (
            "unused bits",
            format!("{header}.{payload}.{}", with_spare_bits(signature)),
        ),
        ("the standard alphabet", format!("{header}.{payload}.{standard}")),
        ("hex", format!("{}.{}.{}", hex(header), hex(payload), hex(signature))),
        ("one part", header.to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{token}.{signature}")),
        ("a dot before the token", format!(".{token}")),
        ("a dot after the token", format!("{token}.")),
        ("an empty header", format!(".{payload}.{signature}")),
        ("an empty payload", format!("{header}..{signature}")),
        ("an empty signature", format!("{header}.{payload}.")),
        ("only dots", "..".to_owned()),
        ("double encoding", base64url(&token)),
        ("double encoding, standard", STANDARD.encode(&token)),
        (
            "each part encoded twice",
            [header, payload, signature].map(base64url).join("."),
        ),
    ] {
        table.token(what, &changed, INVALID_TOKEN);
    }
    table.finish();
}

/// A credential has none of these characters (RFC 6750 section 2.1).
#[test]
fn other_characters_in_a_token_are_an_invalid_request() {
    let deployment = Deployment::with_routes();
    let token = token_with_both_characters(&deployment.issuer);
    let [header, payload, signature] = parts(&token);
    let flattened = json!({ "protected": header, "payload": payload, "signature": signature });
    let general = json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] });
    let mut table = Table::on(&deployment);
    for (what, changed) in [
        (
            "white space after the header",
            format!("{header} .{payload}.{signature}"),
        ),
        (
            "white space in the payload",
            format!("{header}.{} {}.{signature}", &payload[..9], &payload[9..]),
        ),
        (
            "a tab in the signature",
            format!("{header}.{payload}.{}\t{}", &signature[..9], &signature[9..]),
        ),
        ("double quotes", format!("\"{token}\"")),
        ("single quotes", format!("'{token}'")),
        ("percent-encoded dots", token.replace('.', "%2e")),
        ("a percent-encoded line break", format!("{token}%0a")),
        ("non-ASCII", format!("{header}.{payload}é.{signature}")),
        ("one dot leader", token.replace('.', "\u{2024}")),
        ("full-width dots", token.replace('.', "\u{ff0e}")),
        ("ideographic dots", token.replace('.', "\u{3002}")),
        ("commas for dots", token.replace('.', ",")),
        ("a scheme within", format!("Bearer {token}")),
        ("a data URL", format!("data:application/jwt,{token}")),
        ("flattened JSON serialization", flattened.to_string()),
        ("general JSON serialization", general.to_string()),
    ] {
        table.token(what, &changed, INVALID_REQUEST);
    }
    for (what, bytes) in [
        ("NUL", "\0"),
        ("a line feed", "\n"),
        ("a line break", "\r\n "),
        ("a carriage return", "\r"),
        ("a vertical tab", "\u{b}"),
    ] {
        let token = format!("{header}.{bytes}{payload}.{signature}");
        table.token(what, &token, BAD_REQUEST);
    }
    table.finish();
}

#[test]
fn other_encodings_within_signed_parts_are_rejected() {
    let deployment = Deployment::with_routes();
    let key = deployment.issuer.key("es256");
    let (head, claims) = (header(key), claims_text());
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let utf32 = |text: &str| text.chars().flat_map(|c| (c as u32).to_be_bytes()).collect::<Vec<_>>();
    let with_bom = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let after = |text: &str, end: &[u8]| [text.as_bytes(), end].concat();
    // A character that differs between the Base64 alphabets, and a length with unused bits.
    let mut odd = claims_text_with_last(r#""x":"~~~???""#);
    while odd.len().is_multiple_of(3) || !base64url(&odd).contains(['-', '_']) {
        odd.insert(odd.len() - 1, ' ');
    }
    let h = base64url(&head);
    let mut table = Table::on(&deployment);
    for (what, input) in [
        ("padding in the payload", format!("{h}.{}=", base64url(&odd))),
        (
            "unused bits in the payload",
            format!("{h}.{}", with_spare_bits(&base64url(&odd))),
        ),
        (
            "the standard alphabet in the payload",
            format!("{h}.{}", STANDARD_NO_PAD.encode(&odd)),
        ),
        ("bytes after the claims", signing_input(&head, after(&claims, b"x"))),
        (
            "a second object after the claims",
            signing_input(&head, after(&claims, b"{}")),
        ),
        ("NUL after the claims", signing_input(&head, after(&claims, b"\0"))),
        ("bytes after the header", signing_input(after(&head, b"x"), &claims)),
        (
            "a second object after the header",
            signing_input(after(&head, b"{}"), &claims),
        ),
        ("claims in UTF-16", signing_input(&head, utf16(&claims))),
        ("claims in UTF-32", signing_input(&head, utf32(&claims))),
        (
            "claims after a byte order mark",
            signing_input(&head, with_bom(&claims)),
        ),
        ("the header in UTF-16", signing_input(utf16(&head), &claims)),
        (
            "the header after a byte order mark",
            signing_input(with_bom(&head), &claims),
        ),
        ("claims encoded twice", signing_input(&head, base64url(&claims))),
        (
            "invalid UTF-8 in the claims",
            signing_input(&head, after(&claims[..claims.len() - 1], b",\"x\":\"\xff\xfe\"}")),
        ),
        (
            "overlong UTF-8 in the claims",
            signing_input(&head, after(&claims[..claims.len() - 1], b",\"x\":\"\xc0\xaf\"}")),
        ),
    ] {
        table.token(what, &sign_input(key, "ES256", &input), INVALID_TOKEN);
    }
    let spaced = format!(" {claims}\n");
    let token = sign(key, "ES256", &head, spaced);
    table.token("white space around the claims", &token, PASSES);
    table.finish();
}

#[test]
fn header_and_claims_must_be_json_objects() {
    let deployment = Deployment::with_routes();
    let key = deployment.issuer.key("es256");
    let mut table = Table::on(&deployment);
    for text in [
        "[]",
        r#""text""#,
        "1",
        "null",
        "true",
        "",
        " ",
        "{",
        "{}",
        "{'alg':'ES256'}",
    ] {
        let token = sign(key, "ES256", text, claims_text());
        table.token(&format!("header {text:?}"), &token, INVALID_TOKEN);
        let token = sign(key, "ES256", header(key), text);
        table.token(&format!("claims {text:?}"), &token, INVALID_TOKEN);
    }
    let token = deployment.issuer.signed_text(&format!("[{}]", claims_text()));
    table.token("claims in a list", &token, INVALID_TOKEN);
    table.finish();
}

#[test]
fn invalid_json_is_denied() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for member in [
        r#""x":NaN"#,
        r#""x":Infinity"#,
        r#""x":-Infinity"#,
        r#""x":1e400"#,
        r#""x":+1"#,
        r#""x":01"#,
        r#""x":0x10"#,
        r#""x":.5"#,
        r#""x":1."#,
        r#""x":undefined"#,
        r#""x":True"#,
        r#""x":'text'"#,
        r#"x:1"#,
        r#""x":1,"#,
        r#""x":1 /* comment */"#,
        r#""x":"\ud800""#,
        r#""x":"\udc00\ud800""#,
        r#""\ud800":1"#,
        r#""x":"\x41""#,
        "\"x\":\"a\nb\"",
        "\"x\":\"a\0b\"",
    ] {
        let token = deployment.issuer.signed_text(&claims_text_with_last(member));
        table.token(&format!("claims with {member}"), &token, INVALID_TOKEN);
    }
    for bytes in [
        b"\xff\xfe".as_slice(),
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ] {
        let member = [b",\"x\":\"".as_slice(), bytes, b"\"}"].concat();
        let key = deployment.issuer.key("es256");
        let claims = claims_text();
        let claims = [&claims.as_bytes()[..claims.len() - 1], &member].concat();
        let token = sign(key, "ES256", header(key), claims);
        table.token(
            &format!("invalid UTF-8 in the claims: {bytes:x?}"),
            &token,
            INVALID_TOKEN,
        );
        let head = header(key);
        let head = [&head.as_bytes()[..head.len() - 1], &member].concat();
        let token = sign(key, "ES256", head, claims_text());
        table.token(
            &format!("invalid UTF-8 in the header: {bytes:x?}"),
            &token,
            INVALID_TOKEN,
        );
    }
    let text = claims_text().replacen(':', "=", 1);
    table.token("no colon", &deployment.issuer.signed_text(&text), INVALID_TOKEN);
    table.finish();
}

#[test]
fn duplicate_names_are_denied() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let past = now() - 3600;
    let mut table = Table::on(&deployment);
    for member in [
        format!(r#""exp":{past}"#),
        format!(r#""\u0065xp":{past}"#),
        r#""aud":"https://other.example.com""#.into(),
        r#""iss":"https://evil.example.com""#.into(),
        r#""sub":"mallory-canary""#.into(),
        r#""s\u0075b":"mallory-canary""#.into(),
        r#""scope":"admin""#.into(),
        r#""sub":"alice-canary""#.into(),
        r#""x":1,"x":1"#.into(),
        r#""x":{"y":1,"y":2}"#.into(),
        r#""x":[{"y":[{"z":1,"\u007a":2}]}]"#.into(),
    ] {
        let first = issuer.signed_text(&claims_text_with_first(&member));
        table.token(&format!("{member} first"), &first, INVALID_TOKEN);
        let last = issuer.signed_text(&claims_text_with_last(&member));
        table.token(&format!("{member} last"), &last, INVALID_TOKEN);
    }
    table.finish();
}
