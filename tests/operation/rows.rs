//! Requests to a route with rules on its query and its body, each with its answer.

/// The route: at most 500 EUR or USD, as a dry run, for an order of the API.
pub const POLICY: &str = r#"
routes:
  - match: POST /refunds
    scopes: [refunds:write]
    operation:
      query: { dry_run: "true" }
      json:
        /amount: { min: 0, max: 500 }
        /currency: { one_of: [EUR, USD] }
        /order/path: { matches: "/orders/*" }
      max: 200B
"#;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// It reaches the upstream as it was sent.
    Reaches,
    /// It is denied with this status and code, and reaches nothing.
    Denied(u16, &'static str),
}

use Want::{Denied, Reaches};

const NOT_MET: Want = Denied(403, "operation_not_met");
const MALFORMED: Want = Denied(400, "body_malformed");
const OTHER_TYPE: Want = Denied(403, "body_type_not_allowed");
const TOO_LARGE: Want = Denied(403, "body_too_large");

/// One request to `/refunds`.
pub struct Row {
    pub name: String,
    /// With its `?`.
    pub query: &'static str,
    /// Whole lines.
    pub fields: Vec<&'static str>,
    pub body: Vec<u8>,
    pub want: Want,
}

const JSON: &str = "Content-Type: application/json";
const DRY_RUN: &str = "?dry_run=true";

fn with_amount(amount: &str) -> String {
    format!(r#"{{"amount":{amount},"currency":"EUR","order":{{"path":"/orders/7"}}}}"#)
}

pub fn rows() -> Vec<Row> {
    let bodies = bodies().into_iter().map(|(name, body, want)| Row {
        name: name.to_owned(),
        query: DRY_RUN,
        fields: vec![JSON],
        body,
        want,
    });
    let queries = QUERIES.iter().map(|(query, want)| Row {
        name: format!("query {query}"),
        query,
        fields: vec![JSON],
        body: with_amount("1").into_bytes(),
        want: *want,
    });
    let fields = FIELDS.iter().map(|(fields, want)| Row {
        name: format!("fields {fields:?}"),
        query: DRY_RUN,
        fields: fields.to_vec(),
        body: with_amount("1").into_bytes(),
        want: *want,
    });
    bodies.chain(queries).chain(fields).collect()
}

const QUERIES: &[(&str, Want)] = &[
    ("?dry_run=true&trace=1", Reaches),
    ("?dry_run=%74%72ue", Reaches),
    ("", NOT_MET),
    ("?dry_run=false", NOT_MET),
    ("?dry_run", NOT_MET),
    ("?dry_run=True", NOT_MET),
    ("?dry_run=true&dry_run=false", NOT_MET),
    ("?dry_run=true&dry_run=true", NOT_MET),
    ("?dry_run=true&Dry_Run=false", NOT_MET),
    ("?dry_run=true&dryRun=false", NOT_MET),
    ("?dry_run=true&dry_run[]=false", NOT_MET),
    ("?dry_run=true&dry%5Frun=false", NOT_MET),
    ("?dry_run=true;dry_run=false", NOT_MET),
    ("?dry_run=true%00", NOT_MET),
    ("?dry_run=true&%zz", NOT_MET),
];

const FIELDS: &[(&[&str], Want)] = &[
    (&["Content-Type: application/json; charset=utf-8"], Reaches),
    (&["Content-Type: application/vnd.refund+json"], Reaches),
    (&[JSON, "Content-Encoding: identity"], Reaches),
    (&[], OTHER_TYPE),
    (&["Content-Type: text/plain"], OTHER_TYPE),
    (&["Content-Type: application/json; charset=utf-16"], OTHER_TYPE),
    (&["Content-Type: application/json, text/plain"], OTHER_TYPE),
    (&["Content-Type: multipart/form-data; boundary=x"], OTHER_TYPE),
    (&["Content-Type: application/x-www-form-urlencoded"], OTHER_TYPE),
    (&[JSON, "Content-Encoding: gzip"], OTHER_TYPE),
    (&[JSON, "Content-Encoding: identity, gzip"], OTHER_TYPE),
    (&[JSON, JSON], MALFORMED),
    (&[JSON, "Content-Type: text/plain"], MALFORMED),
];

fn bodies() -> Vec<(&'static str, Vec<u8>, Want)> {
    let amounts = [
        ("an amount", "100", Reaches),
        ("the most", "500", Reaches),
        ("the most, with an exponent", "5e2", Reaches),
        ("the most, with a fraction", "500.0000", Reaches),
        ("the least", "0", Reaches),
        ("almost the most", "499.99999999999999999999", Reaches),
        ("just above the most", "500.000000000000001", NOT_MET),
        ("above the most", "501", NOT_MET),
        ("below the least", "-0.000001", NOT_MET),
        ("a large exponent", "1e300", NOT_MET),
        ("an exponent out of range", "1e400", MALFORMED),
        ("NaN", "NaN", MALFORMED),
        ("Infinity", "Infinity", MALFORMED),
        ("a hexadecimal number", "0x10", MALFORMED),
        ("a leading zero", "0100", MALFORMED),
        ("a text", "\"100\"", NOT_MET),
        ("null", "null", NOT_MET),
        ("a list", "[100]", NOT_MET),
        ("an object", "{\"value\":100}", NOT_MET),
        ("a boolean", "true", NOT_MET),
    ];
    let mut rows: Vec<(&str, Vec<u8>, Want)> = amounts
        .iter()
        .map(|(name, amount, want)| (*name, with_amount(amount).into_bytes(), *want))
        .collect();
    let order = r#""currency":"EUR","order":{"path":"/orders/7"}"#;
    let texts = [
        ("blanks", format!(" {{\n\t\"amount\" : 1 , {order} }}\r\n"), Reaches),
        (
            "other members",
            format!(r#"{{"note":"a,b","amount":1,{order},"x":[{{}}]}}"#),
            Reaches,
        ),
        ("escapes in a name", format!(r#"{{"\u0061mount":1,{order}}}"#), Reaches),
        ("no amount", format!("{{{order}}}"), NOT_MET),
        ("another currency", with_amount("1").replace("EUR", "GBP"), NOT_MET),
        (
            "a currency in another case",
            with_amount("1").replace("EUR", "eur"),
            NOT_MET,
        ),
        (
            "a look-alike currency",
            with_amount("1").replace("EUR", "\u{415}UR"),
            NOT_MET,
        ),
        (
            "a path beside the pattern",
            with_amount("1").replace("/orders/7", "/x/orders/7"),
            NOT_MET,
        ),
        (
            "a member in a list",
            with_amount("1").replace(r#"{"path":"/orders/7"}"#, r#"[{"path":"/orders/7"}]"#),
            NOT_MET,
        ),
        (
            "the amount elsewhere",
            format!(r#"{{"order2":{{"amount":1}},{order}}}"#),
            NOT_MET,
        ),
        (
            "two spellings of a name",
            format!(r#"{{"amount":1,"Amount":9999,{order}}}"#),
            NOT_MET,
        ),
        (
            "a name that ends in NUL",
            format!(r#"{{"amount":1,"amount\u0000":9999,{order}}}"#),
            NOT_MET,
        ),
        (
            "a duplicate, the bad value first",
            format!(r#"{{"amount":9999,"amount":1,{order}}}"#),
            MALFORMED,
        ),
        (
            "a duplicate, the bad value last",
            format!(r#"{{"amount":1,"amount":9999,{order}}}"#),
            MALFORMED,
        ),
        (
            "a duplicate by an escape",
            format!(r#"{{"amount":1,"\u0061mount":9999,{order}}}"#),
            MALFORMED,
        ),
        (
            "a duplicate deep inside",
            format!(r#"{{"amount":1,{order},"x":[{{"a":1,"a":2}}]}}"#),
            MALFORMED,
        ),
        ("a byte order mark", format!("\u{feff}{}", with_amount("1")), MALFORMED),
        ("bytes after the object", format!("{}x", with_amount("1")), MALFORMED),
        ("two objects", format!("{}{}", "{}", with_amount("1")), MALFORMED),
        ("a list of objects", format!("[{}]", with_amount("1")), MALFORMED),
        ("a text as a body", "\"amount\"".to_owned(), MALFORMED),
        ("no bytes", String::new(), MALFORMED),
        ("a cut object", with_amount("1").replace('}', ""), MALFORMED),
        ("single quotes", with_amount("1").replace('"', "'"), MALFORMED),
        ("a comment", format!(r#"{{"amount":1,/**/{order}}}"#), MALFORMED),
        ("a comma at the end", format!(r#"{{"amount":1,{order},}}"#), MALFORMED),
        (
            "a lone surrogate",
            with_amount("1").replace("EUR", "\\ud800"),
            MALFORMED,
        ),
        ("a form", "amount=1&currency=EUR".to_owned(), MALFORMED),
        (
            "nested too deep",
            format!(r#"{{"amount":1,{order},"x":{}{}}}"#, "[".repeat(40), "]".repeat(40)),
            MALFORMED,
        ),
        (
            "over the limit",
            format!("{}{}", with_amount("1"), " ".repeat(200)),
            TOO_LARGE,
        ),
        ("exactly the limit", format!("{:<200}", with_amount("1")), Reaches),
        (
            "one byte over the limit",
            format!("{:<201}", with_amount("1")),
            TOO_LARGE,
        ),
    ];
    rows.extend(
        texts
            .into_iter()
            .map(|(name, text, want)| (name, text.into_bytes(), want)),
    );
    let utf_16 = with_amount("1").encode_utf16().flat_map(u16::to_le_bytes).collect();
    rows.push(("UTF-16", utf_16, MALFORMED));
    let mut latin_1 = with_amount("1").into_bytes();
    latin_1.splice(1..1, b"\"note\":\"\xe9\",".iter().copied());
    rows.push(("a byte of Latin-1", latin_1, MALFORMED));
    rows.push((
        "gzip without its header",
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
        MALFORMED,
    ));
    rows
}
