//! Spellings of a request to a route: every one is another request to some server, and the same one to another.

/// A request without credentials.
pub struct Probe {
    /// The method, the target and what else differs from a plain request.
    pub name: String,
    method: String,
    target: String,
    fields: Vec<&'static str>,
    body: Vec<u8>,
}

impl Probe {
    /// A request without a body.
    pub fn of(method: &str, target: &str) -> Self {
        Self {
            name: format!("{method} {target}"),
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            body: Vec::new(),
        }
    }

    fn with_field(method: &str, target: &str, field: &'static str) -> Self {
        let probe = Self::of(method, target);
        Self {
            name: format!("{} with {field}", probe.name),
            fields: vec![field],
            ..probe
        }
    }

    fn with_form(method: &str, target: &str, field: &'static str, form: &str) -> Self {
        let probe = Self::with_field(method, target, field);
        Self {
            name: format!("{}: {}", probe.name, form.escape_debug()),
            body: form.as_bytes().to_vec(),
            ..probe
        }
    }

    /// A form of one part with these headers and this value.
    fn with_part(target: &str, field: &'static str, headers: &str, value: &str) -> Self {
        let form = format!("--b\r\n{headers}\r\n\r\n{value}\r\n--b--\r\n");
        Self::with_form("POST", target, field, &form)
    }

    /// The bytes of the request, with the line `credential` unless it is empty.
    pub fn bytes(&self, credential: &str) -> Vec<u8> {
        let Self { method, target, .. } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n");
        let length = format!("Content-Length: {}", self.body.len());
        let has_length = !self.body.is_empty() || !matches!(self.method.as_str(), "GET" | "HEAD");
        let length = has_length.then_some(length.as_str());
        let credential = Some(credential).filter(|line| !line.is_empty());
        for line in self.fields.iter().copied().chain(length).chain(credential) {
            head.push_str(line);
            head.push_str("\r\n");
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

/// The host that the gate serves.
const HOST: &str = "orders.example.com";

/// Every spelling of a request to a route with one method.
pub fn spellings(method: &str, path: &str) -> Vec<Probe> {
    let mut all = Vec::new();
    for path in paths(path) {
        all.push(Probe::of(method, &path));
    }
    for method in methods(method).iter().skip(1) {
        for path in [path, &path.to_uppercase(), &format!("{path}/"), &escape_at(path, 1)] {
            all.push(Probe::of(method, path));
        }
    }
    all
}

/// Requests with another method and a parameter or a field that names `method`.
pub fn overrides(method: &str, path: &str) -> Vec<Probe> {
    let mut all = Vec::new();
    let lower = method.to_lowercase();
    let escaped = escape_at(method, 0);
    let parameters = [
        format!("_method={method}"),
        format!("_method={lower}"),
        format!("_method={escaped}"),
        format!("%5Fmethod={method}"),
        format!("_%6dethod={lower}"),
        format!("_METHOD={method}"),
        format!("_Method={lower}"),
        format!("x=1&_method={method}"),
        format!("x=1;_method={method}"),
        format!("_method=POST&_method={method}"),
        format!("_method={method}&_method=POST"),
        format!("_method[]={method}"),
        format!("_method[0]={method}"),
        format!("+_method={method}"),
        format!("%20%20_method={method}"),
        format!(".method={method}"),
        format!("+method={method}"),
        format!("_method%00={method}"),
        format!("_method%00x={method}"),
        format!("_method=+{method}"),
        format!("_method={method}%0a"),
        format!("&&_method={method}"),
        format!("=&_method={method}"),
        format!("?_method={method}"),
    ];
    let paths = [path.to_owned(), path.to_uppercase(), format!("{path}/")];
    for path in &paths {
        for parameter in &parameters {
            let target = format!("{path}?{parameter}");
            all.push(Probe::of("POST", &target));
            all.push(Probe::with_form("POST", path, URLENCODED, parameter));
        }
    }
    let plain = format!("_method={method}");
    // More than the gate reads before it forwards a form.
    let long = format!("x={}&{plain}", "x".repeat(90_000));
    all.push(Probe {
        name: format!("POST {path} with a long form"),
        ..Probe::with_form("POST", path, URLENCODED, &long)
    });
    for kind in FORM_TYPES {
        all.push(Probe::with_form("POST", path, kind, &plain));
        all.push(Probe::with_form("POST", path, kind, &format!("_METHOD={method}")));
    }
    for part in [
        "Content-Disposition: form-data; name=_method",
        "Content-Disposition: form-data; name=_METHOD",
        "Content-Disposition: form-data; name=\"_method\"",
        "Content-Disposition: form-data; name=\"_METHOD\"",
    ] {
        for kind in MULTIPART_TYPES {
            all.push(Probe::with_part(path, kind, part, method));
        }
    }
    for part in PARTS {
        for kind in [MULTIPART_TYPES[0], "Content-Type: multipart/mixed; boundary=b"] {
            all.push(Probe::with_part(path, kind, part, method));
            all.push(Probe::with_part(
                path,
                kind,
                &part.replace("_method", "_METHOD"),
                &lower,
            ));
        }
    }
    for method in ["GET", "PUT", "PATCH"] {
        all.push(Probe::of(method, &format!("{path}?{plain}")));
        all.push(Probe::with_form(method, path, URLENCODED, &plain));
    }
    for field in OVERRIDE_FIELDS {
        all.push(Probe::with_field("POST", path, field));
    }
    all
}

const URLENCODED: &str = "Content-Type: application/x-www-form-urlencoded";

/// Types of a body that some servers read as a form.
const FORM_TYPES: [&str; 11] = [
    "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
    "Content-Type: APPLICATION/X-WWW-FORM-URLENCODED",
    "Content-Type: application/x-www-form-urlencoded;",
    "Content-Type: application/x-www-form-urlencoded, text/plain",
    "Content-Type: application/x-www-form-urlencoded x",
    "Content-Type: application/x-www-form-urlencoded\tx",
    "Content-Type: application/x-www-form-urlencoded; x=multipart/form-data",
    "Content-Type: multipart/form-data; boundary=b\r\nContent-Type: application/x-www-form-urlencoded",
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Type: multipart/form-data; boundary=b",
    "Content-Type:",
    "X-No-Content-Type: x",
];

const MULTIPART_TYPES: [&str; 10] = [
    "Content-Type: multipart/form-data; boundary=b",
    "Content-Type: Multipart/Form-Data; boundary=\"b\"",
    "Content-Type: multipart/form-data, boundary=b",
    "Content-Type: multipart/mixed; boundary=b",
    "Content-Type: multipart/related; boundary=b",
    "Content-Type: multipart/form-data; boundary=b; x=application/x-www-form-urlencoded",
    "Content-Type: multipart/related; boundary=b; type=application/x-www-form-urlencoded",
    "Content-Type: multipart/form-data; boundary=b\r\nContent-Type: application/x-www-form-urlencoded",
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Type: multipart/form-data; boundary=b",
    "Content-Type: multipart/form-datax; boundary=b",
];

/// The headers of a part whose name some server reads as `_method`.
const PARTS: [&str; 20] = [
    "content-disposition:form-data;name=_method",
    "Content-Disposition: form-data; NAME=\"_method\"",
    "Content-Disposition: form-data; name='_method'",
    "Content-Disposition: form-data; name = \"_method\"",
    "Content-Disposition: form-data; name=\"_method",
    "Content-Disposition: form-data; name=\"_m\\ethod\"",
    "Content-Disposition: form-data; name=\"%5Fmethod\"",
    "Content-Disposition: form-data; name*=utf-8''_method",
    "Content-Disposition: form-data; name*=utf-8''%5Fmethod",
    "Content-Disposition: form-data; name*0=_me; name*1=thod",
    "Content-Disposition: form-data; name=x; name=_method",
    "Content-Disposition: form-data; name=_method; name=x",
    "Content-Disposition: form-data; x=\"name=x\"; name=_method",
    "Content-Disposition: form-data;\r\n name=_method",
    "Content-Disposition:\r\n\tform-data; name=_method",
    "Content-Disposition: attachment; name=_method",
    "Content-Type: text/plain\r\nContent-Disposition: form-data; name=_method",
    "X: y\nContent-Disposition: form-data; name=_method",
    "Content-ID: _method",
    "Content-ID: <_method>",
];

const OVERRIDE_FIELDS: [&str; 6] = [
    "X-HTTP-Method-Override: DELETE",
    "X-HTTP-Method: DELETE",
    "X-Method-Override: DELETE",
    "X_HTTP_METHOD_OVERRIDE: DELETE",
    "Method-Override: DELETE",
    "_method: DELETE",
];

/// The method and its other cases; the method itself is first.
fn methods(method: &str) -> Vec<String> {
    let (first, rest) = method.split_at(1);
    let all = [
        method.to_owned(),
        method.to_lowercase(),
        format!("{first}{}", rest.to_lowercase()),
        format!("{}{rest}", first.to_lowercase()),
        format!(
            "{}{}",
            &method[..method.len() - 1],
            method[method.len() - 1..].to_lowercase()
        ),
    ];
    all.into()
}

/// The path and its other spellings.
fn paths(path: &str) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    // Combinations of case, end and needless escape.
    for case in cases(path) {
        for end in ["", "/", ".", "%20", "%2E"] {
            all.push(format!("{case}{end}"));
            all.push(format!("{}{end}", escape_at(&case, 1)));
        }
    }
    for end in ENDS {
        all.push(format!("{path}{end}"));
        // The same at the end of the first segment.
        if let Some((first, rest)) = path[1..].split_once('/') {
            all.push(format!("/{first}{end}/{rest}"));
        }
    }
    let beginnings = [
        "/",
        "/.",
        "/x/..",
        "/%2e",
        "/x/%2e%2e",
        "/;x",
        "%2f",
        "/%20",
        "http://orders.example.com",
    ];
    all.extend(beginnings.iter().map(|beginning| format!("{beginning}{path}")));
    all.push(format!("http://orders.example.com{}", path.to_uppercase()));
    all.push(escape_all(path));
    all.push(escape_all(&path.to_uppercase()));
    all.push(escape_at(path, path.len() - 1));
    // Letters that a comparison without case may fold to ASCII, and full-width ones.
    all.push(path.replace('s', "%C5%BF"));
    all.push(path.replace('i', "%C4%B1"));
    all.push(path.replace('a', "%EF%BD%81"));
    all.push(path.replace('/', "%2F").replacen("%2F", "/", 1));
    all.push(path.replace('/', "\\").replacen('\\', "/", 1));
    all.push(path.replace('/', "//"));
    all.sort();
    all.dedup();
    all
}

/// What some server drops at the end of a segment, or reads as the beginning of something else.
const ENDS: [&str; 34] = [
    "/", "//", "///", "/.", "/..;/", "/%2e", "%2f", "%2F", "/%20", "/;", "/;x", ".", "..", "...", "%2e%2e", "%20",
    "%20%20", "%20.", ".%20", "%09", "%0a", "%0d", "%00", "%a0", "%c2%a0", "+", ";", ";x", ";x=y", "%3bx", "?", "?x=1",
    "%3f", "%23",
];

/// Other cases of the letters of a path.
fn cases(path: &str) -> Vec<String> {
    let mut capital = String::new();
    for letter in path.chars() {
        let starts = capital.ends_with('/');
        capital.push(if starts { letter.to_ascii_uppercase() } else { letter });
    }
    let swapped = |letter: char| match letter.is_ascii_lowercase() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    };
    vec![
        path.to_owned(),
        path.to_lowercase(),
        path.to_uppercase(),
        capital,
        path.chars().map(swapped).collect(),
    ]
}

/// The text with the character at `index` escaped.
fn escape_at(text: &str, index: usize) -> String {
    let byte = text.as_bytes()[index];
    format!("{}%{byte:02X}{}", &text[..index], &text[index + 1..])
}

/// The path with every character but the slashes escaped.
fn escape_all(path: &str) -> String {
    let escaped = path.bytes().map(|byte| match byte {
        b'/' => "/".to_owned(),
        byte => format!("%{byte:02x}"),
    });
    escaped.collect()
}
