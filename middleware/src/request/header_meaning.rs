//! Header names with a meaning of their own to servers and proxies: such a header carries neither tokens nor an identity.

use super::header_name::{NameList, begins_with, same};

/// About the message, its representation, the connection or the agent of the user.
const OF_HTTP: &str = "accept accept-charset accept-encoding accept-language age allow authorization cache-control \
    connection content-disposition content-encoding content-language content-length content-location content-range \
    content-type cookie date early-data expect from host if-match if-modified-since if-none-match if-range \
    if-unmodified-since keep-alive last-modified max-forwards origin pragma range referer set-cookie te trailer \
    transfer-encoding upgrade user-agent via www-authenticate";

/// About the path, the method, the address or the scheme of the request. Sorted.
const REQUEST: &[&str] = &[
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "forwarded-for",
    "front-end-https",
    "method-override",
    "proxy",
    "true-client-ip",
    "x-arr-ssl",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forward-for",
    "x-forwarded",
    "x-host",
    "x-host-override",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-https",
    "x-method-override",
    "x-override-url",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-replaced-path",
    "x-rewrite-url",
    "x-scheme",
    "x-script-name",
    "x-sendfile-type",
    "x-true-client-ip",
    "x-url-scheme",
    "x-waws-unencoded-url",
];

/// The same by prefix. Sorted; none begins with another.
const REQUEST_PREFIXES: &[&str] = &[
    "proxy-",
    "wl-proxy-",
    "x-accel-",
    "x-envoy-",
    "x-forwarded-",
    "x-middleware-subrequest",
    "x-original-",
];

/// Whether a header of this name has a meaning of its own to a server or a proxy.
///
/// ```
/// use actgate::request::header_meaning::has_another_meaning;
///
/// assert!(has_another_meaning("Content_Type") && has_another_meaning("x-forwarded-for"));
/// assert!(!has_another_meaning("cf-access-jwt-assertion"));
/// ```
pub fn has_another_meaning(name: &str) -> bool {
    OF_HTTP.split(' ').any(|own| same(own, name)) || begins_with(name, "mcp-") || is_about_request(name)
}

/// Whether a header of this name states the path, the method, the address or the scheme of the request. Such a header is for a
/// proxy in front to set.
pub fn is_about_request(name: &str) -> bool {
    const LIST: NameList = NameList::new(REQUEST, REQUEST_PREFIXES);
    LIST.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_folded() {
        for list in [REQUEST, REQUEST_PREFIXES] {
            assert!(list.is_sorted(), "{list:?}");
            for name in list {
                assert!(same(name, &name.replace('_', "-").to_lowercase()), "{name}");
            }
        }
        for pair in REQUEST_PREFIXES.windows(2) {
            assert!(!pair[1].starts_with(pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn every_spelling_has_the_meaning() {
        for name in REQUEST {
            for spelling in [
                name.to_string(),
                name.to_uppercase(),
                name.replace('-', "_"),
                name.replace('-', "."),
            ] {
                assert!(is_about_request(&spelling), "{spelling}");
            }
        }
        for prefix in REQUEST_PREFIXES {
            assert!(
                is_about_request(&format!("{}Any", prefix.to_uppercase().replace('-', "_"))),
                "{prefix}"
            );
            assert!(is_about_request(&format!("{prefix}{}", "long".repeat(20))), "{prefix}");
        }
        for name in [
            "Authorization",
            "CONTENT_TYPE",
            "te",
            "mcp_param.user",
            "Proxy-Authorization",
        ] {
            assert!(has_another_meaning(name), "{name}");
        }
    }

    #[test]
    fn other_names_have_none() {
        for name in [
            "",
            "x",
            "x-request-id",
            "x-forwardedfor",
            "x-middleware-prefetch",
            "proxyx",
            "mcp",
            "x-goog-iap-jwt-assertion",
            "x-amzn-oidc-accesstoken",
            "x-auth-token",
        ] {
            assert!(!has_another_meaning(name), "{name}");
        }
    }
}
