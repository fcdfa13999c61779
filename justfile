# The verbs of this project. `just ci` is what CI runs, nothing else.

# What a change needs before it is shown: format, lints, house rules.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test --package toolgate-tests --test house_rules

# All tests that need nothing but Rust.
test:
    cargo test --workspace

# The rules of the protocol and the tests that prove them: checks docs/rules.md, or fills it with `just rules --write`.
rules *ARGS:
    cargo run --package toolgate-tests --bin rules -- {{ARGS}}

# Generated calls directly and through the gateway: every difference needs a rule. `just fidelity --messages 5000 --seed 7`.
fidelity *ARGS:
    cargo run --package toolgate-tests --bin fidelity -- {{ARGS}}

# Promises under attack and under fault, measured: short forms, one by name, or `just trials --full` before a release.
trials *ARGS:
    cargo run --package toolgate-tests --bin trials -- {{ARGS}}

# Ten minutes of load, faults, rotations, revocations and backups; prints pass or fail for each bound.
soak *ARGS:
    cargo run --package toolgate-tests --bin trials -- soak --full {{ARGS}}

# The official conformance suite through the gateway, or the rows of it whose names begin as said: `just matrix --cell H-L`.
matrix *ARGS:
    tests/fixtures/install
    cargo run --package toolgate-tests --bin matrix -- {{ARGS}}

# The management API, fuzzed by its own OpenAPI document.
fuzz-api:
    tests/fixtures/install
    tests/fixtures/fuzz-api

# Lets the tools mend what they can.
fix:
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
    cargo fmt --all

# The pieces, by criterion, and the fan-out over 1, 10 and 50 servers.
bench *ARGS:
    cargo bench --package toolgate-benches {{ARGS}}

# The gateway beside a bare relay: CPU, throughput, latency, memory, and the goals. `just load --only "sse,1 MiB"`.
load *ARGS:
    cargo bench --package toolgate-benches --bench load -- {{ARGS}}

# Calls beside everything that can grow, with pictures for docs/growth. `just growth --only tokens`.
growth *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    # Seeding waits for the disk after each change; memory is quicker, where there is such a folder.
    if [ -d /dev/shm ]; then export TMPDIR=/dev/shm; fi
    cargo bench --package toolgate-benches --bench growth -- {{ARGS}}

# Instructions and allocations of a request beside their budgets; `just guard --write` makes the figures the budgets. Needs valgrind.
guard *ARGS:
    cargo bench --package toolgate-benches --bench guard -- {{ARGS}}

# Where the instructions of a request go. Needs valgrind.
profile:
    cargo bench --package toolgate-benches --bench guard -- --profile

# Each fuzz target for so many seconds. Needs cargo-fuzz; sanitizers are unstable flags, hence the variable.
fuzz SECONDS="60":
    #!/usr/bin/env bash
    set -euo pipefail
    for target in $(cargo fuzz list); do
        mkdir -p "target/fuzz-corpus/$target"
        RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" "$PWD/target/fuzz-corpus/$target" "$PWD/fuzz/corpus/$target" -- -max_total_time={{SECONDS}}
    done

# Everything, as CI does it.
ci:
    .ci/run
