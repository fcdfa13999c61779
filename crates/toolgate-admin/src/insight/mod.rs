//! What the calls of an installation come to (product.md section 12): who calls what, how often, how fast and how
//! it goes. Every question is one method of [`crate::Admin`]; metadata only, as always (S-23).

mod analytics;
mod drill;
mod export;
mod figures;
mod limits;
mod overview;
mod people;
mod reasons;
mod slow;
mod timeline;

pub use analytics::{Analytics, AnalyticsQuery, AnalyticsRow, GroupBy};
pub use drill::CallShown;
pub use export::CallExport;
pub use figures::CallFigures;
pub use limits::{LimitedMinute, LimitedToken, LimitsReport};
pub use overview::{Overview, OverviewSpan};
pub(crate) use people::People;
pub use slow::{ErrorSeen, SlowServer, SlowWeek, ToolCompared};
pub use timeline::MemberTimeline;
