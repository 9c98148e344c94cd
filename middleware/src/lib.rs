//! who acts, on whose authority, and may they?
