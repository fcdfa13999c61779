//! `initialize` and `server/discover`, read and written.

use bytes::Bytes;

use super::meta;
use crate::client::SUPPORTED_VERSIONS;
use crate::{Era, Json, Object, ObjectEdit, Revision, RpcError, codes};

/// What a legacy client says of itself.
#[derive(Debug, Clone)]
pub struct InitializeParams {
    /// The revision it asks for, known to us or not; see [`crate::client::negotiate`].
    pub protocol_version: String,
    /// What it can do.
    pub capabilities: Object,
    /// Who it is.
    pub client_info: Json,
}

impl InitializeParams {
    /// Reads the params of `initialize`; -32602 when a member is missing or of the wrong type.
    pub fn parse(params: &Object) -> Result<Self, RpcError> {
        let wrong = |what| RpcError::new(codes::INVALID_PARAMS, what);
        Ok(Self {
            protocol_version: params
                .text("protocolVersion")
                .ok_or_else(|| wrong("protocolVersion must be a string"))?,
            capabilities: params
                .object("capabilities")
                .ok_or_else(|| wrong("capabilities must be an object"))?,
            client_info: params
                .object("clientInfo")
                .ok_or_else(|| wrong("clientInfo must be an object"))?
                .into_json(),
        })
    }

    /// The client's name, for records.
    pub fn client_name(&self) -> Option<String> {
        self.client_info.object()?.text("name")
    }
}

/// The result of `initialize` (P6.1, P9.27, P9.31); `extensions` is no member of capabilities there.
pub fn initialize_result(
    revision: Revision,
    capabilities: &Json,
    server_info: &Json,
    instructions: Option<&str>,
) -> Bytes {
    let result = ObjectEdit::new()
        .set("protocolVersion", Json::from_text(revision.as_str()))
        .set("capabilities", without(capabilities, "extensions"))
        .set("serverInfo", server_info.clone());
    with_instructions(result, instructions).finish()
}

/// The result of `server/discover` (P9.32): `tasks` is no member of capabilities there.
pub fn discover_result(
    capabilities: &Json,
    server_info: &Json,
    instructions: Option<&str>,
) -> Bytes {
    let versions: Vec<Json> = SUPPORTED_VERSIONS
        .iter()
        .map(|revision| Json::from_text(revision.as_str()))
        .collect();
    let own_meta = ObjectEdit::new().set(meta::SERVER_INFO, server_info.clone());
    let result = ObjectEdit::new()
        .set("resultType", Json::from_text("complete"))
        .set("supportedVersions", Json::list(&versions))
        .set("capabilities", without(capabilities, "tasks"));
    with_instructions(result, instructions)
        .set("ttlMs", Json::number(0))
        .set("cacheScope", Json::from_text("private"))
        .set("_meta", own_meta.json())
        .finish()
}

fn without(capabilities: &Json, member: &str) -> Json {
    capabilities
        .object()
        .map_or_else(Json::empty_object, |capabilities| {
            capabilities.edit().remove(member).json()
        })
}

fn with_instructions(result: ObjectEdit, instructions: Option<&str>) -> ObjectEdit {
    match instructions {
        Some(text) => result.set("instructions", Json::from_text(text)),
        None => result,
    }
}

/// What a server says of itself, in either era (P9.30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSnapshot {
    /// The revision spoken with it.
    pub revision: Revision,
    /// What it can do.
    pub capabilities: Json,
    /// Who it is; `{}` when a modern server does not say.
    pub server_info: Json,
    /// How it wants to be used.
    pub instructions: Option<String>,
}

/// An `initialize` or `server/discover` result that says too little.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSnapshot {
    /// The result is not an object, or a member is missing or of the wrong type.
    #[error("reading a handshake result: member {0} is missing or of the wrong type")]
    Member(&'static str),
    /// The server offers no revision that we speak in this era (P8.5).
    #[error("reading a handshake result: no common revision")]
    NoCommonRevision,
}

impl ServerSnapshot {
    /// Reads the result of `initialize` (P8.5): any legacy revision we know.
    pub fn from_initialize(result: &Json) -> Result<Self, InvalidSnapshot> {
        let members = result.object().ok_or(InvalidSnapshot::Member("result"))?;
        let version = members
            .text_ref("protocolVersion")
            .ok_or(InvalidSnapshot::Member("protocolVersion"))?;
        let revision = Revision::parse(&version)
            .filter(|revision| revision.era() == Era::Legacy)
            .ok_or(InvalidSnapshot::NoCommonRevision)?;
        let server_info = members
            .object("serverInfo")
            .ok_or(InvalidSnapshot::Member("serverInfo"))?;
        Self::read(&members, revision, Some(server_info))
    }

    /// Reads the result of `server/discover` (P8.1 step 1): the best common modern revision.
    pub fn from_discover(result: &Json) -> Result<Self, InvalidSnapshot> {
        let members = result.object().ok_or(InvalidSnapshot::Member("result"))?;
        let versions = members
            .get("supportedVersions")
            .and_then(|versions| versions.array())
            .ok_or(InvalidSnapshot::Member("supportedVersions"))?;
        let revision = versions
            .iter()
            .filter_map(|version| Revision::parse(&version.text()?))
            .filter(|revision| revision.era() == Era::Modern)
            .max()
            .ok_or(InvalidSnapshot::NoCommonRevision)?;
        let server_info = members
            .object("_meta")
            .and_then(|meta| meta.object(meta::SERVER_INFO));
        Self::read(&members, revision, server_info)
    }

    /// Snapshots are kept, so they let go of the message they came in.
    fn read(
        members: &Object,
        revision: Revision,
        server_info: Option<Object>,
    ) -> Result<Self, InvalidSnapshot> {
        let capabilities = members
            .object("capabilities")
            .ok_or(InvalidSnapshot::Member("capabilities"))?;
        Ok(Self {
            revision,
            capabilities: capabilities.json().detached(),
            server_info: server_info.unwrap_or_default().json().detached(),
            instructions: members.text("instructions").filter(|text| !text.is_empty()),
        })
    }
}
