//! What one member does: how much, with what, when, and the calls themselves.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_store::{CallsReader, WorkspaceScope};

use super::analytics::{AnalyticsQuery, AnalyticsRow, GroupBy, filter};
use super::figures::CallFigures;
use super::people::People;
use crate::{Admin, AdminError, CallListed};

/// Tools that are shown, those with most calls.
const TOOLS: usize = 20;

/// What one member did, or a token nobody of them holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MemberTimeline {
    /// Id of the member, or of the token.
    pub id: String,
    /// Address of the member, or name of the token.
    pub label: String,
    /// Public ids of the tokens.
    pub tokens: Vec<String>,
    /// The time that was counted begins here.
    pub from: String,
    /// It ends here.
    pub to: String,
    /// What their calls come to.
    pub total: CallFigures,
    /// With which tools, the most used first.
    pub tools: Vec<AnalyticsRow>,
    /// On which days, in order.
    pub days: Vec<AnalyticsRow>,
    /// The newest calls themselves, oldest first, as far as they are still there.
    pub calls: Vec<CallListed>,
}

impl Admin {
    /// What a member of a workspace did, named by id or address, or a token, by id or name; since `from_ms` or in
    /// the last seven days.
    pub fn member_timeline(
        &self,
        scope: &WorkspaceScope,
        member: &str,
        from_ms: Option<u64>,
        calls: usize,
    ) -> Result<MemberTimeline, AdminError> {
        let people = People::read(self, Some(scope))?;
        let (whom, tokens) = people.member(member)?;
        if tokens.iter().all(|token| people.holder(token).is_none()) {
            return Err(AdminError::UnknownHolder {
                who: member.to_owned(),
                workspace: scope.slug().to_string(),
            });
        }
        let query = |group_by| AnalyticsQuery {
            workspace: Some(scope.clone()),
            from_ms,
            member: Some(whom.id.clone()),
            limit: Some(TOOLS),
            ..AnalyticsQuery::by(group_by)
        };
        let tools = self.analytics(&query(GroupBy::Tool))?;
        let days = self.analytics(&query(GroupBy::Day))?;
        let mut newest = filter(&people, &query(GroupBy::Day))?;
        newest.limit = calls;
        let mut rows = CallsReader::open(&self.dir)?.query(&newest)?;
        rows.reverse();
        Ok(MemberTimeline {
            id: whom.id,
            label: whom.label,
            tokens,
            from: tools.from,
            to: tools.to,
            total: tools.total,
            tools: tools.rows,
            days: days.rows,
            calls: rows
                .into_iter()
                .map(|row| CallListed::of(row, &people))
                .collect(),
        })
    }
}
