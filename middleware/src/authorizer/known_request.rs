//! What of a presented request is that of a record.

/// What is known of a request beside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownRequest {
    /// Whether its query is that of the request.
    pub query: bool,
    /// Whether its headers are all those of the request. Otherwise each one that is presented is known, and any other one is not.
    pub headers: bool,
    /// Whether its body is that of the request, also where none is presented. Otherwise a body that is presented is known.
    pub body: bool,
}

impl KnownRequest {
    /// Headers and a body that are presented are known, and nothing else.
    pub fn nothing() -> KnownRequest {
        KnownRequest::default()
    }

    /// The same with the query that is presented.
    #[must_use]
    pub fn with_query(self) -> KnownRequest {
        KnownRequest { query: true, ..self }
    }

    /// The same with the headers that are presented, and no other one.
    #[must_use]
    pub fn with_headers(self) -> KnownRequest {
        KnownRequest { headers: true, ..self }
    }

    /// The same with the body that is presented, or as a request whose body was not read.
    #[must_use]
    pub fn with_body(self) -> KnownRequest {
        KnownRequest { body: true, ..self }
    }
}
