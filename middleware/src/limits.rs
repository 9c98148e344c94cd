//! Limits on untrusted input.

/// Limits on what one token can contain and on what is kept.
///
/// A token over a limit is rejected; nothing is cut to fit.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest token, in bytes. Servers limit a header line to 8 or 16 KiB. Default 16 KiB.
    pub token_bytes: usize,
    /// Longest encoded JOSE header, in bytes. Usual ones are below 300. Default 2 KiB.
    pub header_bytes: usize,
    /// Deepest nesting of JSON in header or claims, at most 127. It fits the deepest accepted chain. Default 32.
    pub json_depth: usize,
    /// Most members and elements in one JSON document. Default 1,024.
    pub json_values: usize,
    /// Most `act` objects in a token. A policy's `max_depth` is separate. Default 16.
    pub chain_depth: usize,
    /// Longest subject, issuer or client identifier, in bytes. Default 1 KiB.
    pub identifier_bytes: usize,
    /// Memory of the cache of verified tokens, in bytes; 0 disables it. Default 36 MiB: 10,000 tokens of 800 bytes.
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
            cache_bytes: 36 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Sets the longest token, in bytes.
    #[must_use]
    pub fn with_token_bytes(mut self, token_bytes: usize) -> Self {
        self.token_bytes = token_bytes;
        self
    }

    /// Sets the longest encoded JOSE header, in bytes.
    #[must_use]
    pub fn with_header_bytes(mut self, header_bytes: usize) -> Self {
        self.header_bytes = header_bytes;
        self
    }

    /// Sets the deepest nesting of JSON.
    #[must_use]
    pub fn with_json_depth(mut self, json_depth: usize) -> Self {
        self.json_depth = json_depth;
        self
    }

    /// Sets the most members and elements of a JSON document.
    #[must_use]
    pub fn with_json_values(mut self, json_values: usize) -> Self {
        self.json_values = json_values;
        self
    }

    /// Sets the most `act` objects in a token.
    #[must_use]
    pub fn with_chain_depth(mut self, chain_depth: usize) -> Self {
        self.chain_depth = chain_depth;
        self
    }

    /// Sets the longest identifier, in bytes.
    #[must_use]
    pub fn with_identifier_bytes(mut self, identifier_bytes: usize) -> Self {
        self.identifier_bytes = identifier_bytes;
        self
    }

    /// Sets the memory of the cache of verified tokens, in bytes; 0 disables it.
    #[must_use]
    pub fn with_cache_bytes(mut self, cache_bytes: usize) -> Self {
        self.cache_bytes = cache_bytes;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_set_by_its_own_method() {
        let limits = Limits::default()
            .with_token_bytes(1)
            .with_header_bytes(2)
            .with_json_depth(3)
            .with_json_values(4)
            .with_chain_depth(5)
            .with_identifier_bytes(6)
            .with_cache_bytes(7);
        let expected = Limits {
            token_bytes: 1,
            header_bytes: 2,
            json_depth: 3,
            json_values: 4,
            chain_depth: 5,
            identifier_bytes: 6,
            cache_bytes: 7,
        };
        assert_eq!(limits, expected);
    }
}
