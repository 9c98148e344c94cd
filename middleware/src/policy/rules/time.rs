//! `time`: the days and hours of a time zone in which requests are accepted.
//!
//! The moment of the request is converted to the clock of the zone, so that each moment has exactly one local time. An hour that
//! daylight saving leaves out is never the local time; one that it repeats is the local time twice, and accepted twice.

use std::fmt;

use actgate_yaml::{OneOrMany, Spanned};
use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::finding::Finding;
use crate::chain::Core;
use crate::policy::change::Remedies;
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::exact;
use crate::policy::syntax::{Conditions, Context, joined};

/// The time of the request, on the clock of a zone. Denied with `time_not_allowed`.
/// Example: `{ zone: Europe/Berlin, days: mon-fri, hours: '08:00-18:00' }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite `time: { zone: Europe/Berlin, days: mon-fri, hours: 08:00-18:00 }`"
)]
#[cfg_attr(feature = "schema", schemars(extend("anyOf" = [{ "required": ["days"] }, { "required": ["hours"] }])))]
pub(in crate::policy) struct TimeDocument {
    /// The zone: a name of the IANA time zone database, or `UTC`.
    /// Example: `Europe/Berlin`
    zone: Zone,
    /// A day, a range of days, or a list of these. Without it: each day.
    /// Example: `mon-fri`
    /// Example: `[mon-thu, sat]`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    days: Option<OneOrMany<Days>>,
    /// A range of hours, or a list of them. A range over midnight belongs to the day on which it begins. Without it: the
    /// whole day.
    /// Example: `'08:00-18:00'`
    /// Example: `'22:00-06:00'`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    hours: Option<OneOrMany<Hours>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct TimeCondition {
    pub(super) zone: Zone,
    days: Days,
    /// Empty for the whole day.
    hours: Box<[Hours]>,
}

/// A zone of the IANA time zone database, which is a part of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    name: Box<str>,
    pub(super) rules: TimeZone,
}

/// Days of the week, Monday in the lowest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days(u8);

/// Minutes of the day from the first to before the last. A range over midnight ends at an earlier minute than it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hours {
    begin: u16,
    end: u16,
}

pub(super) const MIDNIGHT: u16 = 24 * 60;

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn compile(document: &Spanned<TimeDocument>, context: &mut Context<'_>) -> Conditions<TimeCondition> {
    let TimeDocument { zone, days, hours } = &document.value;
    let span = document.span();
    for (key, is_empty) in [
        ("days", days.as_ref().is_some_and(|days| days.is_empty())),
        ("hours", hours.as_ref().is_some_and(|hours| hours.is_empty())),
    ] {
        if is_empty {
            context.empty(span, key);
        }
    }
    if days.is_none() && hours.is_none() {
        let message = "`time` has neither days nor hours";
        let help = "add `days: mon-fri`, `hours: 08:00-18:00`, or both";
        context.mistake_if_whole(span, message, help);
    }
    let listed = days.iter().flat_map(|days| days.iter());
    let condition = TimeCondition {
        zone: zone.clone(),
        days: match days {
            None => Days::ALL,
            Some(_) => listed.fold(Days(0), |all, days| Days(all.0 | days.0)),
        },
        hours: hours.iter().flat_map(|hours| hours.iter()).copied().collect(),
    };
    vec![("".into(), condition)]
}

impl TimeCondition {
    pub(super) fn evaluate(&self, _: &Core<'_>, time: &EvaluationTime) -> Finding {
        let met = self.zone.local(time.now).is_some_and(|local| self.includes(local));
        Finding::met_if(met, "time_not_allowed")
    }

    fn includes(&self, local: DateTime) -> bool {
        self.includes_minute(local.weekday(), minute_of(local))
    }

    pub(super) fn includes_minute(&self, today: Weekday, minute: u16) -> bool {
        if self.hours.is_empty() {
            return self.days.include(today);
        }
        self.hours.iter().any(|hours| match hours.is_over_midnight() {
            false => hours.begin <= minute && minute < hours.end && self.days.include(today),
            // The night belongs to the day on which it begins.
            true => {
                let is_evening = hours.begin <= minute && self.days.include(today);
                is_evening || minute < hours.end && self.days.include(today.previous())
            }
        })
    }

    pub(super) fn explain(&self, _: &Core<'_>, time: &EvaluationTime) -> (String, String) {
        let zone = &self.zone.name;
        let hours = match &*self.hours {
            [] => String::new(),
            hours => format!(" {}", joined(hours, ", ")),
        };
        let got = self.zone.local(time.now).map_or("no local time".to_owned(), |local| {
            let minute = Minute(minute_of(local));
            format!("{} {minute}", name_of(local.weekday()))
        });
        (format!("{}{hours} in {zone}", self.days), got)
    }
}

impl Zone {
    /// The clock of the zone at a time in seconds since 1970; [`None`] out of the range of the calendar.
    fn local(&self, now: u64) -> Option<DateTime> {
        let now = Timestamp::from_second(i64::try_from(now).ok()?).ok()?;
        Some(self.rules.to_datetime(now))
    }
}

impl Days {
    const ALL: Days = Days(0x7f);

    fn include(self, day: Weekday) -> bool {
        self.0 >> day.to_monday_zero_offset() & 1 == 1
    }
}

impl Hours {
    fn is_over_midnight(self) -> bool {
        self.end < self.begin
    }
}

fn minute_of(local: DateTime) -> u16 {
    u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs())
}

fn name_of(day: Weekday) -> &'static str {
    NAMES[usize::from(day.to_monday_zero_offset().unsigned_abs()) % NAMES.len()]
}

/// Lists single days, and three or more in a row as a range.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut day = 0;
        while day < NAMES.len() {
            let length = (day..NAMES.len()).take_while(|day| self.0 >> day & 1 == 1).count();
            match length {
                0 => {
                    day += 1;
                    continue;
                }
                1 | 2 => {
                    write!(f, "{separator}{}", NAMES[day])?;
                    day += 1;
                }
                _ => {
                    write!(f, "{separator}{}-{}", NAMES[day], NAMES[day + length - 1])?;
                    day += length;
                }
            }
            separator = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Minute(self.begin), Minute(self.end))
    }
}

/// A minute of the day, as a clock shows it.
struct Minute(u16);

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// Reads a value of a written form from a text.
trait FromText: Sized {
    const EXPECTED: &'static str;

    /// The mistake is a message and, after a line feed, its help.
    fn from_text(text: &str) -> Result<Self, String>;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(std::marker::PhantomData<T>);
        impl<T: FromText> Visitor<'_> for Text<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                T::from_text(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text(std::marker::PhantomData))
    }
}

macro_rules! read_from_text {
    ($($Value:ty),*) => {$(
        impl<'de> Deserialize<'de> for $Value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$Value as FromText>::read(deserializer)
            }
        }
    )*};
}

read_from_text!(Zone, Days, Hours);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A name of the IANA time zone database, or `UTC`.
    Zone = "TimeZone", { "type": "string", "pattern": "^(UTC|(?!Etc/)[A-Za-z_]+/.+)$" };
    /// A day of the week, or a range of days.
    Days = "Days", { "type": "string", "pattern": "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$" };
    /// A range of hours: `08:00-18:00`.
    Hours = "Hours", { "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]:[0-5][0-9]|2[0-3]:[0-5][0-9]|24:00)$" };
}

impl FromText for Zone {
    const EXPECTED: &'static str = "the name of a time zone\nwrite it as `Europe/Berlin` or `UTC`";

    /// Abbreviations and fixed offsets are no zones: `EST` has no daylight saving, and `Etc/GMT-2` is east of Greenwich.
    fn from_text(text: &str) -> Result<Self, String> {
        let database = TimeZoneDatabase::bundled();
        let is_of_a_place = |name: &str| name == "UTC" || name.contains('/') && !name.starts_with("Etc/");
        let found = database.get(text).ok().filter(|_| is_of_a_place(text));
        if let Some(rules) = found
            && rules.iana_name() == Some(text)
        {
            return Ok(Zone {
                name: text.into(),
                rules,
            });
        }
        let town = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let wanted = (text.to_lowercase(), town(text).replace(' ', "_"));
        let names = || database.available().filter(|name| is_of_a_place(name.as_str()));
        let of_this_name = names().find(|name| name.as_str().to_lowercase() == wanted.0);
        let of_this_town = || names().find(|name| town(name.as_str()) == wanted.1);
        let place = PLACES.iter().find(|(abbreviation, _)| *abbreviation == text);
        let help = match (of_this_name.or_else(of_this_town), place) {
            (Some(name), _) => format!("did you mean `{name}`?"),
            (None, Some((_, place))) => {
                format!("an abbreviation has no summer time; write a place, such as `{place}`")
            }
            (None, None) => "write a name of the IANA time zone database, such as `Europe/Berlin`, or `UTC`".to_owned(),
        };
        Err(format!("`{}` is not a time zone\n{help}", exact::shown(text)))
    }
}

/// Abbreviations of zones, each with a place where it is used.
const PLACES: [(&str, &str); 8] = [
    ("CET", "Europe/Berlin"),
    ("CEST", "Europe/Berlin"),
    ("BST", "Europe/London"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("IST", "Asia/Kolkata"),
];

impl FromText for Days {
    const EXPECTED: &'static str = "days of the week\nwrite them as `mon-fri`, `sat` or a list";

    /// A range may go over the end of the week: `fri-mon`.
    fn from_text(text: &str) -> Result<Self, String> {
        let index = |name: &str| NAMES.iter().position(|day| *day == name);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (Some(first), Some(last)) = (index(first), index(last)) else {
            let shown = exact::shown(text);
            let days = NAMES.join(", ");
            return Err(format!(
                "`{shown}` is neither a day nor a range of days\nwrite `mon-fri` or `sat`; the days are {days}"
            ));
        };
        let length = (last + NAMES.len() - first) % NAMES.len();
        let days = (0..=length).map(|day| 1 << ((first + day) % NAMES.len()));
        Ok(Days(days.fold(0, |all, day: u8| all | day)))
    }
}

impl FromText for Hours {
    const EXPECTED: &'static str = "hours of the day\nwrite them as `08:00-18:00`, or `22:00-06:00` over midnight";

    fn from_text(text: &str) -> Result<Self, String> {
        let shown = exact::shown(text);
        let ends = text.split_once('-');
        let minutes = ends.and_then(|(begin, end)| Some((minute(begin)?, minute(end)?)));
        match minutes {
            None => Err(format!(
                "`{shown}` is not a range of hours\nwrite `08:00-18:00`, with two digits for hour and minute"
            )),
            Some((begin, end)) if begin == end || begin == MIDNIGHT => Err(format!(
                "`{shown}` has no first minute, or the same one as its end\nwrite `00:00-24:00` for the whole day"
            )),
            // Over midnight is what `22:00-24:00` is not.
            Some((begin, 0)) => Ok(Hours { begin, end: MIDNIGHT }),
            Some((begin, end)) => Ok(Hours { begin, end }),
        }
    }
}

/// The minute of the day of `HH:MM`; `24:00` is its end.
fn minute(text: &str) -> Option<u16> {
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
        return None;
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let (hour, minute) = (digit(h1)? * 10 + digit(h2)?, digit(m1)? * 10 + digit(m2)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= MIDNIGHT).then_some(of_day)
}

/// How far ahead a time that is accepted is looked for: each week has each minute of a week but for daylight saving.
const SEARCHED_MINUTES: u64 = 15 * 24 * 60;

impl TimeCondition {
    /// The next accepted time.
    pub(super) fn remedies(&self, time: &EvaluationTime, remedies: &mut Remedies<'_>) {
        let begin = time.now / 60 * 60;
        let mut minutes = (1..=SEARCHED_MINUTES).map(|minute| begin.saturating_add(minute * 60));
        let is_accepted = |moment: &u64| self.zone.local(*moment).is_some_and(|local| self.includes(local));
        if let Some(moment) = minutes.find(is_accepted) {
            remedies.moment(moment);
        }
    }

    /// The accepted times, in words.
    pub(super) fn window(&self) -> String {
        let between = |hours: &Hours| format!("between {} and {}", Minute(hours.begin), Minute(hours.end));
        let hours: Vec<String> = self.hours.iter().map(between).collect();
        let days = (self.days != Days::ALL).then(|| format!("on {}", self.days));
        let window: Vec<String> = days
            .into_iter()
            .chain((!hours.is_empty()).then(|| hours.join(" or ")))
            .collect();
        format!("{} in {}", window.join(" "), self.zone.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Days, FromText};
    use crate::policy::Policy;
    use crate::policy::testing::{checks_at, code_at, human, requirement};

    /// Whether a rule is met at a time in UTC: `2026-03-29T00:59:59Z`.
    fn at(body: &str, time: &str) -> bool {
        let now = time.parse::<jiff::Timestamp>().unwrap().as_second();
        let body = format!("time: {{ {body} }}");
        match code_at(&body, human(Value::Null), now.try_into().unwrap()) {
            "allow" => true,
            "time_not_allowed" => false,
            other => panic!("{body}: {other}"),
        }
    }

    #[test]
    fn hours_are_from_the_first_minute_to_before_the_last() {
        let body = "zone: UTC, hours: 08:00-18:00";
        // 2026-01-01 is a Thursday.
        for (time, met) in [
            ("2026-01-01T07:59:59Z", false),
            ("2026-01-01T08:00:00Z", true),
            ("2026-01-01T17:59:59Z", true),
            ("2026-01-01T18:00:00Z", false),
            ("2026-01-03T12:00:00Z", true),
        ] {
            assert_eq!(at(body, time), met, "{time}");
        }
        let two = "zone: UTC, hours: [08:00-12:00, 13:00-18:00]";
        assert!(at(two, "2026-01-01T11:59:00Z") && !at(two, "2026-01-01T12:30:00Z") && at(two, "2026-01-01T13:00:00Z"));
        let evening = "zone: UTC, hours: 18:00-24:00";
        assert!(at(evening, "2026-01-01T23:59:59Z") && !at(evening, "2026-01-02T00:00:00Z"));
        let same = requirement("time: { zone: UTC, hours: 18:00-00:00 }");
        assert_eq!(same, requirement("time: { zone: UTC, hours: 18:00-24:00 }"));
        assert!(at("zone: UTC, hours: 00:00-24:00", "2026-01-01T00:00:00Z"));
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let body = "zone: Europe/Berlin, days: mon-fri";
        assert!(at(body, "2026-01-02T22:59:59Z"), "Friday, 23:59 in Berlin");
        assert!(!at(body, "2026-01-02T23:00:00Z"), "Saturday, 00:00 in Berlin");
        assert!(!at(body, "2026-01-04T22:59:59Z"), "Sunday");
        assert!(at(body, "2026-01-04T23:00:00Z"), "Monday, 00:00 in Berlin");
        let far = "zone: Pacific/Auckland, days: mon";
        assert!(at(far, "2026-01-04T11:00:00Z") && !at(far, "2026-01-05T11:00:00Z"));
        let list = "zone: UTC, days: [sat, mon-tue]";
        assert!(at(list, "2026-01-03T12:00:00Z") && at(list, "2026-01-06T12:00:00Z"));
        assert!(!at(list, "2026-01-04T12:00:00Z"));
        let weekend = "zone: UTC, days: fri-mon";
        let days: Vec<bool> = (1..=7)
            .map(|day| at(weekend, &format!("2026-01-{:02}T12:00:00Z", day + 4)))
            .collect();
        assert_eq!(days, [true, false, false, false, true, true, true]);
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let body = "zone: UTC, days: fri, hours: 22:00-06:00";
        for (time, met) in [
            ("2026-01-02T05:59:59Z", false),
            ("2026-01-02T21:59:59Z", false),
            ("2026-01-02T22:00:00Z", true),
            ("2026-01-03T05:59:59Z", true),
            ("2026-01-03T06:00:00Z", false),
            ("2026-01-03T22:00:00Z", false),
        ] {
            assert_eq!(at(body, time), met, "{time}");
        }
    }

    #[test]
    fn an_hour_that_daylight_saving_leaves_out_or_repeats_is_that_of_the_clock() {
        // On 2026-03-29 the clock goes from 02:00 to 03:00 in Berlin, at 01:00 UTC.
        let missing = "zone: Europe/Berlin, hours: 02:00-03:00";
        assert!(!at(missing, "2026-03-29T00:59:59Z") && !at(missing, "2026-03-29T01:00:00Z"));
        assert!(at(missing, "2026-03-28T01:30:00Z"), "the day before");
        let around = "zone: Europe/Berlin, hours: 01:30-03:30";
        assert!(at(around, "2026-03-29T00:30:00Z") && at(around, "2026-03-29T01:29:59Z"));
        assert!(!at(around, "2026-03-29T00:29:59Z") && !at(around, "2026-03-29T01:30:00Z"));
        // On 2026-10-25 it goes from 03:00 back to 02:00, at 01:00 UTC.
        let twice = "zone: Europe/Berlin, hours: 02:00-03:00";
        assert!(!at(twice, "2026-10-24T23:59:59Z"));
        assert!(at(twice, "2026-10-25T00:00:00Z") && at(twice, "2026-10-25T00:59:59Z"));
        assert!(
            at(twice, "2026-10-25T01:00:00Z") && at(twice, "2026-10-25T01:59:59Z"),
            "the second time"
        );
        assert!(!at(twice, "2026-10-25T02:00:00Z"));
        // Office hours follow the clock of the zone.
        let office = "zone: Europe/Berlin, hours: 08:00-18:00";
        assert!(at(office, "2026-07-01T06:00:00Z") && !at(office, "2026-01-01T06:00:00Z"));
        let later = "zone: Europe/Berlin, hours: 08:00-18:00";
        assert!(at(later, "2050-07-01T06:00:00Z"), "a year after the listed changes");
        // Lord Howe changes by half an hour, Kathmandu differs by 45 minutes.
        assert!(at(
            "zone: Australia/Lord_Howe, hours: 10:30-10:31",
            "2026-07-01T00:00:00Z"
        ));
        assert!(at("zone: Asia/Kathmandu, hours: 05:45-05:46", "2026-07-01T00:00:00Z"));
        // Samoa has no 2011-12-30: the day is left out.
        let friday = "zone: Pacific/Apia, days: fri";
        assert!(!at(friday, "2011-12-30T09:59:59Z") && !at(friday, "2011-12-30T10:00:00Z"));
    }

    #[test]
    fn a_time_out_of_the_calendar_is_denied() {
        let body = "time: { zone: Europe/Berlin, days: mon-sun }";
        assert_eq!(code_at(body, json!({}), 0), "allow");
        assert_eq!(code_at(body, json!({}), u64::MAX), "time_not_allowed");
        assert_eq!(code_at(body, json!({}), i64::MAX as u64), "time_not_allowed");
    }

    #[test]
    fn explain_shows_the_local_time() {
        let shown = |body: &str| {
            let check = checks_at(&format!("time: {{ {body} }}"), json!({}), 1_767_225_600)
                .pop()
                .unwrap();
            (check.rule, check.expected, check.got)
        };
        let (rule, expected, got) =
            shown("zone: Europe/Berlin, days: [mon-wed, sat, sun], hours: [22:00-06:00, 08:00-09:30]");
        assert_eq!(rule, "GET /: time");
        assert_eq!(expected, "mon-wed, sat, sun 22:00-06:00, 08:00-09:30 in Europe/Berlin");
        assert_eq!(got, "thu 01:00");
        assert_eq!(shown("zone: UTC, hours: 08:00-24:00").1, "mon-sun 08:00-24:00 in UTC");
        assert_eq!(Days::from_text("sat-mon").unwrap().to_string(), "mon, sat, sun");
    }

    #[test]
    fn rules_are_equal_if_they_mean_the_same() {
        let of = |body: &str| requirement(&format!("time: {{ {body} }}"));
        assert_eq!(of("zone: UTC, days: mon-tue"), of("zone: UTC, days: [tue, mon]"));
        assert_ne!(of("zone: UTC, days: mon"), of("zone: Europe/London, days: mon"));
        assert_ne!(
            of("zone: UTC, days: mon"),
            of("zone: UTC, days: mon, hours: 08:00-09:00")
        );
    }

    #[test]
    fn what_is_no_time_is_a_mistake_with_help() {
        let mistake = |body: &str| {
            let text = format!("routes:\n  - match: GET /\n    time: {body}\n");
            let mistake = Policy::from_yaml(&text).map(|_| ()).unwrap_err().to_string();
            mistake.replace("\n  help: ", "; ")
        };
        let zone = "write a name of the IANA time zone database, such as `Europe/Berlin`, or `UTC`";
        for (body, expected) in [
            ("{ days: mon }", "3:11: the key `zone` is missing; add `zone: …`".to_owned()),
            (
                "{ zone: UTC }",
                "3:11: `time` has neither days nor hours; add `days: mon-fri`, `hours: 08:00-18:00`, or both".to_owned(),
            ),
            (
                "{ zone: UTC, days: [] }",
                "3:11: `days` is empty; write what it requires, or remove it".to_owned(),
            ),
            (
                "{ zone: europe/berlin, days: mon }",
                "3:19: `europe/berlin` is not a time zone; did you mean `Europe/Berlin`?".to_owned(),
            ),
            (
                "{ zone: New York, days: mon }",
                "3:19: `New York` is not a time zone; did you mean `America/New_York`?".to_owned(),
            ),
            (
                "{ zone: EST, days: mon }",
                "3:19: `EST` is not a time zone; an abbreviation has no summer time; write a place, such as `America/New_York`"
                    .to_owned(),
            ),
            ("{ zone: Etc/GMT+5, days: mon }", format!("3:19: `Etc/GMT+5` is not a time zone; {zone}")),
            ("{ zone: '+02:00', days: mon }", format!("3:19: `+02:00` is not a time zone; {zone}")),
            ("{ zone: local, days: mon }", format!("3:19: `local` is not a time zone; {zone}")),
            (
                "{ zone: UTC, days: monday }",
                "3:30: `monday` is neither a day nor a range of days; write `mon-fri` or `sat`; the days are mon, tue, wed, thu, \
                 fri, sat, sun"
                    .to_owned(),
            ),
            (
                "{ zone: UTC, hours: 8-18 }",
                "3:31: `8-18` is not a range of hours; write `08:00-18:00`, with two digits for hour and minute".to_owned(),
            ),
            (
                "{ zone: UTC, hours: 08:00-08:00 }",
                "3:31: `08:00-08:00` has no first minute, or the same one as its end; write `00:00-24:00` for the whole day"
                    .to_owned(),
            ),
        ] {
            assert_eq!(mistake(body), expected, "{body}");
        }
        for body in [
            "{ zone: UTC, hours: 24:00-06:00 }",
            "{ zone: UTC, hours: 08:60-09:00 }",
            "{ zone: UTC, hours: 08:00-24:01 }",
            "{ zone: UTC, hours: 08:00 }",
            "{ zone: UTC, hours: 8:00-9:00 }",
            "{ zone: UTC, hours: '08:00 - 18:00' }",
            "{ zone: UTC, hours: ~ }",
            "{ zone: UTC, days: Mon }",
            "{ zone: UTC, days: mon- }",
            "{ zone: UTC, days: mon-tue-wed }",
            "{ zone: ~, days: mon }",
            "{ zone: '', days: mon }",
            "{ zone: Etc/Unknown, days: mon }",
            "{ zone: UTC, days: mon, from: 8 }",
            "weekdays",
        ] {
            assert!(mistake(body).starts_with("3:"), "{body}");
        }
    }
}
