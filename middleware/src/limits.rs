//! Limits on untrusted input.

/// Limits on what one token can contain and on what is kept.
///
/// A token over a limit is rejected; nothing is cut to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest token, in bytes. Servers limit a header line to 8 or 16 KiB. Default 16 KiB.
    pub token_bytes: usize,
    /// Longest encoded JOSE header, in bytes. Usual ones are below 300. Default 2 KiB.
    pub header_bytes: usize,
    /// Deepest nesting of JSON in header or claims. It fits the deepest accepted chain. Default 32.
    pub json_depth: usize,
    /// Most members and elements in one JSON document. Default 1,024.
    pub json_values: usize,
    /// Most `act` objects in a token. A policy's `max_depth` is separate. Default 16.
    pub chain_depth: usize,
    /// Longest subject, issuer or client identifier, in bytes. Default 1 KiB.
    pub identifier_bytes: usize,
    /// Memory of the cache of verified tokens, in bytes; 0 disables it. Default 16 MiB.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            token_bytes: 16 * 1024,
            header_bytes: 2 * 1024,
            json_depth: 32,
            json_values: 1024,
            chain_depth: 16,
            identifier_bytes: 1024,
            cache_bytes: 16 * 1024 * 1024,
        }
    }
}
