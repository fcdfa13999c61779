//! Does whatever can be done, and keeps all that comes of it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Reply};
use toolgate_tests::Gateway;

use super::files;
use super::scan::{Canary, Channel, Output};
use super::world::World;

/// How long an answer may take that may never come.
const MOMENT: Duration = Duration::from_secs(3);

/// Runs a gateway at `trace` over this world; what came out, and what must not have.
pub(super) fn everything(mut world: World, format: &str) -> (Vec<Output>, Vec<Canary>) {
    let gateway = world
        .installation
        .start_under(&["env", "TOOLGATE_LOG=trace"], &["--log-format", format]);
    let replies = clients(&mut world, &gateway);
    world.outputs.extend(replies);
    doors(&mut world, &gateway);
    admin(&mut world, true);
    control_socket(&mut world);
    // While it runs, so that what is only in the WAL is seen as well.
    files(&world.installation.data_dir(), &mut world.outputs);
    let arguments =
        std::fs::read(format!("/proc/{}/cmdline", gateway.process.id())).unwrap_or_default();
    world.keep(Channel::Stdout, "the gateway's command line", arguments);
    finish(world, gateway)
}

fn finish(mut world: World, mut gateway: Gateway) -> (Vec<Output>, Vec<Canary>) {
    for (slug, server) in &world.servers {
        for request in server.requests() {
            let mut bytes = format!(
                "{} {}\n{:?}\n",
                request.method, request.path, request.headers
            )
            .into_bytes();
            bytes.extend_from_slice(&request.raw);
            world.outputs.push(Output {
                channel: Channel::Upstream,
                what: format!("a request to {slug}"),
                bytes,
            });
        }
    }
    gateway.process.signal("TERM");
    gateway.process.wait();
    world.keep(
        Channel::Stdout,
        "the gateway's output",
        gateway.process.output(),
    );
    // The line that says where it listens is what belongs there.
    world.remember(
        "mark in the ready line",
        gateway.url.clone(),
        &[
            Channel::Stdout,
            Channel::Store,
            Channel::Cli,
            Channel::Socket,
            Channel::ShownOnce,
            Channel::Client,
            Channel::Upstream,
            Channel::Log,
        ],
    );
    world.keep(Channel::Log, "the gateway's log", gateway.process.stderr());
    files(&world.installation.data_dir(), &mut world.outputs);
    // After the gateway ended, and on a store that is there no more.
    admin(&mut world, false);
    let World {
        outputs, canaries, ..
    } = world;
    (outputs, canaries)
}

/// Every command that shows something, for people or for programs.
fn admin(world: &mut World, json: bool) {
    let commands: &[&[&str]] = &[
        &["workspace", "list"],
        &["workspace", "test", "team"],
        &["workspace", "token", "list", "team"],
        &[
            "workspace",
            "token",
            "explain",
            "team",
            "tok_nobody",
            "legacy__echo",
        ],
        &["workspace", "secret", "list", "team"],
        &["workspace", "use", "nobody"],
        &["workspace", "set", "team", "--read-only", "all"],
        &["mcp", "list", "--workspace", "team"],
        &["mcp", "tools", "--workspace", "team"],
        &[
            "mcp",
            "disable",
            "legacy",
            "--tool",
            "garbage",
            "--workspace",
            "team",
        ],
        &[
            "mcp",
            "classify",
            "legacy",
            "echo",
            "read-only",
            "--workspace",
            "team",
        ],
        &[
            "mcp",
            "add",
            "bad",
            "--url",
            "ftp://127.0.0.1/",
            "--workspace",
            "team",
        ],
        &["mcp", "remove", "nobody", "--workspace", "team"],
        &["secrets", "list", "--workspace", "team"],
        &["secrets", "delete", "nobody", "KEY", "--workspace", "team"],
        &["calls", "--workspace", "team", "--limit", "1000"],
        &["audit", "list", "--limit", "1000"],
        &["doctor"],
        &["no-such-command"],
    ];
    for command in commands {
        let flags: &[&str] = if json { &["--json"] } else { &[] };
        world.ctl(Channel::Cli, &[flags, command].concat(), "");
    }
    // A token on standard input, good, revoked and bent.
    for token in [
        world.tokens.admin.clone(),
        world.tokens.revoked.clone(),
        world.tokens.bent.clone(),
    ] {
        world.ctl(
            Channel::Cli,
            &["workspace", "token", "inspect", "team"],
            &token,
        );
    }
}

/// All methods in both eras, at every server.
fn clients(world: &mut World, gateway: &Gateway) -> Vec<Output> {
    let url = gateway.workspace("team");
    let payload = world.payload.clone();
    let mut kept = Vec::new();
    let mut sessions = Vec::new();
    let tokens = [world.tokens.admin.clone(), world.tokens.reader.clone()];
    world.runtime.block_on(async {
        for token in &tokens {
            let mut legacy = Client::new(&url).bearer(token);
            let everything = json!({"elicitation": {}, "sampling": {}, "roots": {}});
            keep(
                &mut kept,
                "initialize",
                &legacy.initialize_as("2025-11-25", &everything).await,
            );
            sessions.extend(legacy.session().map(str::to_owned));
            let modern = Client::new(&url).bearer(token);
            let calls =
                requests(&payload, &world.made_up)
                    .into_iter()
                    .flat_map(|(method, params)| {
                        [(legacy.clone(), false), (modern.clone(), true)].map(
                            |(client, is_modern)| ask(client, is_modern, method, params.clone()),
                        )
                    });
            kept.extend(in_groups(calls.collect()).await);
            // Calls whose client goes away, and a session that is ended.
            let message = legacy.request_message(
                "tools/call",
                &json!({"name": "legacy__hang", "arguments": {"p": payload}}),
            );
            drop(
                tokio::time::timeout(Duration::from_millis(200), legacy.post_stream(&message))
                    .await,
            );
            keep(&mut kept, "DELETE", &legacy.request("DELETE").await);
        }
    });
    for session in sessions {
        // gh-aw 50930: what names a session is as good as a credential.
        world.remember("session id", session, &[Channel::Client]);
    }
    kept
}

/// Some at a time: many of them wait for servers that do not answer.
async fn in_groups(asks: Vec<impl Future<Output = Output> + Send + 'static>) -> Vec<Output> {
    let mut running = tokio::task::JoinSet::new();
    let mut kept = Vec::new();
    for ask in asks {
        if running.len() >= 96
            && let Some(done) = running.join_next().await
        {
            kept.push(done.expect("asking does not panic"));
        }
        running.spawn(ask);
    }
    kept.extend(running.join_all().await);
    kept
}

async fn ask(
    mut client: Client,
    is_modern: bool,
    method: &'static str,
    mut params: Value,
) -> Output {
    let what = format!("{method} {params}");
    let asked = async {
        if is_modern {
            params["_meta"] = json!({"io.modelcontextprotocol/logLevel": "debug", "progressToken": "t",
                "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
            return client.modern(method, params).await;
        }
        let message = client.request_message(method, &params);
        client.post(&message).await
    };
    let bytes = match tokio::time::timeout(MOMENT, asked).await {
        Ok(reply) => whole(&reply),
        // A question that nobody answers, a stream that stays open.
        Err(_) => Vec::new(),
    };
    Output {
        channel: Channel::Client,
        what,
        bytes,
    }
}

fn requests(payload: &str, made_up: &str) -> Vec<(&'static str, Value)> {
    let mut requests = vec![
        ("server/discover", json!({})),
        ("ping", json!({})),
        ("tools/list", json!({})),
        ("tools/list", json!({"cursor": made_up})),
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("logging/setLevel", json!({"level": "debug"})),
        ("logging/setLevel", json!({"level": made_up})),
        ("tools/call", json!({"name": made_up, "arguments": {}})),
        (
            "tools/call",
            json!({"name": format!("legacy__{made_up}"), "arguments": {"p": payload}}),
        ),
        ("prompts/get", json!({"name": made_up})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": made_up}, "argument": {"name": "a", "value": "b"}}),
        ),
        ("method/unknown", json!({"x": made_up})),
    ];
    let servers = [
        "legacy",
        "streaming",
        "modern",
        "header",
        "inurl",
        "cutting",
        "refusing",
        "broken",
        "notls",
    ];
    for server in servers {
        for tool in [
            "echo", "result", "fails", "garbage", "html", "cut", "hang", "wrong", "asks",
        ] {
            requests.push((
                "tools/call",
                json!({"name": format!("{server}__{tool}"), "arguments": {"p": payload}}),
            ));
        }
        requests.push((
            "prompts/get",
            json!({"name": format!("{server}__p"), "arguments": {"p": payload}}),
        ));
        requests.push((
            "resources/read",
            json!({"uri": format!("{server}+test://a")}),
        ));
        requests.push((
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": format!("{server}__p")},
            "argument": {"name": "a", "value": payload}}),
        ));
    }
    for server in ["child", "telling", "dying"] {
        for tool in [
            "env", "echo", "stderr", "garbage", "log", "progress", "exit",
        ] {
            requests.push((
                "tools/call",
                json!({"name": format!("{server}__{tool}"), "arguments": {"p": payload}}),
            ));
        }
    }
    requests
}

/// Credentials in the wrong places, bodies that are none, fields that would forge a log.
fn doors(world: &mut World, gateway: &Gateway) {
    let forged = "x\r\n2026-01-01T00:00:00Z ERROR forged\u{1b}[31m\u{202e}";
    let url = gateway.workspace("team");
    let (good, revoked, bent) = (
        &world.tokens.admin,
        &world.tokens.revoked,
        &world.tokens.bent,
    );
    let mut clients = Vec::new();
    for token in [good, revoked, bent] {
        clients.extend([
            Client::new(&url).at(&format!("/ws/team?token={token}")),
            Client::new(&url).at(&format!("/ws/{token}")),
            Client::new(&url).at(&format!("/ws/team/messages?session={token}")),
            Client::new(&url).at(&format!("/{token}")),
            Client::new(&url).header("cookie", &format!("token={token}")),
            Client::new(&url).header("authorization", &format!("Basic {token}")),
            Client::new(&url)
                .bearer(token)
                .header("mcp-session-id", token),
            Client::new(&url).bearer(token).header("host", token),
            Client::new(&url)
                .bearer(token)
                .header("origin", &format!("https://{token}.example")),
            Client::new(&url)
                .bearer(token)
                .header("mcp-protocol-version", token),
            Client::new(&url)
                .bearer(token)
                .header("tracestate", &format!("a={token}"))
                .header(
                    "traceparent",
                    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                ),
            Client::new(&url)
                .bearer(token)
                .header("user-agent", token)
                .header("x-forwarded-for", token),
        ]);
    }
    let call = |arguments: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "legacy__result", "arguments": arguments}})
        .to_string()
    };
    let mut bodies = vec![
        call(json!({})),
        call(json!({"token": good})),
        "{".to_owned(),
        String::new(),
    ];
    bodies.push(format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{}","params":{{"a":}}}}"#,
        world.made_up
    ));
    bodies.push(json!({"jsonrpc": "2.0", "id": 1, "method": forged, "params": {"name": forged, forged: forged}}).to_string());
    bodies.push(call(json!({forged: forged})).replace(
        "legacy__result",
        &json!(forged).to_string().replace('"', ""),
    ));
    let bodies = std::sync::Arc::new(bodies);
    let knocks = clients
        .into_iter()
        .map(|client| knock(client, bodies.clone()));
    let kept = world.runtime.block_on(in_groups(knocks.collect()));
    world.outputs.extend(kept);
}

/// Every body at one door, and a GET.
async fn knock(client: Client, bodies: std::sync::Arc<Vec<String>>) -> Output {
    let mut bytes = Vec::new();
    for body in &*bodies {
        if let Ok(reply) = tokio::time::timeout(MOMENT, client.post_raw(body.clone())).await {
            bytes.extend(whole(&reply));
        }
    }
    if let Ok(reply) = tokio::time::timeout(Duration::from_millis(100), client.request("GET")).await
    {
        bytes.extend(whole(&reply));
    }
    Output {
        channel: Channel::Client,
        what: "a door".to_owned(),
        bytes,
    }
}

/// What `toolgatectl` asks, and what it would never ask.
fn control_socket(world: &mut World) {
    let path = world.installation.data_dir().join("control.sock");
    let questions = [
        json!({"ask": "ping"}).to_string(),
        json!({"ask": "changed"}).to_string(),
        json!({"ask": "probe", "workspace": "team", "server": "legacy"}).to_string(),
        json!({"ask": "probe", "workspace": "team", "server": "refusing"}).to_string(),
        json!({"ask": "probe", "workspace": "team", "server": "telling"}).to_string(),
        json!({"ask": "probe", "workspace": "team", "server": world.made_up}).to_string(),
        json!({"ask": world.tokens.admin}).to_string(),
        world.made_up.clone(),
    ];
    for question in questions {
        let Ok(mut socket) = UnixStream::connect(&path) else {
            continue;
        };
        let mut reply = Vec::new();
        let asked = socket
            .set_read_timeout(Some(MOMENT))
            .and_then(|()| socket.write_all(format!("{question}\n").as_bytes()))
            .and_then(|()| socket.read_to_end(&mut reply));
        // Whatever came is searched, whole or not.
        drop(asked);
        world.keep(Channel::Socket, question, reply);
    }
}

fn keep(kept: &mut Vec<Output>, what: &str, reply: &Reply) {
    kept.push(Output {
        channel: Channel::Client,
        what: what.to_owned(),
        bytes: whole(reply),
    });
}

fn whole(reply: &Reply) -> Vec<u8> {
    let mut bytes = format!("{} {:?}\n", reply.status, reply.headers).into_bytes();
    bytes.extend_from_slice(&reply.body);
    bytes
}
