//! One entry of the table: a path with who may use it, what it takes, what it answers, and what does it.

use std::any::TypeId;
use std::fmt;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toolgate_admin::{Admin, Role, WorkspaceScope};
use toolgate_http::serve::Params;

use crate::Caller;
use crate::download::Download;
use crate::input::{self, Nothing};
use crate::live::Events;
use crate::problem::Problem;

/// Who may use a path (S-02). Each is also whoever may use the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthPolicy {
    /// Anybody. Such a path tells nothing of the installation.
    Public,
    /// Whoever holds a key or token that works. In a path with a workspace: of that workspace.
    Known,
    /// Whoever administers the workspace: an Admin token of it, or an operator.
    Admin,
    /// Who administers the installation.
    Operator,
}

impl AuthPolicy {
    /// Whether this caller may, once it is known that the workspace of the path is one of its own.
    pub(crate) fn allows(self, caller: &Caller) -> bool {
        match self {
            Self::Public | Self::Known => true,
            Self::Admin => caller.role() == Role::Admin,
            Self::Operator => caller.is_operator(),
        }
    }
}

/// What an act has to work with.
pub(crate) struct Act<'a> {
    /// The installation, acting as the caller.
    pub(crate) admin: &'a Admin,
    pub(crate) caller: &'a Caller,
    /// The workspace of the path, where it names one.
    pub(crate) workspace: Option<&'a WorkspaceScope>,
    pub(crate) params: &'a PathParams,
}

impl Act<'_> {
    /// The workspace of the path.
    pub(crate) fn scope(&self) -> Result<&WorkspaceScope, Problem> {
        // A path without one has no act that asks for it.
        self.workspace.ok_or_else(Problem::no_such_path)
    }

    /// A named segment of the path.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name)
    }
}

/// The named segments of a path, decoded.
#[derive(Debug, Default)]
pub(crate) struct PathParams(Vec<(&'static str, String)>);

impl PathParams {
    pub(crate) fn of(path: &'static str, found: &Params<'_>) -> Self {
        let values = names(path).filter_map(|name| Some((name, found.get(name)?.to_owned())));
        Self(values.collect())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }
}

/// The named segments of a path.
pub(crate) fn names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The query and the body of a request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) query: String,
    pub(crate) body: Bytes,
}

type Doing = Box<dyn Fn(&Act<'_>, &Asked) -> Result<Vec<u8>, Problem> + Send + Sync>;
type Opening = Box<dyn Fn(&Admin, &str, &Asked) -> Result<Vec<u8>, Problem> + Send + Sync>;
type Downloading = Box<dyn Fn(&Act<'_>, &Asked) -> Result<Download, Problem> + Send + Sync>;
type Feeding = Box<dyn Fn(&Act<'_>, &Asked, &mut Events<'_>) -> Result<(), Problem> + Send + Sync>;

/// How a request is answered.
pub(crate) enum Run {
    /// By one act, whose report is the answer.
    Act(Doing),
    /// By one act for whoever holds the code of the path, whose report is the answer.
    Open(Opening),
    /// By events as they happen.
    Feed(Feeding),
    /// By a file that is written while it is sent.
    Download(Downloading),
    /// By the document itself.
    Document,
    /// By a file of the dashboard.
    Asset,
    /// By who is signed in, and by signing in and out.
    Session,
}

/// A type as JSON Schema.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// One entry of the table.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: AuthPolicy,
    /// What programs call it.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) query: Option<Shape>,
    pub(crate) body: Option<Shape>,
    /// Whether an empty object says everything that has to be said.
    pub(crate) may_say_nothing: bool,
    pub(crate) status: StatusCode,
    pub(crate) reply: Shape,
    /// Members of the reply that are shown once, to whoever asked first.
    pub(crate) shown_once: &'static [&'static str],
    /// Changes nothing, whatever its method: it is done each time, and asked in any form.
    pub(crate) reads_only: bool,
    pub(crate) run: Run,
}

impl Operation {
    /// An act that takes a query and a body and answers a report.
    pub(crate) fn new<Q, B, R>(
        (method, path): (Method, &'static str),
        access: AuthPolicy,
        (id, summary): (&'static str, &'static str),
        act: fn(&Act<'_>, Q, B) -> Result<R, Problem>,
    ) -> Self
    where
        Q: DeserializeOwned + JsonSchema + 'static,
        B: DeserializeOwned + JsonSchema + 'static,
        R: Serialize + JsonSchema + 'static,
    {
        let reads_only = method == Method::GET;
        let takes_body = matches!(method, Method::POST | Method::PATCH | Method::PUT);
        Self {
            access,
            id,
            summary,
            query: shape_unless_nothing::<Q>(),
            body: takes_body.then_some(shape_of::<B>),
            may_say_nothing: serde_json::from_str::<B>("{}").is_ok(),
            status: StatusCode::OK,
            reply: shape_of::<R>,
            shown_once: &[],
            reads_only,
            run: Run::Act(Box::new(move |with, asked| {
                let query = input::query(&asked.query)?;
                let body = input::body(&asked.body)?;
                let report = act(with, query, body)?;
                serde_json::to_vec(&report).map_err(|_| Problem::broke_off())
            })),
            method,
            path,
        }
    }

    /// An act for whoever holds the code of the path, which is all they present.
    pub(crate) fn open<B, R>(
        (method, path): (Method, &'static str),
        (id, summary): (&'static str, &'static str),
        act: fn(&Admin, &str, B) -> Result<R, Problem>,
    ) -> Self
    where
        B: DeserializeOwned + JsonSchema + 'static,
        R: Serialize + JsonSchema + 'static,
    {
        let reads_only = method == Method::GET;
        let run = Run::Open(Box::new(move |admin, code, asked| {
            let Nothing {} = input::query(&asked.query)?;
            let report = act(admin, code, input::body(&asked.body)?)?;
            serde_json::to_vec(&report).map_err(|_| Problem::broke_off())
        }));
        Self {
            method,
            body: (!reads_only).then_some(shape_of::<B>),
            reply: shape_of::<R>,
            reads_only,
            ..Self::public(path, id, summary, run)
        }
    }

    /// Events as they happen, each of shape `R`.
    pub(crate) fn feed<Q, R>(
        path: &'static str,
        access: AuthPolicy,
        (id, summary): (&'static str, &'static str),
        follow: fn(&Act<'_>, Q, &mut Events<'_>) -> Result<(), Problem>,
    ) -> Self
    where
        Q: DeserializeOwned + JsonSchema + 'static,
        R: JsonSchema,
    {
        Self {
            method: Method::GET,
            path,
            access,
            id,
            summary,
            query: shape_unless_nothing::<Q>(),
            body: None,
            may_say_nothing: true,
            status: StatusCode::OK,
            reply: shape_of::<R>,
            shown_once: &[],
            reads_only: true,
            run: Run::Feed(Box::new(move |with, asked, events| {
                follow(with, input::query(&asked.query)?, events)
            })),
        }
    }

    /// A file, written while it is sent.
    pub(crate) fn download<Q>(
        path: &'static str,
        access: AuthPolicy,
        (id, summary): (&'static str, &'static str),
        open: fn(&Act<'_>, Q) -> Result<Download, Problem>,
    ) -> Self
    where
        Q: DeserializeOwned + JsonSchema + 'static,
    {
        Self {
            access,
            query: shape_unless_nothing::<Q>(),
            ..Self::public(
                path,
                id,
                summary,
                Run::Download(Box::new(move |with, asked| {
                    open(with, input::query(&asked.query)?)
                })),
            )
        }
    }

    /// Something that needs nobody to act.
    pub(crate) fn public(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        run: Run,
    ) -> Self {
        Self {
            method: Method::GET,
            path,
            access: AuthPolicy::Public,
            id,
            summary,
            query: None,
            body: None,
            may_say_nothing: true,
            status: StatusCode::OK,
            reply: shape_of::<serde_json::Value>,
            shown_once: &[],
            reads_only: true,
            run,
        }
    }

    /// Whether it is there for the dashboard's pages alone.
    pub(crate) fn is_for_browsers(&self) -> bool {
        matches!(self.run, Run::Session) || (matches!(self.run, Run::Asset) && self.path != "/")
    }

    /// It makes something.
    pub(crate) fn creates(self) -> Self {
        Self {
            status: StatusCode::CREATED,
            ..self
        }
    }

    /// These members of the reply are shown once.
    pub(crate) fn shows_once(self, shown_once: &'static [&'static str]) -> Self {
        Self { shown_once, ..self }
    }

    /// It changes nothing although its method is one that could.
    pub(crate) fn reads(self) -> Self {
        Self {
            reads_only: true,
            ..self
        }
    }
}

fn shape_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn shape_unless_nothing<T: JsonSchema + 'static>() -> Option<Shape> {
    (TypeId::of::<T>() != TypeId::of::<Nothing>()).then_some(inline_shape_of::<T> as Shape)
}

/// A query is no type of the document: each of its members is a parameter.
fn inline_shape_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.access)
    }
}
