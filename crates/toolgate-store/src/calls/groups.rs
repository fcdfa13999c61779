//! What calls come to, in groups: whole hours from what is rolled up, the rest from the calls themselves.
//!
//! Three readings that share no call: the roll-ups for whole hours; calls that are rolled up for the hours at the two
//! ends that are not whole; calls that are not rolled up yet. All as of one moment.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::Connection;
use toolgate_analytics::{CallStatus, Source};
use toolgate_namespace::WorkspaceId;

use super::figures::{Figures, Sums};
use super::filter::{CallFilter, Wanted};
use super::history::History;
use super::names::Texts;
use super::packed::{Call, Party};
use super::rollups::{self, Cell, HOUR_MS, Hours};
use super::span::Span;
use super::{blocks, codes, rows};
use crate::sql::{Broken, unreadable};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Most groups of one answer; calls of more are only counted.
const MAX_GROUPS: usize = 200_000;

/// What calls are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The workspace.
    Workspace,
    /// The server, by slug.
    Server,
    /// The tool's own name; two servers may each have one of that name.
    Tool,
    /// The token.
    Token,
    /// How the call ended.
    Status,
    /// Which door it came through.
    Source,
    /// The hour of its arrival.
    Hour,
    /// The day of its arrival, in UTC.
    Day,
    /// The minute of its arrival: only as long as the calls themselves are kept.
    Minute,
    /// The code of its error: only as long as the calls themselves are kept.
    ErrorCode,
}

/// Calls that have in common what they are grouped by; what they are not grouped by is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The workspace.
    pub workspace: Option<WorkspaceId>,
    /// The server's slug; `None` also where no server owned the tool.
    pub server: Option<String>,
    /// The tool; `None` also where it was unknown.
    pub tool: Option<String>,
    /// Public id of the token.
    pub token_id: Option<String>,
    /// How they ended.
    pub status: Option<CallStatus>,
    /// Which door they came through.
    pub source: Option<Source>,
    /// Code of the error; `None` also where none was answered.
    pub error_code: Option<i64>,
    /// Beginning of the minute, hour or day, unix milliseconds.
    pub time_ms: Option<u64>,
    /// What they come to.
    pub figures: Figures,
}

/// What calls of a time come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouped {
    /// The time that was counted, unix milliseconds: where the calls themselves are gone, to the hour.
    pub from_ms: u64,
    /// Its end; `None` where it is open.
    pub to_ms: Option<u64>,
    /// In no order.
    pub groups: Vec<Group>,
    /// Calls of further groups, beyond the most there may be.
    pub left_out: u64,
}

/// Counts what passes the filter.
pub(super) fn groups(
    connection: &Connection,
    filter: &CallFilter,
    by: &[Dimension],
) -> rusqlite::Result<Grouped> {
    let history = History::read(connection)?;
    let parts = Parts::of(filter, history, by);
    let empty = Grouped {
        from_ms: parts.from_ms,
        to_ms: filter.until_ms.map(|_| parts.to_ms),
        ..Grouped::default()
    };
    let Some(wanted) = Wanted::find(connection, filter)? else {
        return Ok(empty);
    };
    let mut counting = Counting {
        by: By::of(by),
        wanted: &wanted,
        groups: HashMap::default(),
        left_out: 0,
    };
    if let Some(hours) = parts.hours {
        let hours = Hours {
            workspace: wanted.workspace,
            ..hours
        };
        rollups::read(connection, hours, |workspace, hour, cell, sums| {
            counting.add_cell(workspace, hour, cell, sums)
        })?;
    }
    for span in parts.spans.iter().filter(|span| span.from_ms < span.to_ms) {
        let mut count = |party: &Party, call: &Call| counting.add_call(party, call);
        rows::each(connection, span, &mut count)?;
        blocks::each(connection, span, blocks::Damaged::Refuse, &mut count)?;
    }
    let mut texts = Texts::new(connection);
    let groups = counting.groups.into_iter();
    Ok(Grouped {
        groups: groups
            .map(|(key, figures)| key.group(&mut texts, figures))
            .collect::<rusqlite::Result<_>>()?,
        left_out: counting.left_out,
        ..empty
    })
}

/// Where a time is read from.
#[derive(Debug)]
struct Parts {
    from_ms: u64,
    to_ms: u64,
    /// Whole hours, from the roll-ups.
    hours: Option<Hours>,
    /// The rest, call by call.
    spans: Vec<Span>,
}

impl Parts {
    fn of(filter: &CallFilter, history: Option<History>, by: &[Dimension]) -> Self {
        let from_ms = filter.since_ms.unwrap_or(0);
        let to_ms = filter.until_ms.unwrap_or(u64::MAX);
        let fine = by.contains(&Dimension::Minute) || by.contains(&Dimension::ErrorCode);
        match history {
            Some(history) if !fine => Self::with_hours(from_ms, to_ms, history),
            history => {
                let kept_ms = history.map_or(0, |history| history.kept_ms);
                let from_ms = from_ms.max(kept_ms);
                let all = Span {
                    from_ms,
                    to_ms,
                    ..Span::of_places(0, i64::MAX)
                };
                Self {
                    from_ms,
                    to_ms: to_ms.max(from_ms),
                    hours: None,
                    spans: vec![all],
                }
            }
        }
    }

    fn with_hours(from_ms: u64, to_ms: u64, history: History) -> Self {
        // Where the calls of an hour may be gone, only the whole hour is known.
        let gone = |time_ms: u64| time_ms / HOUR_MS * HOUR_MS < history.kept_ms;
        let from_ms = if gone(from_ms) {
            from_ms / HOUR_MS * HOUR_MS
        } else {
            from_ms
        };
        let to_ms = if to_ms != u64::MAX && gone(to_ms) {
            to_ms.div_ceil(HOUR_MS) * HOUR_MS
        } else {
            to_ms
        };
        let first = from_ms.div_ceil(HOUR_MS);
        let end = (to_ms / HOUR_MS).max(first);
        let rolled = |from_ms, to_ms| Span {
            from_ms,
            to_ms,
            ..Span::of_places(0, history.rolled)
        };
        let fresh = Span {
            from_ms,
            to_ms,
            ..Span::of_places(history.rolled, i64::MAX)
        };
        let first_ms = first.saturating_mul(HOUR_MS);
        let end_ms = end.saturating_mul(HOUR_MS);
        let open = to_ms == u64::MAX;
        let spans = vec![
            rolled(from_ms, first_ms.min(to_ms)),
            rolled(end_ms, if open { 0 } else { to_ms }),
            fresh,
        ];
        Self {
            from_ms,
            to_ms,
            hours: Some(Hours {
                workspace: None,
                first,
                end,
            }),
            spans,
        }
    }
}

/// Groups as they grow.
struct Counting<'w> {
    by: By<'w>,
    wanted: &'w Wanted,
    groups: HashMap<Key, Figures, RandomState>,
    left_out: u64,
}

impl Counting<'_> {
    fn add_call(&mut self, party: &Party, call: &Call) {
        if !self.wanted.admits(party) || !self.wanted.admits_status(call.status) {
            return;
        }
        let key = self.by.key(&Attributes {
            workspace: party.workspace,
            server: party.server_slug,
            tool: party.tool,
            token: party.token,
            status: call.status,
            source: party.source,
            error_code: call.error_code,
            time_ms: call.time_ms,
        });
        match self.figures(key) {
            Some(figures) => figures.add_call(call),
            None => self.left_out += 1,
        }
    }

    fn add_cell(
        &mut self,
        workspace: i64,
        hour: u64,
        cell: &Cell,
        sums: &Sums,
    ) -> Result<(), Broken> {
        let status = cell.status()?;
        let names = (cell.server_slug, cell.tool, cell.token);
        if !self.wanted.admits_names(names.0, names.1, names.2)
            || !self.wanted.admits_status(status)
        {
            return Ok(());
        }
        let key = self.by.key(&Attributes {
            workspace,
            server: cell.server_slug,
            tool: cell.tool,
            token: cell.token,
            status,
            source: cell.source()?,
            error_code: None,
            time_ms: hour.saturating_mul(HOUR_MS),
        });
        match self.figures(key) {
            Some(figures) => figures.add_sums(status, sums),
            None => self.left_out += sums.durations.count(),
        }
        Ok(())
    }

    fn figures(&mut self, key: Key) -> Option<&mut Figures> {
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            return None;
        }
        Some(self.groups.entry(key).or_default())
    }
}

/// All that calls can be grouped by.
struct Attributes {
    workspace: i64,
    server: Option<i64>,
    tool: Option<i64>,
    token: i64,
    status: CallStatus,
    source: Source,
    error_code: Option<i64>,
    time_ms: u64,
}

/// What calls are grouped by.
#[derive(Debug, Clone, Copy)]
struct By<'d> {
    dimensions: &'d [Dimension],
    /// Length of the times that are told apart.
    time_ms: Option<u64>,
}

impl<'d> By<'d> {
    fn of(dimensions: &'d [Dimension]) -> Self {
        let times = [
            (Dimension::Minute, MINUTE_MS),
            (Dimension::Hour, HOUR_MS),
            (Dimension::Day, DAY_MS),
        ];
        let time = times.into_iter().find(|(by, _)| dimensions.contains(by));
        Self {
            dimensions,
            time_ms: time.map(|(_, each)| each),
        }
    }

    fn key(&self, of: &Attributes) -> Key {
        let has = |dimension| self.dimensions.contains(&dimension);
        Key {
            workspace: has(Dimension::Workspace).then_some(of.workspace),
            server: of.server.filter(|_| has(Dimension::Server)),
            tool: of.tool.filter(|_| has(Dimension::Tool)),
            token: has(Dimension::Token).then_some(of.token),
            status: has(Dimension::Status).then(|| codes::of_status(of.status)),
            source: has(Dimension::Source).then(|| codes::of_source(of.source)),
            error_code: of.error_code.filter(|_| has(Dimension::ErrorCode)),
            time_ms: self.time_ms.map(|each| of.time_ms / each * each),
        }
    }
}

/// What the calls of a group have in common; names by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    workspace: Option<i64>,
    server: Option<i64>,
    tool: Option<i64>,
    token: Option<i64>,
    status: Option<i64>,
    source: Option<i64>,
    error_code: Option<i64>,
    time_ms: Option<u64>,
}

impl Key {
    fn group(self, texts: &mut Texts<'_>, figures: Figures) -> rusqlite::Result<Group> {
        let workspace = texts.if_any(self.workspace)?;
        let workspace = workspace.map(|id| WorkspaceId::try_from(id.as_str()));
        Ok(Group {
            workspace: workspace
                .transpose()
                .map_err(|reason| unreadable(0, reason))?,
            server: texts.if_any(self.server)?,
            tool: texts.if_any(self.tool)?,
            token_id: texts.if_any(self.token)?,
            status: self.status.and_then(codes::to_status),
            source: self.source.and_then(codes::to_source),
            error_code: self.error_code,
            time_ms: self.time_ms,
            figures,
        })
    }
}
