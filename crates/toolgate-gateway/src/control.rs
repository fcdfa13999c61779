//! The control socket: what only the running gateway can do, for the owner of the data directory.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use toolgate_namespace::{ServerSlug, WorkspaceSlug};
use toolgate_store::DataDir;
use toolgate_store::control::{self, ControlReply, ControlRequest, MAX_LINE_BYTES, ProbedTool};

use crate::error::GatewayError;
use crate::gateway::Gateway;

/// A connection that says nothing is closed after this long.
const IDLE: Duration = Duration::from_secs(5);

/// Listens in the data directory. A second gateway on the same directory goes without: the store's
/// change counter reaches it all the same.
pub(crate) fn open(gateway: &Arc<Gateway>, url: String) -> Result<(), GatewayError> {
    let path = gateway.dir().socket();
    let failed = |source| GatewayError::Control {
        path: path.clone(),
        source,
    };
    if std::os::unix::net::UnixStream::connect(&path).is_ok() {
        tracing::warn!(
            "another gateway already serves this data directory; it keeps the control socket"
        );
        return Ok(());
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = match UnixListener::bind(&path) {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            tracing::warn!(
                "the path of the data directory is too long for a control socket; changes still arrive within 10 ms, but `toolgatectl` cannot ask this gateway to probe servers"
            );
            return Ok(());
        }
        Err(error) => return Err(failed(error)),
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let (weak, drained) = (Arc::downgrade(gateway), gateway.drained());
    gateway.background().spawn(async move {
        tokio::select! {
            () = drained => {}
            () = accept(weak, listener, url) => {}
        }
    });
    Ok(())
}

/// Removes the socket; best effort, since a stale one is replaced at the next start.
pub(crate) fn close(dir: &DataDir) {
    let _ = std::fs::remove_file(dir.socket());
}

async fn accept(gateway: Weak<Gateway>, listener: UnixListener, url: String) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
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
        ControlRequest::Changed => match reload(gateway).await {
            Ok(generation) => ControlReply::Done { generation },
            Err(error) => failed(&error),
        },
        ControlRequest::Probe { workspace, server } => probe(gateway, &workspace, &server).await,
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
    let Some((entry, link)) = snapshot
        .workspaces
        .get(workspace.as_str())
        .and_then(|entry| Some((entry, entry.workspace.link(server)?)))
    else {
        return ControlReply::Failed {
            error: format!("workspace `{workspace}` has no enabled server `{server}`"),
            hint: Some(format!(
                "see `toolgatectl mcp list --workspace {workspace}`"
            )),
        };
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
            hint: None,
        };
    }
    let catalog = entry.workspace.catalog();
    let tools = catalog
        .tools()
        .iter()
        .filter(|tool| Arc::ptr_eq(&tool.link, link))
        .map(|tool| ProbedTool {
            name: tool.definition.name.to_string(),
            exposed: tool.exposed.as_str().to_owned(),
            classification: tool.classification,
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
