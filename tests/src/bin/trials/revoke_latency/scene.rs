//! Two gateways over one store, clients that hold things open, and somebody who takes them away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use toolgate_admin::{
    Admin, AdminError, DataDir, NewToken, TokenCreated, WorkspaceScope, operator,
};
use toolgate_testkit::{Client, EventStream, Running, Script, Server};
use toolgate_tests::{Gateway, Installation};

/// The workspace most of it happens in.
pub(super) const TEAM: &str = "team";
/// Nothing takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that is there.
pub(super) struct Scene {
    pub(super) installation: Installation,
    pub(super) tokens: Vec<TokenCreated>,
    gateways: [Gateway; 2],
    admin: Admin,
    team: WorkspaceScope,
    server: Running,
}

/// What one client holds open.
pub(super) struct Held {
    client: Client,
    stream: JoinHandle<Instant>,
    pub(super) call: Option<JoinHandle<(Instant, bool)>>,
}

/// What one client held, while it ends.
pub(super) struct Watched {
    held: Held,
    prober: JoinHandle<Instant>,
}

/// When all of it ended.
pub(super) struct Ended {
    pub(super) stream: Instant,
    pub(super) call: Option<Instant>,
    /// When the last request was sent that was still answered.
    pub(super) last_admitted: Instant,
    /// Whether the call had a result after all.
    pub(super) delivered: bool,
}

impl Scene {
    pub(super) async fn set(tokens: usize) -> Self {
        let installation = Installation::new();
        installation.workspace(TEAM);
        let server = Server::new()
            .streams()
            .tool("hang", Script::new().progress(1, 2).hang())
            .tool("other", "done")
            .start()
            .await;
        let add = [
            "mcp",
            "add",
            "s",
            "--workspace",
            TEAM,
            "--url",
            server.url(),
        ];
        let bearer = ["--bearer", "API_TOKEN"];
        installation.done(&[&add[..], &bearer[..]].concat());
        installation.secret(TEAM, "s", "API_TOKEN", "value-before-all");
        let admin = Admin::open(DataDir::new(installation.data_dir()), operator()).expect("opens");
        let team = admin.scope(TEAM).expect("it was made");
        let named = unlimited("many");
        // Before the gateways start: each would read all of them once for each of them.
        let create = |_| admin.create_token(&team, &named).expect("a token");
        let tokens = (0..tokens).map(create).collect();
        let gateways = [installation.start(), installation.start()];
        Self {
            installation,
            tokens,
            gateways,
            admin,
            team,
            server,
        }
    }

    /// Does something and says when it was acknowledged.
    pub(super) fn admin(
        &self,
        act: impl FnOnce(&Admin, &WorkspaceScope) -> Result<(), AdminError>,
    ) -> Instant {
        let done = tokio::task::block_in_place(|| act(&self.admin, &self.team));
        done.expect("an administrator may do that");
        Instant::now()
    }

    pub(super) fn new_token(&self, slug: &str, expires_in: Option<Duration>) -> TokenCreated {
        let scope = self.admin.scope(slug).expect("it is there");
        let new = NewToken {
            expires_in,
            ..unlimited("one")
        };
        self.token_of(&scope, &new)
    }

    pub(super) fn token_of(&self, scope: &WorkspaceScope, new: &NewToken) -> TokenCreated {
        let made = tokio::task::block_in_place(|| self.admin.create_token(scope, new));
        made.expect("a token")
    }

    /// Another workspace with the same server.
    pub(super) fn workspace(&self, slug: &str) -> WorkspaceScope {
        self.installation.workspace(slug);
        let args = [
            "mcp",
            "add",
            "s",
            "--workspace",
            slug,
            "--url",
            self.server.url(),
        ];
        self.installation.done(&args);
        self.admin.scope(slug).expect("it was made")
    }

    fn url(&self, number: usize, slug: &str) -> String {
        self.gateways[number % 2].workspace(slug)
    }

    /// Opens a stream, of a session or a listen, and perhaps a call; all of it is known to be under way.
    pub(super) async fn hold(&self, number: usize, token: &str, slug: &str, call: bool) -> Held {
        let mut client = Client::new(&self.url(number, slug)).bearer(token);
        // The second gateway may not have heard of a new token yet.
        let welcomed = async {
            while client.initialize().await.status != 200 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        patient("a session", welcomed).await;
        let mut stream = if number % 4 < 2 {
            client.get_stream(&[("accept", "text/event-stream")]).await
        } else {
            let params = json!({"notifications": {"toolsListChanged": true}});
            client
                .clone()
                .modern_stream("subscriptions/listen", params)
                .await
        };
        assert!(patient("a stream", stream.next_event()).await.is_some());
        let call = if call {
            let params = json!({"name": "s__hang", "arguments": {}, "_meta": {"progressToken": 1}});
            let message = client.request_message("tools/call", &params);
            let mut call = client.post_stream(&message).await;
            let first = patient("progress", call.next()).await;
            assert_eq!(first.expect("progress")["method"], "notifications/progress");
            Some(tokio::spawn(
                async move { ended_with_result(&mut call).await },
            ))
        } else {
            None
        };
        let stream = tokio::spawn(async move {
            stream.rest().await;
            Instant::now()
        });
        Held {
            client,
            stream,
            call,
        }
    }

    /// Calls until the server sees this value; when the last call was sent that brought another one.
    pub(super) async fn last_call_without(
        &self,
        number: usize,
        token: &str,
        value: &str,
        acknowledged: Instant,
    ) -> Instant {
        let expected = format!("Bearer {value}");
        let mut client = Client::new(&self.url(number, TEAM)).bearer(token);
        let mut last = acknowledged;
        loop {
            let (sent, before) = (Instant::now(), self.server.calls("other"));
            let reply = patient("a call", client.call("s__other", json!({}))).await;
            let calls = self.server.requests_for("tools/call");
            let others = calls
                .iter()
                .filter(|call| call.body["params"]["name"] == "other");
            let mine = others.skip(before);
            let mut values = mine.map(|call| call.header("authorization").map(str::to_owned));
            if reply.status == 200 && values.all(|sent| sent.as_deref() == Some(&*expected)) {
                return last;
            }
            last = sent;
        }
    }

    /// How many calls the server was told to give up, once it is so many.
    pub(super) async fn cancelled_upstream(&self, calls: usize) -> usize {
        let count = || self.server.requests_for("notifications/cancelled").len();
        until(|| count() >= calls).await;
        count()
    }

    /// How many calls were recorded as revoked, once it is so many.
    pub(super) async fn recorded_as_revoked(&self, calls: usize) -> usize {
        let count = || {
            let args = ["calls", "--workspace", TEAM, "--limit", "10000"];
            let records = self.installation.lines(&args);
            let revoked = |record: &&Value| record["status"] == "revoked";
            records.iter().filter(revoked).count()
        };
        until(|| count() >= calls).await;
        count()
    }
}

impl Held {
    /// Asks again and again until it is refused, while the rest ends.
    pub(super) fn probe(self, acknowledged: Instant) -> Watched {
        let mut client = self.client.clone();
        let prober = tokio::spawn(async move {
            let mut last = acknowledged;
            loop {
                let sent = Instant::now();
                // 429 once there were twenty refusals in a minute (S-37).
                if matches!(client.rpc("ping", &json!({})).await.status, 401 | 429) {
                    return last;
                }
                last = sent;
            }
        });
        Watched { held: self, prober }
    }

    /// When the call ended, and whether with a result.
    pub(super) async fn call_end(self) -> (Instant, bool) {
        let call = self.call.expect("there was one");
        patient("the end of a call", call).await.expect("no panic")
    }
}

impl Watched {
    pub(super) async fn ended(self) -> Ended {
        let stream = patient("the end of a stream", self.held.stream).await;
        let (call, delivered) = match self.held.call {
            Some(call) => {
                let (at, delivered) = patient("the end of a call", call).await.expect("no panic");
                (Some(at), delivered)
            }
            None => (None, false),
        };
        let last_admitted = patient("the first refusal", self.prober).await;
        Ended {
            stream: stream.expect("no panic"),
            call,
            last_admitted: last_admitted.expect("no panic"),
            delivered,
        }
    }
}

async fn ended_with_result(call: &mut EventStream) -> (Instant, bool) {
    let mut delivered = false;
    while let Some(message) = call.next().await {
        delivered |= message.get("result").is_some();
    }
    (Instant::now(), delivered)
}

fn unlimited(name: &str) -> NewToken {
    NewToken {
        rate_limit: Some("off".into()),
        ..NewToken::named(name)
    }
}

async fn patient<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

/// Waits until it is so, or for long enough.
async fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
