//! How two times relate: each is a set of minutes of the week, on the clock of its zone.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::time::{MIDNIGHT, TimeCondition};

const WEEK: i32 = 7 * MIDNIGHT as i32;

/// From when to when the offsets of two zones are compared, in seconds since 1970: the years 2020 to 2100.
const YEARS: (i64, i64) = (1_577_836_800, 4_102_444_800);

impl TimeCondition {
    /// Whether whatever meets this condition meets the other one: the same zone has the same daylight saving.
    pub(in crate::policy) fn implies(&self, other: &TimeCondition) -> bool {
        self.zone == other.zone && !(0..WEEK).any(|minute| self.has(minute) && !other.has(minute))
    }

    /// Whether nothing meets both conditions, as far as that is known.
    pub(in crate::policy) fn excludes(&self, other: &TimeCondition) -> bool {
        let differences = match self.zone == other.zone {
            true => Some(BTreeSet::from([0])),
            false => differences(&self.zone.rules, &other.zone.rules),
        };
        differences.is_some_and(|differences| {
            let is_common =
                |difference: i32| (0..WEEK).any(|minute| self.has(minute) && other.has(minute + difference));
            !differences.into_iter().any(is_common)
        })
    }

    /// Whether a minute of the week is accepted, on the clock of the zone. Monday begins with 0; the next week follows the last minute.
    fn has(&self, minute: i32) -> bool {
        let minute = u16::try_from(minute.rem_euclid(WEEK)).unwrap_or_default();
        let day = i8::try_from(minute / MIDNIGHT).ok();
        let day = day.and_then(|day| Weekday::from_monday_zero_offset(day).ok());
        day.is_some_and(|day| self.includes_minute(day, minute % MIDNIGHT))
    }
}

/// How many minutes the clock of the other zone is ahead of that of one, at some time; [`None`] where it is no whole number.
fn differences(one: &TimeZone, other: &TimeZone) -> Option<BTreeSet<i32>> {
    let (begin, end) = (
        Timestamp::from_second(YEARS.0).ok()?,
        Timestamp::from_second(YEARS.1).ok()?,
    );
    let changes = [one, other].into_iter().flat_map(|zone| {
        let times = zone.following(begin).map(|change| change.timestamp());
        times.take_while(|time| *time < end)
    });
    let at = |time: Timestamp| {
        let seconds = other.to_offset(time).seconds() - one.to_offset(time).seconds();
        (seconds % 60 == 0).then_some(seconds / 60)
    };
    std::iter::once(begin).chain(changes).map(at).collect()
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    #[test]
    fn every_day_of_the_week_is_compared() {
        for (day, other) in [("mon", "tue"), ("tue", "mon"), ("sun", "sat"), ("wed", "sun")] {
            let route = |days: &str| {
                format!(
                    "requirements: {{ r: {{ time: {{ zone: UTC, days: [{day}] }} }} }}\nroutes: [{{ match: GET /a, require: [r], time: {{ zone: UTC, days: [{days}] }} }}]"
                )
            };
            assert!(
                Policy::from_yaml(&route(&format!("{day}, {other}"))).is_ok(),
                "{day} {other}"
            );
            assert!(Policy::from_yaml(&route(other)).is_err(), "{day} {other}");
        }
    }
}
