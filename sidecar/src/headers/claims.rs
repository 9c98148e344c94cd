//! Headers with which a client claims who the caller is, which only a proxy in front of the API may state.
//!
//! No list of them is complete. These are read by common servers, frameworks and applications behind identity proxies.

use actgate::request::header_name::NameList;

/// About the caller, as identity proxies state it. An upstream may be configured to read the identity there. Sorted.
const IDENTITY: &[&str] = &[
    "client-cert",
    "client-cert-chain",
    "impersonate-group",
    "impersonate-uid",
    "impersonate-user",
    "iv-creds",
    "iv-groups",
    "iv-user",
    "oam-remote-user",
    "sm-user",
    "sm-userdn",
    "x-arr-clientcert",
    "x-client-cert",
    "x-client-dn",
    "x-endpoint-api-userinfo",
    "x-id-token",
    "x-jwt-assertion",
    "x-jwt-payload",
    "x-ssl-cert",
    "x-token-subject",
    "x-userinfo",
];

/// The same by prefix. Sorted; none begins with another.
const IDENTITY_PREFIXES: &[&str] = &[
    "cf-access-",
    "impersonate-extra-",
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

/// Whether a header of this name states who the caller is.
pub(crate) fn is_identity(name: &str) -> bool {
    const LIST: NameList = NameList::new(IDENTITY, IDENTITY_PREFIXES);
    LIST.contains(name)
}

#[cfg(test)]
mod tests {
    use actgate::request::header_meaning::is_about_request;
    use actgate::request::header_name::same;

    use super::*;

    #[test]
    fn the_lists_are_sorted_and_folded() {
        for list in [IDENTITY, IDENTITY_PREFIXES] {
            assert!(list.is_sorted(), "{list:?}");
            for name in list {
                assert!(same(name, &name.replace('_', "-").to_lowercase()), "{name}");
            }
        }
        for pair in IDENTITY_PREFIXES.windows(2) {
            assert!(!pair[1].starts_with(pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn claims_are_found_in_every_spelling() {
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
