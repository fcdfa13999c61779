//! A gateway under callgrind, and requests one after the other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::runtime::Runtime;
use toolgate_benches::{
    Connection, Helper, House, Request, Subject, call, initialize, initialized, list, precise,
    target_dir,
};

use crate::callgrind::Profile;

/// A request that is made again and again.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) modern: bool,
    /// Arguments of a call; a list without.
    arguments: Option<&'static str>,
    /// How often.
    times: u32,
    /// By how many percent instructions and allocations may lie above their budgets. A large answer comes in as many
    /// pieces as the network makes of it, and each piece costs something.
    pub(crate) tolerance: (f64, f64),
}

/// What comes in one piece is the same every time, to a tenth of a percent.
const STEADY: (f64, f64) = (3.0, 2.0);

/// What is guarded.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "2025-11-25 json 1 KiB",
        modern: false,
        arguments: Some(r#""bytes":1024,"nonce":1"#),
        times: 1_000,
        tolerance: STEADY,
    },
    Scenario {
        name: "2026-07-28 json 1 KiB",
        modern: true,
        arguments: Some(r#""bytes":1024,"nonce":1"#),
        times: 1_000,
        tolerance: STEADY,
    },
    Scenario {
        name: "2025-11-25 sse 1 KiB",
        modern: false,
        arguments: Some(r#""bytes":1024,"nonce":1,"sse":true"#),
        times: 1_000,
        tolerance: STEADY,
    },
    Scenario {
        name: "2026-07-28 sse 1 KiB",
        modern: true,
        arguments: Some(r#""bytes":1024,"nonce":1,"sse":true"#),
        times: 1_000,
        tolerance: STEADY,
    },
    Scenario {
        name: "2026-07-28 json 1 MiB",
        modern: true,
        arguments: Some(r#""bytes":1048576,"nonce":1"#),
        times: 40,
        tolerance: (15.0, 20.0),
    },
    Scenario {
        name: "2025-11-25 tools/list of 3 servers",
        modern: false,
        arguments: None,
        times: 500,
        tolerance: STEADY,
    },
];

/// Requests before counting begins: pools are filled, and every lazy thing has been made.
const WARM_UP: u32 = 50;
/// Until the last records of a scenario are written.
const WRITTEN: Duration = Duration::from_secs(2);

/// What a scenario cost.
pub(crate) struct Cost {
    pub(crate) times: u32,
    /// The threads that serve requests.
    pub(crate) requests: Profile,
    /// The thread that writes call records.
    pub(crate) records: Profile,
}

impl Cost {
    /// A sum as a figure for each request.
    pub(crate) fn each(&self, sum: u64) -> f64 {
        precise(sum) / f64::from(self.times)
    }
}

/// The gateway under callgrind.
pub(crate) struct Gateway {
    subject: Subject,
    _house: House,
    _server: Helper,
    runtime: Runtime,
    folder: PathBuf,
    instrumented: bool,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        let folder = target_dir().join("guard");
        // What an earlier run left would be read as ours.
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).expect("the target directory is ours");
        let out = format!(
            "--callgrind-out-file={}",
            folder.join("callgrind.out").display()
        );
        let server = Helper::upstream();
        let house = House::with_servers(&server.url, 3);
        let wrapper = [
            "env",
            "TOKIO_WORKER_THREADS=1",
            "valgrind",
            "--tool=callgrind",
            "--instr-atstart=no",
            "--separate-threads=yes",
            "--quiet",
            &out,
        ];
        assert!(
            Command::new("valgrind").arg("--version").output().is_ok(),
            "valgrind is not installed: apt-get install valgrind"
        );
        let subject = Subject::gateway_under(&house, &wrapper);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Self {
            subject,
            _house: house,
            _server: server,
            runtime: runtime.expect("a runtime"),
            folder,
            instrumented: false,
        }
    }

    /// Makes the scenario's requests and reads what they cost.
    pub(crate) fn measure(&mut self, scenario: &Scenario) -> Cost {
        let mut client = self.connect(scenario);
        self.requests(&mut client, scenario, WARM_UP);
        if !self.instrumented {
            self.control(&["--instr=on"]);
            self.instrumented = true;
        }
        self.requests(&mut client, scenario, WARM_UP);
        std::thread::sleep(WRITTEN);
        self.control(&["--zero"]);
        self.requests(&mut client, scenario, scenario.times);
        std::thread::sleep(WRITTEN);
        let before = files(&self.folder);
        self.control(&["--dump"]);
        let dumped = files(&self.folder)
            .into_iter()
            .filter(|file| !before.contains(file));
        let (mut requests, mut records) = (Profile::default(), Profile::default());
        for file in dumped {
            let text = std::fs::read_to_string(&file).expect("callgrind wrote it");
            let profile = Profile::parse(&text);
            if profile.ran("toolgate_gateway::request_path") {
                requests.add(profile);
            } else if profile.ran("toolgate_analytics::") {
                records.add(profile);
            }
        }
        assert!(
            requests.total > 0,
            "callgrind saw no requests in {}",
            self.folder.display()
        );
        Cost {
            times: scenario.times,
            requests,
            records,
        }
    }

    fn control(&self, what: &[&str]) {
        let pid = self.subject.target.pid.to_string();
        let output = Command::new("callgrind_control")
            .args(what)
            .arg(&pid)
            .output()
            .expect("callgrind_control comes with valgrind");
        assert!(
            output.status.success(),
            "callgrind_control: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }

    fn connect(&self, scenario: &Scenario) -> Connection {
        let (target, token) = (&self.subject.target, &self.subject.target.tokens[0]);
        self.runtime.block_on(async {
            let opened = Connection::open(target, false).await;
            let mut connection = opened.expect("the gateway listens");
            if !scenario.modern {
                let hello = connection.round(target, &initialize(token)).await;
                hello.expect("the gateway answers");
                let session = connection.session.clone();
                let ready = initialized(token, session.as_deref());
                let done = connection.round(target, &ready).await;
                done.expect("the gateway answers");
            }
            connection
        })
    }

    fn requests(&self, client: &mut Connection, scenario: &Scenario, times: u32) {
        let (target, token) = (&self.subject.target, &self.subject.target.tokens[0]);
        let (modern, session) = (scenario.modern, client.session.clone());
        // The id has always the same length, so that every request costs the same.
        let request: Request = match scenario.arguments {
            Some(arguments) => call(
                token,
                &target.tool,
                1_001,
                arguments,
                modern,
                session.as_deref(),
            ),
            None => list(token, 1_001, modern, session.as_deref()),
        };
        self.runtime.block_on(async {
            for _ in 0..times {
                let done = client.round(target, &request).await;
                done.expect("the gateway answers");
                let said = memchr::memmem::find(&client.body, br#""result""#);
                assert!(client.status == 200 && said.is_some(), "a wrong answer");
            }
        });
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("it is there");
    entries.flatten().map(|entry| entry.path()).collect()
}
