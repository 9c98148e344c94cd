//! What a request must be before it is decided on.

pub mod form_token;
pub mod hosts;
pub mod request_head;
