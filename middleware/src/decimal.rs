//! Exact decimal numbers, as JSON writes them (RFC 8259 section 6). They are compared without rounding.

use std::cmp::Ordering;
use std::fmt;

/// A number of any size and precision. Equal numbers are equal in any notation: `5e2` is `500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    is_negative: bool,
    /// The digits behind the point of `0.DIGITS`, without zeros at either end; none for zero.
    digits: Box<str>,
    /// The power of ten that `0.DIGITS` is multiplied with; 0 for zero.
    exponent: i64,
}

impl Decimal {
    /// Reads a number in the notation of JSON. [`None`] for any other text, and for an exponent beyond the range of `i64`.
    pub(crate) fn read(text: &str) -> Option<Decimal> {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if !is_digits(whole) || whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Decimal {
                is_negative: false,
                digits: digits.into(),
                exponent: 0,
            });
        }
        let leading = all.len() - significant.len();
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
        Some(Decimal {
            is_negative,
            digits: digits.into(),
            exponent: exponent.checked_add(point)?,
        })
    }

    /// Reads a number as people write an amount: without an exponent.
    pub(crate) fn read_plain(text: &str) -> Option<Decimal> {
        Decimal::read(text).filter(|_| !text.contains(['e', 'E']))
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Compares the numbers without their signs. Neither is zero.
    fn compare_size(&self, other: &Decimal) -> Ordering {
        // Without zeros at the end, the order of the digits is that of their texts.
        let digits = || self.digits.cmp(&other.digits);
        self.exponent.cmp(&other.exponent).then_with(digits)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    is_digits(digits).then(|| text.parse().ok())?
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ if self.is_zero() || other.is_zero() => other.is_zero().cmp(&self.is_zero()),
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Decimal::whole(false, number)
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Decimal::whole(number < 0, number.unsigned_abs())
    }
}

impl Decimal {
    fn whole(is_negative: bool, size: u64) -> Decimal {
        let all = size.to_string();
        let digits = all.trim_end_matches('0');
        Decimal {
            is_negative: is_negative && size != 0,
            digits: digits.into(),
            exponent: if size == 0 { 0 } else { all.len() as i64 },
        }
    }
}

/// As a policy writes it: without an exponent where that is short.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.is_negative {
            f.write_str("-")?;
        }
        let digits = &*self.digits;
        match usize::try_from(self.exponent) {
            Ok(whole @ 1..=40) if whole >= digits.len() => write!(f, "{digits:0<whole$}"),
            Ok(whole @ 1..=40) => write!(f, "{}.{}", &digits[..whole], &digits[whole..]),
            _ if (-40..=0).contains(&self.exponent) => {
                let zeros = self.exponent.unsigned_abs() as usize;
                write!(f, "0.{:0<zeros$}{digits}", "")
            }
            _ => write!(f, "0.{digits}e{}", self.exponent),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Decimal {
        Decimal::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn a_number_is_the_same_in_every_notation() {
        for (one, other) in [
            ("500", "5e2"),
            ("500", "500.000"),
            ("500", "0.5E+3"),
            ("500", "5000e-1"),
            ("0", "-0"),
            ("0", "0.00e7"),
            ("-1.5", "-15e-1"),
            ("0.001", "1e-3"),
        ] {
            assert_eq!(read(one), read(other), "{one} {other}");
            assert_eq!(read(one).cmp(&read(other)), Ordering::Equal, "{one} {other}");
        }
    }

    #[test]
    fn numbers_are_compared_without_rounding() {
        let ascending = [
            "-1e400",
            "-500.000000000000001",
            "-500",
            "-0.1",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000001",
            "499.99999999999999999999",
            "500",
            "500.000000000000001",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551616",
            "1e400",
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (place, other) in ascending.iter().enumerate() {
                assert_eq!(read(one).cmp(&read(other)), index.cmp(&place), "{one} {other}");
            }
        }
    }

    #[test]
    fn no_other_text_is_a_number() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            "1.",
            ".5",
            "1.e3",
            "1e",
            "1e+",
            "e3",
            "1e3.5",
            "NaN",
            "Infinity",
            "0x10",
            "1_000",
            " 1",
            "1 ",
            "1e99999999999999999999",
            "1e9223372036854775807",
            "٣",
            "1,5",
            "--1",
            "1e--3",
        ] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_shown_as_it_is_usually_written() {
        for (text, shown) in [
            ("500", "500"),
            ("-0.50", "-0.5"),
            ("12.340", "12.34"),
            ("1e-3", "0.001"),
            ("0.0125", "0.0125"),
            ("-1e-99", "-0.1e-98"),
            ("1e3", "1000"),
            ("-0", "0"),
            ("1e99", "0.1e100"),
        ] {
            assert_eq!(read(text).to_string(), shown);
            assert_eq!(read(&read(text).to_string()), read(text));
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_in_their_order(one in any::<i64>(), other in any::<i64>()) {
            prop_assert_eq!(read(&one.to_string()), Decimal::from(one));
            prop_assert_eq!(Decimal::from(one).cmp(&Decimal::from(other)), one.cmp(&other));
        }

        #[test]
        fn what_json_accepts_as_a_number_is_one(text in "-?[0-9]{0,4}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,2})?") {
            let is_number = serde_json::from_str::<serde_json::Number>(&text).is_ok();
            prop_assert_eq!(Decimal::read(&text).is_some(), is_number, "{}", text);
        }
    }
}
