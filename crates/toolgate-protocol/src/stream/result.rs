//! The answer to one request, taken in chunks: its result comes out in chunks.

use std::borrow::Cow;
use std::mem;
use std::ops::Range;

use bytes::Bytes;

use super::blocks::Blocks;
use super::scan::{Scan, Watch};
use crate::json::{decode_value, quote_into};
use crate::jsonrpc::is_misspelt;
use crate::mcp::{adapt_result, content};
use crate::{Era, Json, JsonError, JsonLimits, Object, ObjectEdit, Revision};

/// Members of a result that mean something to the gateway, or that not every client may see. What is changed of
/// them comes at the end.
const HELD: [&str; 6] = [
    "resultType",
    "ttlMs",
    "cacheScope",
    "inputRequests",
    "requestState",
    "_meta",
];

/// For whom a result is.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The method that was called.
    pub method: Cow<'static, str>,
    /// The client's revision.
    pub to: Revision,
    /// What the gateway says of itself.
    pub server_info: Json,
}

/// Why a result cannot go on as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPass {
    /// The text is refused.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is not the result of the request, or one that somebody has to look at as a whole; says what.
    #[error("reading a result: {0}")]
    Other(&'static str),
}

/// What was noticed of a result by its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassEnd {
    /// The result's last bytes.
    pub rest: Bytes,
    /// `isError` was true (P4.6).
    pub is_error: bool,
    /// The URIs that its blocks named (P9.16), a bounded number.
    pub uris: Vec<String>,
}

/// A result on its way.
///
/// White space stays as it is; members left out take their comma with them. What comes out is what [`adapt_result`]
/// gives, the members that it changes or adds at the end.
#[derive(Debug)]
pub struct ResultPass {
    scan: Scan,
    router: Router,
}

impl ResultPass {
    /// Whether results of this method may go on as they come: those that nobody on the way has to read whole.
    pub fn is_for(method: &str) -> bool {
        matches!(method, "tools/call" | "resources/read" | "prompts/get")
    }

    /// For the answer to the request with this id, from a server of this revision, on its way to this client.
    pub fn new(id: u64, from: Revision, audience: Audience) -> Self {
        Self {
            scan: Scan::new(&JsonLimits::UPSTREAM),
            router: Router::new(id, from, audience),
        }
    }

    /// Takes a chunk in; what is decided of the result is added to `out`.
    pub fn push(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<(), NoPass> {
        let router = &mut self.router;
        router.chunk = chunk.clone();
        router.start_chunk();
        self.scan.push(chunk, router)?;
        router.chunk_ends();
        if let Some(what) = router.fault {
            return Err(NoPass::Other(what));
        }
        out.append(&mut router.out);
        Ok(())
    }

    /// Whether the result has begun and nothing stands against handing it on to this client before it is whole.
    pub fn suits(&self) -> bool {
        let (router, audience) = (&self.router, &self.router.audience);
        let to = audience.to;
        let converts = matches!(&*audience.method, "tools/call" | "prompts/get")
            && content::needs_conversion(router.from, to);
        if router.place == Place::Before || router.fault.is_some() || converts {
            return false;
        }
        // A server that asks says so in members that may be long, and perhaps only behind them that it does.
        if router.from.era() == Era::Modern && router.kind != Kind::Answers {
            return false;
        }
        if audience.method != "tools/call" || to.era() == Era::Modern {
            return true;
        }
        // What would be dropped needs a text in its place (P9.11).
        match router.structured {
            Some(first) => !drops_structured(first, to),
            None => router.blocks.has_text(),
        }
    }

    /// The answer is over.
    pub fn end(mut self) -> Result<PassEnd, NoPass> {
        let router = &mut self.router;
        router.chunk = Bytes::new();
        router.start_chunk();
        self.scan.end(router)?;
        if router.place != Place::After || !router.envelope.is_version_2 {
            return Err(NoPass::Other("an answer that is no result"));
        }
        router.small.push(b'}');
        let small = Json::trusted(mem::take(&mut router.small).into());
        let mut rest = Vec::new();
        if let Some(added) = router.adapted(&small) {
            let kept = |name: &str| !router.kept.contains(&name);
            let added = added.edit().retain(kept).finish();
            let added = &added[1..added.len() - 1];
            if router.has_member && !added.is_empty() {
                rest.push(b',');
            }
            rest.extend_from_slice(added);
        }
        rest.extend_from_slice(&router.tail);
        Ok(PassEnd {
            rest: rest.into(),
            is_error: router.is_error,
            uris: mem::take(&mut router.blocks).into_uris(),
        })
    }
}

/// Whether a value is this string, however it is spelt.
fn says(value: &[u8], text: &str) -> bool {
    std::str::from_utf8(value).is_ok() && decode_value(value).as_deref() == Some(text)
}

/// Structured results came with 2025-06-18 and are objects before 2026-07-28 (P9.11).
fn drops_structured(first: u8, to: Revision) -> bool {
    to.era() == Era::Legacy && (to <= Revision::V2025_03_26 || first != b'{')
}

/// Where the scan is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Inside,
    After,
}

/// What the members of a result tell of it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Open,
    /// One has begun that is not held back.
    Answers,
    /// One has begun that only results have that ask for input.
    MayAsk,
}

/// What becomes of the bytes that come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Goes {
    #[default]
    Nowhere,
    /// Into the value of a member of the envelope.
    Envelope,
    /// What leads to a member's value, from the end of the one before: goes where the value goes.
    Lead,
    /// Into a member that is held back.
    Held,
    Out,
}

/// What was right about the envelope so far.
#[derive(Debug, Default)]
struct Envelope {
    has_id: bool,
    is_version_2: bool,
}

/// Takes each part of the text where it belongs.
#[derive(Debug)]
struct Router {
    id: u64,
    from: Revision,
    audience: Audience,
    place: Place,
    goes: Goes,
    /// Why it cannot go on.
    fault: Option<&'static str>,

    chunk: Bytes,
    /// Where the bytes begin that were not taken anywhere yet.
    at: usize,
    /// Those that go out, as far as they lie in this chunk without a gap.
    open: Option<Range<usize>>,
    lead: Vec<u8>,
    /// Small pieces of what goes out, gathered.
    gathered: Vec<u8>,
    out: Vec<Bytes>,

    /// The name of the member of the envelope, then of the result, that is being read.
    root: Vec<u8>,
    member: Vec<u8>,
    /// The value of the member of the envelope.
    value: Vec<u8>,
    envelope: Envelope,

    /// An object of the members that were held back, and where the value of the last one begins.
    small: Vec<u8>,
    held_from: usize,
    /// Those among them that went out as they are.
    kept: Vec<&'static str>,
    /// Some member went out.
    has_member: bool,
    kind: Kind,
    is_error: bool,
    /// The first byte of the structured content.
    structured: Option<u8>,
    blocks: Blocks,
    /// The end of the result, its bracket.
    tail: Vec<u8>,
}

/// Longest id or version of an envelope, with every character escaped.
const ENVELOPE_VALUE_MAX: usize = 4 * 1024;
/// From this size on a part of its own costs less than a copy.
const SLICE_MIN: usize = 4 * 1024;

impl Router {
    fn new(id: u64, from: Revision, audience: Audience) -> Self {
        Self {
            id,
            from,
            audience,
            place: Place::Before,
            goes: Goes::Nowhere,
            fault: None,
            chunk: Bytes::new(),
            at: 0,
            open: None,
            lead: Vec::new(),
            gathered: Vec::new(),
            out: Vec::new(),
            root: Vec::new(),
            member: Vec::new(),
            value: Vec::new(),
            envelope: Envelope::default(),
            small: b"{".to_vec(),
            held_from: 0,
            kept: Vec::new(),
            has_member: false,
            kind: Kind::default(),
            is_error: false,
            structured: None,
            blocks: Blocks::default(),
            tail: Vec::new(),
        }
    }

    fn fail(&mut self, what: &'static str) {
        self.fault.get_or_insert(what);
    }

    fn start_chunk(&mut self) {
        self.at = 0;
        self.open = None;
    }

    /// Takes the bytes before `at` where they go.
    fn take(&mut self, at: usize) {
        let range = mem::replace(&mut self.at, at)..at;
        match self.goes {
            Goes::Nowhere | Goes::Lead if range.is_empty() => {}
            Goes::Nowhere => {}
            Goes::Lead => self.lead.extend_from_slice(&self.chunk[range]),
            Goes::Envelope if self.value.len() + range.len() > ENVELOPE_VALUE_MAX => {
                self.fail("an envelope that is too long");
            }
            Goes::Envelope => self.value.extend_from_slice(&self.chunk[range]),
            Goes::Held => self.small.extend_from_slice(&self.chunk[range]),
            Goes::Out => match &mut self.open {
                Some(open) if open.end == range.start => open.end = range.end,
                _ => {
                    self.close();
                    self.open = Some(range);
                }
            },
        }
    }

    /// What lies together goes out.
    fn close(&mut self) {
        match self.open.take() {
            Some(open) if open.len() >= SLICE_MIN => {
                self.flush();
                self.out.push(self.chunk.slice(open));
            }
            Some(open) => self.gathered.extend_from_slice(&self.chunk[open]),
            None => {}
        }
    }

    fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.out.push(mem::take(&mut self.gathered).into());
        }
    }

    fn chunk_ends(&mut self) {
        self.take(self.chunk.len());
        self.close();
        self.flush();
        self.chunk = Bytes::new();
    }

    /// A member of the envelope begins.
    fn root_begins(&mut self, first: u8, at: usize) {
        self.take(at);
        self.goes = Goes::Nowhere;
        match &*self.root {
            b"jsonrpc" | b"id" => {
                self.value.clear();
                self.goes = Goes::Envelope;
            }
            b"result" if first != b'{' => self.fail("a result that is not an object"),
            b"result" if !self.envelope.has_id => self.fail("a result before its id"),
            b"result" => {
                self.place = Place::Inside;
                self.goes = Goes::Out;
                self.take(at + 1);
                self.goes = Goes::Lead;
            }
            b"error" | b"method" => self.fail("not a plain result"),
            name if std::str::from_utf8(name).is_ok_and(is_misspelt) => {
                self.fail("a misspelt envelope");
            }
            _ => {}
        }
    }

    fn root_ends(&mut self, at: usize) {
        self.take(at);
        match &*self.root {
            b"id" => {
                // Our own ids are numbers.
                let id = std::str::from_utf8(&self.value).ok();
                self.envelope.has_id = id.is_some_and(|id| id.parse() == Ok(self.id));
                if !self.envelope.has_id {
                    self.fail("another request's answer");
                }
            }
            b"jsonrpc" => {
                self.envelope.is_version_2 = says(&self.value, "2.0");
                if !self.envelope.is_version_2 {
                    self.fail("another version of JSON-RPC");
                }
            }
            b"result" if self.place == Place::Inside => {
                self.place = Place::After;
                self.tail = mem::take(&mut self.lead);
            }
            _ => {}
        }
        self.goes = Goes::Nowhere;
    }

    /// A member of the result begins.
    fn member_begins(&mut self, first: u8, at: usize) {
        self.take(at);
        self.blocks.member(&self.member, first);
        let is_structured = &*self.member == b"structuredContent";
        if is_structured {
            self.structured = Some(first);
        }
        let drops = is_structured
            && self.audience.method == "tools/call"
            && drops_structured(first, self.audience.to);
        if drops && !self.blocks.has_text() {
            self.fail("structured content that this client cannot be given");
        }
        if let Some(name) = self.held_name() {
            if matches!(name, "inputRequests" | "requestState") {
                self.kind = Kind::MayAsk;
            }
            if self.small.len() > 1 {
                self.small.push(b',');
            }
            quote_into(&mut self.small, name);
            self.small.push(b':');
            self.held_from = self.small.len();
            self.goes = Goes::Held;
            return;
        }
        if self.kind == Kind::Open {
            self.kind = Kind::Answers;
        }
        if drops {
            self.lead.clear();
            self.goes = Goes::Nowhere;
        } else {
            if &*self.member == b"isError" {
                self.is_error = first == b't';
            }
            self.lead_out();
            self.goes = Goes::Out;
        }
    }

    /// The member that is being read, if it is held back.
    fn held_name(&self) -> Option<&'static str> {
        let is_this = |name: &&str| name.as_bytes() == self.member;
        HELD.into_iter().find(is_this)
    }

    /// Some members of the result as the client may see them.
    fn adapted(&self, members: &Json) -> Option<Object> {
        let Audience {
            method,
            to,
            server_info,
        } = &self.audience;
        let adapted = adapt_result(method, members, self.from, *to, server_info);
        Json::trusted(adapted).object()
    }

    /// The lead goes out, without the comma that belongs to members before that do not.
    fn lead_out(&mut self) {
        let first = self
            .lead
            .iter()
            .position(|byte| matches!(byte, b',' | b'"'));
        if let Some(comma) = first.filter(|at| self.lead[*at] == b',' && !self.has_member) {
            self.lead.remove(comma);
        }
        self.has_member = true;
        self.close();
        self.gathered.append(&mut self.lead);
    }

    fn member_ends(&mut self, at: usize) {
        self.take(at);
        if let Some(name) = self.held_name() {
            self.held_ends(name);
        }
        self.goes = Goes::Lead;
    }

    /// What is not changed goes on in its place.
    fn held_ends(&mut self, name: &'static str) {
        let value = self.small[self.held_from..].to_vec();
        if std::str::from_utf8(&value).is_err() {
            return self.fail("a member that is not UTF-8");
        }
        let asks = name == "resultType" && !says(&value, "complete");
        if asks && self.from.era() == Era::Modern {
            return self.fail("a result of another type");
        }
        let alone = ObjectEdit::new().set(name, Json::trusted(value.clone().into()));
        let adapted = self.adapted(&alone.json());
        if adapted.is_some_and(|adapted| adapted.raw(name) == Some(&*value)) {
            self.kept.push(name);
            self.lead_out();
            self.gathered.extend_from_slice(&value);
        } else {
            self.lead.clear();
        }
    }
}

impl Watch for Router {
    fn name(&mut self, depth: usize, name: &[u8]) {
        match depth {
            1 => name.clone_into(&mut self.root),
            2 if self.place == Place::Inside => name.clone_into(&mut self.member),
            _ if self.place == Place::Inside => self.blocks.name(depth, name),
            _ => {}
        }
    }

    fn value_begins(&mut self, depth: usize, first: u8, at: usize) -> bool {
        match depth {
            0 => {
                if first != b'{' {
                    self.fail("no single message");
                }
                true
            }
            1 => {
                self.root_begins(first, at);
                self.place == Place::Inside
            }
            _ if self.place != Place::Inside => false,
            2 => {
                self.member_begins(first, at);
                self.blocks.looks()
            }
            _ if matches!(first, b'{' | b'[') => true,
            _ => self.blocks.wants(depth),
        }
    }

    fn value_ends(&mut self, depth: usize, at: usize, text: &[u8]) {
        match depth {
            0 => {}
            1 => self.root_ends(at),
            _ if self.place != Place::Inside => {}
            2 => self.member_ends(at),
            _ => self.blocks.value_ends(depth, text),
        }
    }
}
