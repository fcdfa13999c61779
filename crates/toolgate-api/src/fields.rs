//! Numbers and texts with bounds, which the document states and the reading keeps.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toolgate_admin::{Bound, CallQuery, CallStatus};

/// Declares a whole number between two bounds.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $least:literal, $most:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name(u64);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::checked(from.deserialize_u64(Whole)?)
            }
        }

        impl $name {
            fn checked<E: Error>(number: u64) -> Result<Self, E> {
                let fits = ($least..=$most).contains(&number);
                fits.then_some(Self(number)).ok_or_else(|| E::custom($rule))
            }
        }

        impl From<$name> for u64 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "integer", "minimum": $least, "maximum": $most as u64 })
            }
        }
    };
}

/// Reads a whole number; JSON may write it with a point and zeros.
struct Whole;

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a whole number that is not negative")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        whole(number).ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))
    }
}

/// The whole number that this is, up to where each has a form of its own.
pub(crate) fn whole(number: f64) -> Option<u64> {
    let is_whole = number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
    // Such a number is written without a fraction.
    is_whole
        .then(|| format!("{number:.0}").parse().ok())
        .flatten()
}

bounded! {
    /// How many entries a list answers at most.
    Limit, 1, 500, "a limit is a number from 1 to 500"
}
bounded! {
    /// A time to live, up to ten years.
    Seconds, 1, 315_360_000, "a time is 1 to 315360000 seconds"
}
bounded! {
    /// How many of something there may be.
    Amount, 0, 1_000_000_000_000, "an amount is 0 to 1000000000000"
}
bounded! {
    /// For how many days something is kept.
    Days, 1, 3_650, "a time is 1 to 3650 days"
}
bounded! {
    /// Requests in any 60 seconds.
    Rate, 1, 1_000_000, "a rate is 1 to 1000000 requests in any 60 seconds"
}
bounded! {
    /// The longest a call may take, up to an hour.
    TimeoutMs, 1, 3_600_000, "a timeout is 1 to 3600000 milliseconds"
}

impl Limit {
    const DEFAULT: u64 = 100;

    pub(crate) fn or_default(limit: Option<Self>) -> usize {
        let limit = limit.map_or(Self::DEFAULT, |limit| limit.0);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }
}

impl Rate {
    /// Reads one where something else could stand instead.
    pub(crate) fn among_others<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::checked(from.deserialize_any(Whole)?)
    }

    pub(crate) fn per_minute(self) -> u64 {
        self.0
    }
}

impl Seconds {
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl TimeoutMs {
    pub(crate) fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// How much of something there may be: left out, null for no limit, or a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most<T>(pub(crate) Option<Bound>, PhantomData<T>);

impl<T> Default for Most<T> {
    fn default() -> Self {
        Self(None, PhantomData)
    }
}

impl<'de, T: Deserialize<'de> + Into<u64>> Deserialize<'de> for Most<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bound = match Option::<T>::deserialize(from)? {
            None => Bound::Unlimited,
            Some(most) => Bound::AtMost(most.into()),
        };
        Ok(Self(Some(bound), PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Most<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Most{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

/// A moment, as RFC 3339 has it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Moment(u64);

impl Moment {
    /// In unix milliseconds.
    pub(crate) fn millis(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Moment {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let read: Timestamp = text
            .parse()
            .map_err(|_| "a moment looks like 2026-11-21T09:30:00Z")?;
        // Before 1970 nothing was called.
        Ok(Self(u64::try_from(read.as_millisecond()).unwrap_or(0)))
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// How calls ended, as one asks for them: in one way, or in any that is a failure.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Ended(pub(crate) Vec<CallStatus>);

impl TryFrom<String> for Ended {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        CallQuery::ended(&text)
            .map(Self)
            .ok_or("a status is `failed`, or one that calls have, such as `ok` or `tool_error`")
    }
}

impl JsonSchema for Ended {
    fn schema_name() -> Cow<'static, str> {
        "Ended".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = CallQuery::endings().collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// What something is for, in up to 1000 characters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Description(pub(crate) String);

impl Description {
    const MAX: usize = 1000;
}

impl TryFrom<String> for Description {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = text.chars().count() <= Self::MAX;
        fits.then_some(Self(text))
            .ok_or("a description has at most 1000 characters")
    }
}

impl JsonSchema for Description {
    fn schema_name() -> Cow<'static, str> {
        "Description".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": Self::MAX })
    }
}
