//! Which links of servers may be put before a person (P11.6).

use toolgate_protocol::mcp::Question;
use url::{Host, Url};

/// Whether a question may be shown: its link, if it asks to visit one, is `https`, or `http` on the person's own
/// machine, where servers under development run.
pub(crate) fn may_show(question: &Question) -> bool {
    if question.params.text_ref("mode").as_deref() != Some("url") {
        return true;
    }
    let link = question.params.text_ref("url");
    let link = link.and_then(|link| Url::parse(&link).ok());
    link.is_some_and(|link| match link.scheme() {
        "https" => link.has_host(),
        "http" => is_own_machine(&link),
        _ => false,
    })
}

fn is_own_machine(link: &Url) -> bool {
    match link.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
