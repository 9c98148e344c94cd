//! The name of a query or form parameter as servers read it.

/// The part of a decoded name that some server compares: without blanks around it, without what follows a bracket or a NUL, and
/// without the question marks that follow the first one of a query.
pub(super) fn compared(name: &str) -> &str {
    let name = name.split(['[', '\0']).next().unwrap_or_default();
    name.trim_start_matches('?').trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compared_part_of_a_name() {
        for name in [
            "a", " a", "a ", "a[]", "a[0][b]", "a\0", "a\0b", "?a", "?? a\0[", "a [", "a\r",
        ] {
            assert_eq!(compared(name), "a", "{name:?}");
        }
        for (name, part) in [
            ("", ""),
            ("[a]", ""),
            ("\0a", ""),
            ("a?", "a?"),
            ("a b", "a b"),
            ("]a", "]a"),
        ] {
            assert_eq!(compared(name), part, "{name:?}");
        }
    }
}
