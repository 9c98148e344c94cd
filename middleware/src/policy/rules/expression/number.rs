//! Numbers of JSON and of expressions, which are exact in the types of CEL or refused.

use crate::decimal::Decimal;

/// From this whole number on, several whole numbers are one double.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A number in a type of CEL that compares exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    /// Above the range of `int`.
    Uint(u64),
    /// With a fraction.
    Double(f64),
}

/// A number in the notation of JSON; [`None`] where the types of CEL would round it.
///
/// A double has the number if its shortest notation is the number: then different numbers are different doubles, in the same
/// order. A whole number is `int` or `uint` in any notation, so that no comparison of a whole number with a double rounds.
pub(super) fn exact(text: &str) -> Option<Number> {
    let decimal = Decimal::read(text)?;
    let whole = decimal.to_string();
    if let Ok(number) = whole.parse() {
        return Some(Number::Int(number));
    }
    if let Ok(number) = whole.parse() {
        return Some(Number::Uint(number));
    }
    let double: f64 = text.parse().ok()?;
    (is_shortest(double, &decimal) && double.fract() != 0.0).then_some(Number::Double(double))
}

/// Whether the text of a double in an expression is the number that it is compared as.
pub(super) fn is_exact_literal(text: &str) -> bool {
    let whole = format!("0{text}");
    let text = if text.starts_with('.') { &whole } else { text };
    let (Some(decimal), Ok(double)) = (Decimal::read(text), text.parse::<f64>()) else {
        return false;
    };
    is_shortest(double, &decimal) && (double.fract() != 0.0 || double.abs() < MAX_WHOLE)
}

fn is_shortest(double: f64, decimal: &Decimal) -> bool {
    double.is_finite() && Decimal::read(&format!("{double:e}")).as_ref() == Some(decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_exact_or_refused() {
        for (text, number) in [
            ("500", Some(Number::Int(500))),
            ("5e2", Some(Number::Int(500))),
            ("500.00", Some(Number::Int(500))),
            ("-0", Some(Number::Int(0))),
            ("-0.0", Some(Number::Int(0))),
            ("-9223372036854775808", Some(Number::Int(i64::MIN))),
            ("9223372036854775808", Some(Number::Uint(1 << 63))),
            ("18446744073709551615", Some(Number::Uint(u64::MAX))),
            ("0.1", Some(Number::Double(0.1))),
            ("-1.5e-3", Some(Number::Double(-0.0015))),
            ("500.000000000000001", None),
            ("0.10000000000000000001", None),
            ("18446744073709551616", None),
            ("-9223372036854775809", None),
            ("1e22", None),
            ("1e99", None),
            ("1e400", None),
            ("1e-400", None),
            ("1e99999999999999999999", None),
        ] {
            assert_eq!(exact(text), number, "{text}");
        }
    }

    #[test]
    fn a_double_of_an_expression_is_the_number_that_is_written() {
        for text in ["0.1", ".5", "500.0", "1e3", "1.5e-3", "9007199254740991.0"] {
            assert!(is_exact_literal(text), "{text}");
        }
        for text in [
            "500.000000000000001",
            "9007199254740992.0",
            "9007199254740993.0",
            "1e400",
            "1e22",
            "1e-400",
        ] {
            assert!(!is_exact_literal(text), "{text}");
        }
    }
}
