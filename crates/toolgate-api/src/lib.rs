//! The management API and the dashboard.
