//! The actgate sidecar.
fn main() {}
