//! Headers with which a client claims what only a proxy in front of the API may state. The client is not trusted to.
//!
//! No list of them is complete. These are read by common servers, frameworks and applications behind identity proxies.

use super::header_name;

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

/// About the caller, as identity proxies state it. An upstream may be configured to read the identity there. Sorted.
const IDENTITY: &[&str] = &[
    "client-cert",
    "client-cert-chain",
    "iv-creds",
    "iv-groups",
    "iv-user",
    "oam-remote-user",
    "sm-user",
    "sm-userdn",
    "x-arr-clientcert",
    "x-client-cert",
    "x-id-token",
    "x-jwt-payload",
    "x-ssl-cert",
    "x-userinfo",
];

/// The same by prefix. Sorted; none begins with another.
const IDENTITY_PREFIXES: &[&str] = &[
    "cf-access-",
    "remote-",
    "shib-",
    "ssl-client-",
    "tailscale-user-",
    "x-amzn-oidc-",
    "x-appengine-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    "x-client-cert-",
    "x-client-certificate",
    "x-consumer-",
    "x-credential-",
    "x-goog-authenticated-user-",
    "x-ms-client-principal",
    "x-ms-token-",
    "x-pomerium-",
    "x-remote-",
    "x-ssl-client-",
    "x-tls-client-",
    "x-vouch-",
    "x-webauth-",
];

/// More than the longest of these names.
const FOLDED_BYTES: usize = 40;

/// Whether a header of this name states the path, the method, the address or the scheme of the request.
pub(crate) fn is_about_request(name: &str) -> bool {
    is_among(name, REQUEST, REQUEST_PREFIXES)
}

/// Whether a header of this name states who the caller is.
pub(crate) fn is_identity(name: &str) -> bool {
    is_among(name, IDENTITY, IDENTITY_PREFIXES)
}

fn is_among(name: &str, names: &[&str], prefixes: &[&str]) -> bool {
    let mut folded = [0; FOLDED_BYTES];
    let folded = header_name::fold_into(name, &mut folded);
    // A prefix of the name sorts directly before it.
    let after = prefixes.partition_point(|prefix| prefix.as_bytes() <= folded);
    let prefix = after.checked_sub(1).and_then(|before| prefixes.get(before));
    prefix.is_some_and(|prefix| folded.starts_with(prefix.as_bytes()))
        || names.binary_search_by(|known| known.as_bytes().cmp(folded)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_folded() {
        for list in [REQUEST, REQUEST_PREFIXES, IDENTITY, IDENTITY_PREFIXES] {
            assert!(list.is_sorted(), "{list:?}");
            for name in list {
                assert!(name.len() < FOLDED_BYTES, "{name}");
                assert!(
                    header_name::same(name, &name.replace('_', "-").to_lowercase()),
                    "{name}"
                );
            }
        }
        for list in [REQUEST_PREFIXES, IDENTITY_PREFIXES] {
            for pair in list.windows(2) {
                assert!(!pair[1].starts_with(pair[0]), "{pair:?}");
            }
        }
    }

    #[test]
    fn claims_are_found_in_every_spelling() {
        for name in REQUEST {
            for spelling in [
                name.to_string(),
                name.to_uppercase(),
                name.replace('-', "_"),
                name.replace('-', "."),
            ] {
                assert!(is_about_request(&spelling), "{spelling}");
            }
            assert!(!is_identity(name), "{name}");
        }
        for name in IDENTITY {
            for spelling in [
                name.to_string(),
                name.to_uppercase(),
                name.replace('-', "_"),
                name.replace('-', "+"),
            ] {
                assert!(is_identity(&spelling), "{spelling}");
            }
            assert!(!is_about_request(name), "{name}");
        }
        for prefix in REQUEST_PREFIXES {
            assert!(
                is_about_request(&format!("{}Any", prefix.to_uppercase().replace('-', "_"))),
                "{prefix}"
            );
            assert!(is_about_request(&format!("{prefix}{}", "long".repeat(20))), "{prefix}");
        }
        for prefix in IDENTITY_PREFIXES {
            assert!(
                is_identity(&format!("{}Any", prefix.to_uppercase().replace('-', "_"))),
                "{prefix}"
            );
        }
    }

    #[test]
    fn other_headers_pass() {
        for name in [
            "",
            "x",
            "x-request-id",
            "x-forwardedfor",
            "x-middleware-prefetch",
            "authorization",
            "proxyx",
            "remote",
            "x-user-id",
            "x-api-key",
            "x-ms-version",
            "x-amzn-trace-id",
            "x-goog-iap-jwt-assertion",
            "cf-ray",
            "x-requested-with",
            "x-auth-token",
            "traceparent",
        ] {
            assert!(!is_about_request(name) && !is_identity(name), "{name}");
        }
    }
}
