//! The control socket: what only the running gateway can do, for the owner of the data directory.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use toolgate_namespace::{ServerSlug, WorkspaceSlug};
use toolgate_policy::Standing;
use toolgate_router::Link;
use toolgate_store::AlertId;
use toolgate_store::control::{
    self, ControlReply, ControlRequest, HeldServer, LoggedLine, MAX_LINE_BYTES, ProbedTool,
};

use crate::error::GatewayError;
use crate::gateway::{Gateway, in_store};
use crate::reseal;
use crate::snapshot::{Snapshot, WorkspaceEntry};
use crate::status::status;

/// A connection that says nothing is closed after this long.
const IDLE: Duration = Duration::from_secs(5);
/// How often a gateway looks whether the socket has become free, and how long it waits when it cannot accept.
const TAKE_OVER: Duration = Duration::from_millis(250);

/// Listens in the data directory. A gateway that finds another one there takes the socket over when that one
/// drains, as happens when they are restarted one after the other; until then the store's change counter
/// reaches it all the same.
pub(crate) fn open(gateway: &Arc<Gateway>, url: String) -> Result<(), GatewayError> {
    let path = gateway.dir().socket();
    let bound = match Bound::take(&path) {
        Ok(bound) => bound,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            tracing::warn!(
                "the path of the data directory is too long for a control socket; changes still arrive within 10 ms, but `toolgatectl` cannot ask this gateway to probe servers"
            );
            return Ok(());
        }
        Err(source) => return Err(GatewayError::Control { path, source }),
    };
    if bound.is_none() {
        tracing::warn!(
            "another gateway serves this data directory; it keeps the control socket until it ends"
        );
    }
    let weak = Arc::downgrade(gateway);
    gateway.spawn_vital("the task behind the control socket", async move {
        let bound = match bound {
            Some(bound) => bound,
            None => take_over(&path).await,
        };
        accept(weak, &bound.listener, url).await;
    });
    Ok(())
}

/// The socket in the data directory; its file goes before it does, so that never another's is removed.
struct Bound {
    listener: UnixListener,
    path: PathBuf,
}

impl Bound {
    /// Binds the socket; `None` while another gateway answers there.
    fn take(path: &Path) -> io::Result<Option<Self>> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Ok(None);
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let path = path.to_owned();
        Ok(Some(Self { listener, path }))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // Best effort: a stale one is replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Waits until the other gateway is gone.
async fn take_over(path: &Path) -> Bound {
    loop {
        tokio::time::sleep(TAKE_OVER).await;
        if let Ok(Some(bound)) = Bound::take(path) {
            return bound;
        }
    }
}

async fn accept(gateway: Weak<Gateway>, listener: &UnixListener, url: String) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Descriptors ran out, most likely; the socket must outlast that.
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "the control socket could not accept");
                tokio::time::sleep(TAKE_OVER).await;
                continue;
            }
        };
        let Some(gateway) = gateway.upgrade() else {
            return;
        };
        // Owner only: the socket's mode says so, and the peer's uid proves it.
        if toolgate_sys::peer_uid(&stream).ok() != Some(toolgate_sys::current_uid()) {
            continue;
        }
        let url = url.clone();
        let asked = gateway.clone();
        gateway.background().spawn(async move {
            if tokio::time::timeout(Duration::from_mins(1), serve(&asked, stream, &url))
                .await
                .is_err()
            {
                tracing::warn!("a control request did not end in time");
            }
        });
    }
}

async fn serve(gateway: &Arc<Gateway>, stream: UnixStream, url: &str) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(MAX_LINE_BYTES as u64));
    let mut line = Vec::new();
    let read = tokio::time::timeout(IDLE, lines.read_until(b'\n', &mut line)).await;
    if !matches!(read, Ok(Ok(n)) if n > 0) {
        return;
    }
    let reply = match control::decode_request(&line) {
        Ok(request) => answer(gateway, request, url).await,
        Err(error) => ControlReply::Failed {
            error: error.to_string(),
            hint: Some("toolgate and toolgatectl should be of the same version".into()),
        },
    };
    // The asker may be gone; nothing depends on its hearing the answer.
    let _ = write.write_all(&control::encode_reply(&reply)).await;
}

async fn answer(gateway: &Arc<Gateway>, request: ControlRequest, url: &str) -> ControlReply {
    match request {
        ControlRequest::Ping => ControlReply::Pong {
            url: url.to_owned(),
        },
        ControlRequest::Status => ControlReply::Status(status(gateway)),
        ControlRequest::Changed => match reload(gateway).await {
            Ok(generation) => ControlReply::Done { generation },
            Err(error) => failed(&error),
        },
        ControlRequest::Reseal => match reseal::in_background(gateway).await {
            Ok(done) => ControlReply::Resealed {
                secrets: done.secrets,
                keys: done.keys,
            },
            Err(error) => failed(&in_store(gateway.dir(), error)),
        },
        ControlRequest::TrySecrets { data_dir } => match gateway.try_secrets(data_dir).await {
            Ok(tried) => ControlReply::Tried {
                opened: tried.opened,
                failed: tried.failed,
            },
            Err(error) => failed(&error),
        },
        ControlRequest::Probe { workspace, server } => probe(gateway, &workspace, &server).await,
        ControlRequest::Logs { workspace, server } => logs(gateway, &workspace, &server),
        ControlRequest::Held { workspace } => held(gateway, &workspace),
        ControlRequest::Usage => ControlReply::Usage(gateway.usage()),
        ControlRequest::Alerts => ControlReply::Alerts {
            alerts: (gateway.alerting_slot().get()).map_or_else(Vec::new, |it| it.states()),
        },
        ControlRequest::TestAlert { alert } => test_alert(gateway, alert).await,
    }
}

async fn probe(
    gateway: &Arc<Gateway>,
    workspace: &WorkspaceSlug,
    server: &ServerSlug,
) -> ControlReply {
    if let Err(error) = reload(gateway).await {
        return failed(&error);
    }
    let snapshot = gateway.snapshot();
    let Some((entry, link)) = find(&snapshot, workspace, server) else {
        return unknown(workspace, server);
    };
    let about = match link.upstream().contact().await {
        Ok(about) => about,
        Err(error) => {
            return ControlReply::Failed {
                error: error.to_string(),
                hint: error.hint(),
            };
        }
    };
    if let Err(error) = link.refresh().await {
        return ControlReply::Failed {
            error: error.to_string(),
            hint: Some(format!(
                "check that `{server}` runs, that its address is right and that its secrets are"
            )),
        };
    }
    // An operator who mended a server need not wait for the next probe.
    link.close_circuit();
    let catalog = entry.workspace.catalog();
    let tools = catalog
        .tools()
        .iter()
        .chain(catalog.withheld())
        .filter(|tool| Arc::ptr_eq(&tool.link, link))
        .map(|tool| ProbedTool {
            name: tool.definition.name.to_string(),
            exposed: tool.exposed.as_str().to_owned(),
            classification: tool.classification,
            held: tool.standing != Standing::Approved,
            description: tool
                .definition
                .raw
                .object()
                .and_then(|raw| raw.text("description")),
        })
        .collect();
    ControlReply::Probed {
        revision: about.revision.as_str().to_owned(),
        server_info: serde_json::from_str(about.server_info.as_str()).unwrap_or_default(),
        tools,
    }
}

/// Has whoever watches for alerts send a sample.
async fn test_alert(gateway: &Gateway, alert: AlertId) -> ControlReply {
    let tested = match gateway.alerting_slot().get() {
        Some(alerting) => alerting.test(alert).await,
        None => None,
    };
    tested.map_or_else(
        || ControlReply::Failed {
            error: "this gateway has no such alert".to_owned(),
            hint: Some("`toolgatectl alert list` shows the alerts there are".to_owned()),
        },
        ControlReply::AlertTested,
    )
}

fn logs(gateway: &Gateway, workspace: &WorkspaceSlug, server: &ServerSlug) -> ControlReply {
    let snapshot = gateway.snapshot();
    let Some((_, link)) = find(&snapshot, workspace, server) else {
        return unknown(workspace, server);
    };
    let lines = link.upstream().stderr().into_iter();
    ControlReply::Logs {
        lines: lines
            .map(|line| LoggedLine {
                at_ms: line.at_ms,
                text: line.text,
            })
            .collect(),
    }
}

fn held(gateway: &Gateway, workspace: &WorkspaceSlug) -> ControlReply {
    let snapshot = gateway.snapshot();
    let entry = snapshot.workspaces.get(workspace.as_str());
    let links = entry.map_or(&[][..], |entry| entry.workspace.links());
    let held = |link: &Arc<Link>| {
        let hold = link.upstream().hold()?;
        Some(HeldServer {
            server: link.spec().slug.clone(),
            reason: hold.crash.to_string(),
            retry_after_ms: u64::try_from(hold.retry_after.as_millis()).unwrap_or(u64::MAX),
            often: hold.often,
        })
    };
    ControlReply::Held {
        servers: links.iter().filter_map(held).collect(),
    }
}

fn find<'a>(
    snapshot: &'a Snapshot,
    workspace: &WorkspaceSlug,
    server: &ServerSlug,
) -> Option<(&'a WorkspaceEntry, &'a Arc<Link>)> {
    let entry = snapshot.workspaces.get(workspace.as_str())?;
    Some((entry, entry.workspace.link(server)?))
}

fn unknown(workspace: &WorkspaceSlug, server: &ServerSlug) -> ControlReply {
    ControlReply::Failed {
        error: format!("workspace `{workspace}` has no enabled server `{server}`"),
        hint: Some(format!(
            "see `toolgatectl mcp list --workspace {workspace}`"
        )),
    }
}

async fn reload(gateway: &Arc<Gateway>) -> Result<u64, GatewayError> {
    let gateway = gateway.clone();
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let _entered = runtime.enter();
        gateway.reload()
    })
    .await
    .map_err(|_| GatewayError::Interrupted)?
}

fn failed(error: &GatewayError) -> ControlReply {
    ControlReply::Failed {
        error: error.to_string(),
        hint: error.hint(),
    }
}
