//! S-57, S-37: who may say on whose behalf they come.

use std::net::IpAddr;

use hyper::HeaderMap;
use toolgate_http::serve::{Network, Proxies, one_source};

fn proxies(named: &[&str]) -> Proxies {
    Proxies::new(named.iter().map(|text| text.parse().unwrap()).collect())
}

#[track_caller]
fn check(named: &[&str], peer: &str, forwarded: &[&str], expected: &str) {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append("x-forwarded-for", value.parse().unwrap());
    }
    let source = proxies(named).source(peer.parse().unwrap(), &headers);
    assert_eq!(source, expected.parse::<IpAddr>().unwrap(), "{forwarded:?}");
}

#[test]
fn s57_only_a_named_proxy_is_believed() {
    let ours = &["10.0.0.2", "2001:db8::/32"];
    check(&[], "127.0.0.1", &["192.0.2.1"], "127.0.0.1");
    check(ours, "192.0.2.9", &["192.0.2.1"], "192.0.2.9");
    check(ours, "10.0.0.3", &["192.0.2.1"], "10.0.0.3");
    check(ours, "10.0.0.2", &["192.0.2.1"], "192.0.2.1");
    check(ours, "::ffff:10.0.0.2", &["192.0.2.1"], "192.0.2.1");
    check(ours, "2001:db8:5::1", &["192.0.2.1"], "192.0.2.1");
}

#[test]
fn s37_the_last_hop_that_is_no_proxy_counts() {
    let ours = &["10.0.0.0/8"];
    let check = |forwarded: &[&str], expected| check(ours, "10.0.0.2", forwarded, expected);
    check(&[], "10.0.0.2");
    // What the client itself wrote stands in front and counts for nothing.
    check(&["1.2.3.4, 192.0.2.1"], "192.0.2.1");
    check(&["1.2.3.4", "192.0.2.1"], "192.0.2.1");
    check(&["192.0.2.1, 10.0.0.9"], "192.0.2.1");
    check(&["192.0.2.1", "10.0.0.9 , 10.1.1.1"], "192.0.2.1");
    check(&["192.0.2.1:4711"], "192.0.2.1");
    check(&["[2001:db8::1]:4711"], "2001:db8::1");
    check(&["[2001:db8::1]"], "2001:db8::1");
    check(&["2001:db8::1"], "2001:db8::1");
    check(&["::ffff:192.0.2.1"], "192.0.2.1");
    check(&["10.0.0.9"], "10.0.0.2");
    // What can't be read isn't guessed at.
    for odd in [
        "",
        "unknown",
        "192.0.2.1, ",
        "192.0.2.1;",
        "_hidden",
        "192.0.2.300",
    ] {
        check(&[odd], "10.0.0.2");
    }
    let long = vec!["10.0.0.9"; 100].join(",");
    check(&["192.0.2.1", &long], "10.0.0.2");
}

#[test]
fn a_network_is_written_in_one_way() {
    for good in [
        "10.0.0.2",
        "10.0.0.0/8",
        "192.0.2.0/31",
        "::1",
        "fd00::/8",
        "10.0.0.2/32",
    ] {
        assert!(good.parse::<Network>().is_ok(), "{good}");
    }
    for (bad, why) in [
        ("0.0.0.0/0", "everybody"),
        ("::/0", "everybody"),
        ("10.0.0.2/8", "outside its network"),
        ("fd00::1/64", "outside its network"),
        ("10.0.0.0/33", "bits"),
        ("10.0.0.0/", "bits"),
        ("10.0.0.0/-1", "bits"),
        ("proxy.example.com", "use an address"),
        ("", "use an address"),
        ("10.0.0", "use an address"),
    ] {
        let refused = bad.parse::<Network>().unwrap_err().to_string();
        assert!(refused.contains(why), "{bad}: {refused}");
    }
    assert!(proxies(&["10.0.0.0/31"]).contains("10.0.0.1".parse().unwrap()));
    assert!(!proxies(&["10.0.0.0/31"]).contains("10.0.0.2".parse().unwrap()));
    assert!(!proxies(&["10.0.0.0/8"]).contains("a00::".parse().unwrap()));
}

#[test]
fn s37_an_ipv6_customer_is_one_source() {
    let source = |text: &str| one_source(text.parse().unwrap()).to_string();
    assert_eq!(source("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    assert_eq!(source("::ffff:192.0.2.1"), "192.0.2.1");
    assert_eq!(source("192.0.2.1"), "192.0.2.1");
    assert_eq!(source("::1"), "::1");
}
