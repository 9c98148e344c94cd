//! The bundled issuer.
