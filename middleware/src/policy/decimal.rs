//! Decimal numbers, compared exactly: without a conversion to floating point, which would round.

use std::cmp::Ordering;
use std::fmt;

/// Most digits of an exponent. A number beyond is far out of every use, and unknown.
const MAX_EXPONENT_DIGITS: usize = 6;

/// A number in the text of a JSON document, or in a text with the same grammar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'t> {
    is_negative: bool,
    whole: &'t str,
    fraction: &'t str,
    exponent: i64,
}

impl<'t> Decimal<'t> {
    /// A number in the grammar of JSON (RFC 8259 section 6).
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            None => (text, 0),
            Some(at) => (&text[..at], exponent(&text[at + 1..])?),
        };
        Some(Decimal {
            exponent,
            ..Decimal::without_exponent(mantissa)?
        })
    }

    /// A number as people write an amount: without an exponent.
    pub(crate) fn without_exponent(text: &'t str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (digits, ""),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_canonical = whole == "0" || !whole.is_empty() && !whole.starts_with('0');
        (is_canonical && are_digits(whole) && are_digits(fraction)).then_some(Decimal {
            is_negative,
            whole,
            fraction,
            exponent: 0,
        })
    }

    pub(crate) fn compare(&self, other: &Decimal<'_>) -> Ordering {
        let of_magnitude = |ordering: Ordering| match self.is_negative {
            true => ordering.reverse(),
            false => ordering,
        };
        match (self.order(), other.order()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => match other.is_negative {
                true => Ordering::Greater,
                false => Ordering::Less,
            },
            (Some(_), None) => of_magnitude(Ordering::Greater),
            (Some(_), Some(_)) if self.is_negative != other.is_negative => of_magnitude(Ordering::Greater),
            (Some(one), Some(two)) => of_magnitude(one.cmp(&two).then_with(|| self.compare_digits(other))),
        }
    }

    /// The power of ten of the first digit that is not zero; [`None`] of zero.
    fn order(&self) -> Option<i64> {
        let zeros = self.digits().position(|digit| digit != b'0')?;
        let whole = i64::try_from(self.whole.len()).ok()?;
        Some(self.exponent + whole - i64::try_from(zeros).ok()?)
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    /// Compares the digits from the first one on that is not zero.
    fn compare_digits(&self, other: &Decimal<'_>) -> Ordering {
        let mut one = self.digits().skip_while(|digit| *digit == b'0');
        let mut two = other.digits().skip_while(|digit| *digit == b'0');
        loop {
            match (one.next(), two.next()) {
                (None, None) => return Ordering::Equal,
                (one, two) => match one.unwrap_or(b'0').cmp(&two.unwrap_or(b'0')) {
                    Ordering::Equal => {}
                    ordering => return ordering,
                },
            }
        }
    }
}

fn exponent(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = digits.trim_start_matches('0');
    if !is_number || digits.len() > MAX_EXPONENT_DIGITS {
        return None;
    }
    let value = if digits.is_empty() {
        0
    } else {
        digits.parse::<i64>().ok()?
    };
    Some(sign * value)
}

impl fmt::Display for Decimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        write!(f, "{sign}{}", self.whole)?;
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        match self.exponent {
            0 => Ok(()),
            exponent => write!(f, "e{exponent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_exactly() {
        let ordered = [
            "-1e400",
            "-500.1",
            "-500",
            "-5e-400",
            "0",
            "1e-400",
            "0.1",
            "499.999999999999999999999999",
            "500",
            "500.000000000000001",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551616",
            "1e400",
            "1.0000000000000000000000000000000001e400",
        ];
        for (index, one) in ordered.iter().enumerate() {
            for (at, two) in ordered.iter().enumerate() {
                let (a, b) = (Decimal::parse(one).unwrap(), Decimal::parse(two).unwrap());
                assert_eq!(a.compare(&b), index.cmp(&at), "{one} and {two}");
            }
        }
        for equal in [
            &["500", "500.0", "5e2", "50.0E+1", "5000e-1", "0.0005e6", "5e000000002"][..],
            &["0", "-0", "0.0", "0e9", "-0.000e-9"],
            &["-1.5", "-15e-1", "-1.50"],
        ] {
            for (one, two) in equal.iter().flat_map(|one| equal.iter().map(move |two| (one, two))) {
                let (a, b) = (Decimal::parse(one).unwrap(), Decimal::parse(two).unwrap());
                assert_eq!(a.compare(&b), Ordering::Equal, "{one} and {two}");
            }
        }
    }

    #[test]
    fn anything_else_is_no_number() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "e1",
            "1e1.5",
            "1 ",
            " 1",
            "1_000",
            "0x10",
            "NaN",
            "Infinity",
            "1e1000000",
            "1e-99999999999999999999",
            "\u{661}",
            "1,5",
            "--1",
            "1e--1",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text:?}");
        }
        assert!(Decimal::without_exponent("1e2").is_none() && Decimal::without_exponent("123.50").is_some());
        assert_eq!(Decimal::parse("-1.50E2").unwrap().to_string(), "-1.50e2");
    }
}
