//! An installation of its own for each test, and a gateway that only answers the control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;
use toolgate_admin::{
    Actor, Admin, DataDir, EraSetting, HttpKind, Isolation, NewServer, NewTransport, Prefix, Trust,
    WorkspaceScope,
};
use toolgate_store::control::{ControlReply, ControlRequest, decode_request, encode_reply};
use toolgate_store::{Open, Store, ToolRow, ToolState};
use toolgate_vault::{MasterKey, MasterKeySource};

/// An opened installation.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
    pub(crate) admin: Admin,
}

impl Home {
    /// A new one without a workspace.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let admin = Admin::open(DataDir::new(folder.path().join("tg")), actor()).unwrap();
        Self { folder, admin }
    }

    /// A new one with a workspace `team`.
    pub(crate) fn with_team() -> (Self, WorkspaceScope) {
        let home = Self::new();
        home.admin.create_workspace("team", "").unwrap();
        let scope = home.admin.scope("team").unwrap();
        (home, scope)
    }

    pub(crate) fn dir(&self) -> DataDir {
        DataDir::new(self.folder.path().join("tg"))
    }

    /// A second connection to the same store, as the gateway has one.
    pub(crate) fn store(&self) -> Store {
        use std::os::unix::fs::MetadataExt;

        let dir = self.dir();
        let owner = std::fs::metadata(dir.key_file()).unwrap().uid();
        let key = MasterKey::load(MasterKeySource::File(dir.key_file()), owner).unwrap();
        let store = Store::open(&dir, Open::MustExist).unwrap();
        store.unlock(Arc::new(key), &Actor::gateway()).unwrap()
    }

    /// Saves tools of a server the way the gateway does after contacting it.
    pub(crate) fn save_tools(&self, scope: &WorkspaceScope, server: &str, tools: &[(&str, &str)]) {
        let store = self.store();
        let server = store.server(scope, &server.try_into().unwrap()).unwrap().id;
        let rows: Vec<ToolRow> = tools
            .iter()
            .zip(0..)
            .map(|((name, annotations), position)| ToolRow {
                server: server.clone(),
                name: (*name).to_owned(),
                position,
                definition: format!(
                    r#"{{"name":"{name}","description":"Does {name}","inputSchema":{{}},"annotations":{annotations}}}"#
                )
                .into_bytes(),
                hash: [7; 32],
                classification: None,
                enabled: true,
                state: ToolState::Approved,
                offer: None,
                reason: None,
                present: true,
            })
            .collect();
        store
            .save_tools(scope, &Actor::gateway(), &server, &rows)
            .unwrap();
    }

    /// Every file of the data directory.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.dir().path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

pub(crate) fn actor() -> Actor {
    Actor::operator("test")
}

/// A server at a public address, which nothing contacts.
pub(crate) fn http(slug: &str, url: &str) -> NewServer {
    server(
        slug,
        NewTransport::Http {
            url: url.to_owned(),
            http: HttpKind::Auto,
            bearer: None,
            headers: Vec::new(),
            allow_metadata: false,
        },
    )
}

/// The same with a bearer.
pub(crate) fn bearer(slug: &str, secret: &str) -> NewServer {
    server(
        slug,
        NewTransport::Http {
            url: "https://1.1.1.1/mcp".to_owned(),
            http: HttpKind::Auto,
            bearer: Some(secret.to_owned()),
            headers: Vec::new(),
            allow_metadata: false,
        },
    )
}

pub(crate) fn server(slug: &str, transport: NewTransport) -> NewServer {
    NewServer {
        slug: slug.to_owned(),
        transport,
        prefix: Prefix::Slug,
        era: EraSetting::Auto,
        isolation: Isolation::Auto,
        timeout: None,
        trust: Trust::default(),
    }
}

/// Answers the control socket of a data directory until it is dropped, and remembers what it was asked.
pub(crate) struct FakeGateway {
    socket: PathBuf,
    asked: Arc<Mutex<Vec<ControlRequest>>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeGateway {
    pub(crate) fn start(
        dir: &DataDir,
        answer: impl Fn(&ControlRequest) -> ControlReply + Send + 'static,
    ) -> Self {
        let listener = UnixListener::bind(dir.socket()).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                // An empty connection is the sign to stop.
                if line.is_empty() {
                    break;
                }
                let request = decode_request(line.as_bytes()).unwrap();
                let reply = encode_reply(&answer(&request));
                // Remembered first: whoever was answered may look at once.
                log.lock().unwrap().push(request);
                stream.write_all(&reply).unwrap();
            }
        });
        Self {
            socket: dir.socket(),
            asked,
            thread: Some(thread),
        }
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<ControlRequest> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for FakeGateway {
    fn drop(&mut self) {
        drop(UnixStream::connect(&self.socket));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        std::fs::remove_file(&self.socket).unwrap();
    }
}
