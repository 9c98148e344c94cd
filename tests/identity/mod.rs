//! What the upstream learns of the caller: the internal token of the gate, an exchanged token, an API key.

mod internal_token;
