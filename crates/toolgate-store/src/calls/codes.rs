//! Numbers that stand for enums in `calls.db`; a released number never changes its meaning.

use toolgate_analytics::{CallStatus, Source};

pub(super) fn of_status(status: CallStatus) -> i64 {
    match status {
        CallStatus::Ok => 0,
        CallStatus::ToolError => 1,
        CallStatus::RpcError => 2,
        CallStatus::Refused => 3,
        CallStatus::RateLimited => 4,
        CallStatus::Cancelled => 5,
        CallStatus::Revoked => 6,
        CallStatus::TimedOut => 7,
        CallStatus::Unreachable => 8,
        CallStatus::Internal => 9,
        CallStatus::Asked => 10,
        CallStatus::Overloaded => 11,
        CallStatus::Begun => 12,
    }
}

pub(super) fn to_status(code: i64) -> Option<CallStatus> {
    Some(match code {
        0 => CallStatus::Ok,
        1 => CallStatus::ToolError,
        2 => CallStatus::RpcError,
        3 => CallStatus::Refused,
        4 => CallStatus::RateLimited,
        5 => CallStatus::Cancelled,
        6 => CallStatus::Revoked,
        7 => CallStatus::TimedOut,
        8 => CallStatus::Unreachable,
        9 => CallStatus::Internal,
        10 => CallStatus::Asked,
        11 => CallStatus::Overloaded,
        12 => CallStatus::Begun,
        _ => return None,
    })
}

pub(super) fn of_source(source: Source) -> i64 {
    match source {
        Source::Gateway => 0,
    }
}

pub(super) fn to_source(code: i64) -> Option<Source> {
    match code {
        0 => Some(Source::Gateway),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back() {
        let statuses: Vec<_> = (0..20).filter_map(to_status).collect();
        assert_eq!(statuses.len(), 13);
        for (code, status) in (0..).zip(statuses) {
            assert_eq!(of_status(status), code);
        }
        assert_eq!(to_source(of_source(Source::Gateway)), Some(Source::Gateway));
    }
}
