//! How much of a stranger's input is looked at, in one place.

/// The bounds of everything a caller can make us read or keep.
///
/// Over a bound a token is refused; nothing is ever cut to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest token, in bytes. Servers cap a header line near 8 or 16 KiB, so longer ones hardly arrive. Default 16 KiB.
    pub token_bytes: usize,
    /// Longest encoded JOSE header, in bytes. Real ones stay below 300. Default 2 KiB.
    pub header_bytes: usize,
    /// Deepest nesting of JSON in header or claims. Room for the deepest accepted chain. Default 32.
    pub json_depth: usize,
    /// Most members and elements in one JSON document. Default 1,024.
    pub json_values: usize,
    /// Most `act` objects in a token. A policy's `max_depth` is separate. Default 16.
    pub chain_depth: usize,
    /// Longest subject, issuer or client identifier, in bytes. Default 1 KiB.
    pub identifier_bytes: usize,
    /// Memory for verified tokens, in bytes; 0 keeps none. Default 16 MiB.
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
