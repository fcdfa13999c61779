//! Every path there is, with who may come through (S-02).

use std::sync::LazyLock;

use hyper::Method;
use toolgate_http::serve::{Found, Params, Routes};

/// Who may come through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthPolicy {
    /// Anybody. Such a door leads to no workspace.
    Public,
    /// The bearer of a token of the workspace the path names, or its guest where it takes guests.
    Token,
}

/// What is behind a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Liveness.
    Health,
    /// Whether requests should be sent here.
    Ready,
    /// One message, or a batch, to the MCP endpoint.
    Message,
    /// A stream of a session, which the request has to name.
    Stream,
    /// The stream of 2024-11-05, or of a session when the request names one (P6.16).
    OldStream,
    /// The end of a session, which the request has to name.
    End,
    /// One message of a client of 2024-11-05, to the connection its query names (P6.17).
    OldMessage,
}

/// Where a request leads.
#[derive(Debug)]
pub(super) struct Door<'p> {
    pub(super) access: AuthPolicy,
    pub(super) room: Room,
    params: Params<'p>,
}

/// Why a request leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoDoor {
    /// No such path.
    Unknown,
    /// There is one, for these methods.
    Method(String),
}

impl<'p> Door<'p> {
    /// Finds the door. A query is refused everywhere but where the gateway itself asked for one: the only other
    /// thing that was ever put there is a token (S-25).
    pub(super) fn find(
        method: &Method,
        path: &'p str,
        query: Option<&str>,
    ) -> Result<Self, NoDoor> {
        let found = match ROUTES.find(method, path) {
            Found::Route(found) => found,
            Found::MethodNotAllowed { allow } => return Err(NoDoor::Method(allow)),
            Found::NotFound | Found::BadPath => return Err(NoDoor::Unknown),
        };
        let room = *found.handler;
        let has_query = query.is_some_and(|query| !query.is_empty());
        let is_fine = match room {
            Room::Health | Room::Ready => true,
            Room::OldMessage => query.is_some_and(|query| query.starts_with(CONNECTION)),
            Room::Message | Room::Stream | Room::OldStream | Room::End => !has_query,
        };
        if !is_fine {
            return Err(NoDoor::Unknown);
        }
        Ok(Self {
            access: *found.access,
            room,
            params: found.params,
        })
    }

    /// The workspace the path names; empty where it names none.
    pub(super) fn slug(&self) -> &str {
        self.params.get("slug").unwrap_or_default()
    }
}

/// What the query of [`Room::OldMessage`] begins with, before the connection's id.
pub(super) const CONNECTION: &str = "session=";

/// All of it. The first is the one that is used most.
static ROUTES: LazyLock<Routes<AuthPolicy, Room>> = LazyLock::new(|| {
    use AuthPolicy::{Public, Token};
    let mut routes = Routes::new();
    for path in ["/ws/{slug}", "/api/gateway/ws/{slug}"] {
        routes = routes
            .route(Method::POST, path, Token, Room::Message)
            .route(Method::GET, path, Token, Room::Stream)
            .route(Method::DELETE, path, Token, Room::End);
    }
    for path in ["/ws/{slug}/sse", "/api/gateway/ws/{slug}/sse"] {
        routes = routes
            .route(Method::POST, path, Token, Room::Message)
            .route(Method::GET, path, Token, Room::OldStream)
            .route(Method::DELETE, path, Token, Room::End);
    }
    for path in ["/ws/{slug}/messages", "/api/gateway/ws/{slug}/messages"] {
        routes = routes.route(Method::POST, path, Token, Room::OldMessage);
    }
    for (path, room) in [
        ("/health", Room::Health),
        ("/health/live", Room::Health),
        ("/health/ready", Room::Ready),
    ] {
        routes =
            routes
                .route(Method::GET, path, Public, room)
                .route(Method::HEAD, path, Public, room);
    }
    routes
});

/// Every route with who may use it, for the reviewed list and for proofs that go through all of them (S-02, S-46).
pub fn routes() -> impl Iterator<Item = (&'static Method, &'static str, AuthPolicy)> {
    ROUTES
        .inventory()
        .map(|(method, pattern, access)| (method, pattern, *access))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &Method, path: &str, expected: Option<(&str, Room)>) {
        let door = Door::find(method, path, None).ok();
        let found = door.as_ref().map(|door| (door.slug(), door.room));
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn every_alias_leads_to_the_workspace() {
        check(&Method::POST, "/ws/team", Some(("team", Room::Message)));
        check(&Method::POST, "/ws/team/sse", Some(("team", Room::Message)));
        check(
            &Method::GET,
            "/ws/team/sse",
            Some(("team", Room::OldStream)),
        );
        check(&Method::GET, "/ws/team", Some(("team", Room::Stream)));
        let alias = "/api/gateway/ws/team";
        check(&Method::DELETE, alias, Some(("team", Room::End)));
        for nowhere in [
            "/ws/",
            "/ws/a/b",
            "/ws",
            "/",
            "/ws/a%2fb",
            "/ws/..",
            "/WS/team",
        ] {
            check(&Method::POST, nowhere, None);
        }
    }

    #[test]
    fn s25_a_query_leads_nowhere() {
        for path in ["/ws/team", "/ws/team/sse", "/ws/team/messages"] {
            let found = Door::find(&Method::POST, path, Some("token=mwt_x"));
            assert_eq!(found.err(), Some(NoDoor::Unknown), "{path}");
        }
        let found = Door::find(&Method::POST, "/ws/team/messages", None);
        assert_eq!(found.err(), Some(NoDoor::Unknown));
    }

    #[test]
    fn p6_17_messages_belong_to_a_connection() {
        let door = Door::find(&Method::POST, "/ws/team/messages", Some("session=abc"));
        assert_eq!(door.unwrap().room, Room::OldMessage);
    }

    #[test]
    fn p5_4_other_methods_are_told_which_there_are() {
        let refused = Door::find(&Method::PUT, "/ws/team", None).err();
        assert_eq!(refused, Some(NoDoor::Method("POST, GET, DELETE".into())));
        let refused = Door::find(&Method::GET, "/ws/team/messages", None).err();
        assert_eq!(refused, Some(NoDoor::Method("POST".into())));
    }
}
