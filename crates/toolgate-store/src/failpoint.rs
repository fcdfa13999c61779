//! Ends the process at a named step, so that a trial can prove what a crash there leaves behind (S-12).

/// Dies without any clean-up if `TOOLGATE_DIE_AT` names this step. There is nothing of it in release builds.
#[cfg(debug_assertions)]
pub(crate) fn step(name: &str) {
    if std::env::var_os("TOOLGATE_DIE_AT").is_some_and(|at| at == name) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn step(_name: &str) {}
