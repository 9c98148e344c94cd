//! Durations.

use std::time::Duration;

/// The units, each with other spellings of it.
const UNITS: [(&str, Duration, &str, &[&str]); 5] = [
    (
        "ms",
        Duration::from_millis(1),
        "milliseconds",
        &["msec", "millis", "millisecond", "milliseconds"],
    ),
    (
        "s",
        Duration::from_secs(1),
        "seconds",
        &["sec", "secs", "second", "seconds"],
    ),
    (
        "m",
        Duration::from_secs(60),
        "minutes",
        &["min", "mins", "minute", "minutes"],
    ),
    ("h", Duration::from_secs(3600), "hours", &["hr", "hrs", "hour", "hours"]),
    ("d", Duration::from_secs(86_400), "days", &["day", "days"]),
];

/// Reads whole numbers, each with one of the units `ms`, `s`, `m`, `h` and `d`, as in `5m` or `1h 30m`.
///
/// # Errors
/// The help for a text that is not a duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let form = || "write a number with its unit, as in `30s`, `10m`, `24h` or `30d`".to_owned();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(form());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let count: u32 = number.parse().map_err(|_| form())?;
        let after = after.trim_start();
        let (word, after) = after.split_at(after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len()));
        let Some((_, unit, ..)) = UNITS.iter().find(|(unit, ..)| *unit == word) else {
            let lower = word.to_lowercase();
            let meant = UNITS
                .iter()
                .find(|(unit, _, _, others)| lower == *unit || others.contains(&&*lower));
            return Err(meant.map_or_else(form, |(unit, _, name, _)| format!("write `{number}{unit}` for {name}")));
        };
        let part = unit.checked_mul(count).ok_or_else(form)?;
        total = total.checked_add(part).ok_or_else(form)?;
        rest = after.trim_start();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_numbers_and_units() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("5 m", 300_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn every_other_unit_is_refused() {
        for (text, help) in [
            ("5M", "write `5m` for minutes"),
            ("1h 5M", "write `5m` for minutes"),
            ("10min", "write `10m` for minutes"),
            ("2 Hours", "write `2h` for hours"),
            ("1D", "write `1d` for days"),
            ("9S", "write `9s` for seconds"),
            ("7MS", "write `7ms` for milliseconds"),
        ] {
            assert_eq!(parse_duration(text), Err(help.to_owned()), "{text}");
        }
        for text in [
            "",
            " ",
            "5",
            "soon",
            "-1s",
            "1.5h",
            "1month",
            "1mon",
            "1y",
            "1w",
            "3us",
            "5m,",
            "m",
            "1h m",
            "99999999999s",
            "\u{b2}s",
        ] {
            let help = parse_duration(text).unwrap_err();
            assert!(help.starts_with("write a number with its unit"), "{text}: {help}");
        }
    }
}
