//! The form of `tracestate` (W3C Trace Context).

use http::HeaderMap;

use super::context::TRACESTATE;

/// The most members of a list.
const MAX_MEMBERS: usize = 32;

/// Whether every `tracestate` in the headers is well-formed.
pub(crate) fn has_valid_state(headers: &HeaderMap) -> bool {
    let mut members = 0;
    headers.get_all(TRACESTATE).iter().all(|line| {
        let mut list = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        list.all(|member| {
            members += usize::from(!member.is_empty());
            members <= MAX_MEMBERS && (member.is_empty() || is_member(member))
        })
    })
}

fn is_member(member: &[u8]) -> bool {
    let Some(end) = member.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    let (key, value) = (&member[..end], &member[end + 1..]);
    let is_value =
        (1..=256).contains(&value.len()) && value.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'=');
    is_key(key) && is_value
}

/// A key, or one of a system that several tenants share: `tenant@system`.
fn is_key(key: &[u8]) -> bool {
    let is_name = |name: &[u8], longest: usize| {
        let is_begin = matches!(name.first(), Some(b'a'..=b'z' | b'0'..=b'9'));
        let is_byte = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
        is_begin && name.len() <= longest && name.iter().all(is_byte)
    };
    match key.iter().position(|byte| *byte == b'@') {
        Some(end) => is_name(&key[..end], 241) && is_name(&key[end + 1..], 14),
        None => is_name(key, 256),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(lines: &[&str]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|line| (TRACESTATE, HeaderValue::from_str(line).unwrap()));
        lines.collect()
    }

    #[test]
    fn a_state_is_a_list_of_members() {
        let longest = format!("{}={}", "k".repeat(256), "v".repeat(256));
        let tenant = format!("{}@{}=v", "t".repeat(241), "s".repeat(14));
        let most = vec!["a=1"; MAX_MEMBERS].join(",");
        for lines in [
            &[][..],
            &[""],
            &["a=1"],
            &["a=1,b=2", "c=3"],
            &[" a=1 ,\t,b= 2 "],
            &["0_-*/a=!~\"", "t@s=1"],
            &[&longest, &tenant],
            &[&most],
        ] {
            assert!(has_valid_state(&of(lines)), "{lines:?}");
        }
        let [key, value, tenant, system] = [257, 257, 242, 15].map(|length| "x".repeat(length));
        let (key, value) = (format!("{key}=v"), format!("k={value}"));
        let (tenant, system) = (format!("{tenant}@s=v"), format!("t@{system}=v"));
        for lines in [
            &["a"][..],
            &["a="],
            &["=1"],
            &["A=1"],
            &["_a=1"],
            &["a=1=2"],
            &["a=\u{e9}"],
            &["a b=1"],
            &["a@=1"],
            &["@a=1"],
            &["a@b@c=1"],
            &["a=1", "b"],
            &[&most, "a=1"],
            &[&key],
            &[&value],
            &[&tenant],
            &[&system],
        ] {
            assert!(!has_valid_state(&of(lines)), "{lines:?}");
        }
    }
}
