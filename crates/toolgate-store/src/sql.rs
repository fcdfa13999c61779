//! Reading columns through the rules of the types they become.

use std::error::Error;
use std::fmt;

use rusqlite::Row;
use rusqlite::types::Type;

/// Reads a text column with a newtype's own parser.
pub(crate) fn parsed<T, E>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> rusqlite::Result<T>
where
    E: Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    parse(text).map_err(|reason| unreadable(column, reason))
}

/// Reads a text column that may be NULL with a newtype's own parser.
pub(crate) fn parsed_if_any<T, E>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> rusqlite::Result<Option<T>>
where
    E: Error + Send + Sync + 'static,
{
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => parse(text)
            .map(Some)
            .map_err(|reason| unreadable(column, reason)),
        None => Ok(None),
    }
}

/// A stored value that breaks the rule of its type.
pub(crate) fn unreadable(
    column: usize,
    reason: impl Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(reason))
}

/// A rule that has no error type of its own.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) &'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Broken {}
