//! The latest time the installation has seen, and a person's word that it was wrong (S-38).

use schemars::JsonSchema;
use serde::Serialize;

use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError, GatewayState};

/// A mark so little ahead is a clock that was put right, not one that was wrong.
const SLACK_MS: u64 = 60_000;

/// What the installation takes for the time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClockShown {
    /// What this host's clock says.
    pub now: String,
    /// The latest time this installation has seen; nothing that ended by then works again.
    pub latest_seen: String,
    /// Milliseconds by which the clock is behind that; 0 when it is not.
    pub behind_ms: u64,
}

/// A clock that was accepted as it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClockAccepted {
    /// What this host's clock says, and what tokens are judged by from now on.
    pub now: String,
    /// What they were judged by before.
    pub before: String,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// What time it is, and what the installation takes it for.
    pub fn clock(&self) -> Result<ClockShown, AdminError> {
        let (now, mark) = (now_ms(), self.store.clock()?.high_water_ms);
        Ok(ClockShown {
            now: rfc3339(now),
            latest_seen: rfc3339(mark.max(now)),
            behind_ms: mark.saturating_sub(now),
        })
    }

    /// Says that this host's clock is right, whatever later time was seen: tokens that only seemed to have
    /// expired work again. Audited, since it can revive what did expire if the clock is not right.
    pub fn accept_clock(&self) -> Result<ClockAccepted, AdminError> {
        let now = now_ms();
        let before = self.store.correct_clock(&self.actor, now)?;
        Ok(ClockAccepted {
            now: rfc3339(now),
            before: rfc3339(before.high_water_ms.max(now)),
            gateway: self.knock(),
        })
    }

    /// Now, as tokens are judged: never before the latest time that was seen.
    pub(crate) fn judged_ms(&self) -> Result<u64, AdminError> {
        Ok(self.store.clock()?.high_water_ms.max(now_ms()))
    }
}

impl ClockShown {
    /// Whether the clock is so far behind that one of the two is wrong.
    pub fn is_behind(&self) -> bool {
        self.behind_ms > SLACK_MS
    }
}
