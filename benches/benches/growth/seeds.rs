//! Filling an installation through the library, since tens of thousands of commands would take hours.

use toolgate_admin::{
    Admin, EraSetting, HttpKind, Isolation, NewServer, NewToken, NewTransport, Prefix, Trust,
};
use toolgate_benches::House;

/// Makes tokens until there are `count`, with tool rules, none of which the load uses.
pub(crate) fn tokens(house: &House, have: u64, count: u64) {
    let (admin, scope) = house.admin();
    let new = NewToken {
        tools: vec!["s*__*".to_owned(), "!s*__delete*".to_owned()],
        ..NewToken::named("seeded")
    };
    for _ in have..count {
        admin.create_token(&scope, &new).expect("a token");
    }
}

/// Makes workspaces until there are `count`, each with its first token and a server.
pub(crate) fn workspaces(house: &House, have: u64, count: u64, url: &str) {
    let (admin, _) = house.admin();
    for number in have..count {
        let made = admin.create_workspace(&format!("Seeded {number}"), "");
        let made = made.expect("a workspace");
        server(&admin, &made.slug, url);
    }
}

fn server(admin: &Admin, workspace: &str, url: &str) {
    let scope = admin.scope(workspace).expect("it was made");
    let new = NewServer {
        slug: "s1".to_owned(),
        transport: NewTransport::Http {
            url: url.to_owned(),
            http: HttpKind::Streamable,
            bearer: None,
            headers: Vec::new(),
            allow_metadata: false,
        },
        prefix: Prefix::Slug,
        era: EraSetting::Auto,
        isolation: Isolation::Auto,
        timeout: None,
        trust: Trust::default(),
    };
    admin.add_server(&scope, &new).expect("a server");
}
