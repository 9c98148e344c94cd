//! A strict reader of `WWW-Authenticate`: scheme, then quoted parameters joined by commas.

/// A challenge.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge {
    pub scheme: String,
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Reads a field with exactly one challenge, in the syntax of RFC 9110 section 11.6.1 and RFC 6750 section 3.
    pub fn parse(field: &str) -> Result<Self, String> {
        let (scheme, mut rest) = field.split_once(' ').unwrap_or((field, ""));
        let mut parameters = Vec::new();
        while !rest.is_empty() {
            let (name, after) = rest.split_once("=\"").ok_or("a parameter is not quoted")?;
            let token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if name.is_empty() || !token {
                return Err(format!("parameter name {name:?}"));
            }
            let (value, after) = after.split_once('"').ok_or("a quote is not closed")?;
            if value.bytes().any(|b| b == b'\\' || !(0x20..0x7f).contains(&b)) {
                return Err(format!("the value of {name} has characters beyond RFC 6750"));
            }
            parameters.push((name.to_owned(), value.to_owned()));
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start_matches(' '),
                None if after.is_empty() => "",
                None => return Err("parameters are not joined by commas".into()),
            };
        }
        Ok(Self {
            scheme: scheme.to_owned(),
            parameters,
        })
    }

    /// The value of parameter `name`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[test]
fn only_quoted_parameters_joined_by_commas_are_read() {
    let challenge = Challenge::parse(r#"Bearer realm="a", error="invalid_token""#).unwrap();
    assert_eq!(challenge.parameter("error"), Some("invalid_token"));
    assert!(Challenge::parse("Bearer realm=a").is_err());
    assert!(Challenge::parse(r#"Bearer realm="a" error="b""#).is_err());
}
