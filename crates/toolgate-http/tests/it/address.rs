//! S-64 and S-65: the table `ssrf_table`, and what an allowance opens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use AddressClass::{
    Benchmark, CarrierGrade, Documentation, LinkLocal, Loopback, Metadata, Multicast, OwnListener,
    Private, Public, Reserved, UniqueLocal, Unspecified,
};
use proptest::prelude::*;
use toolgate_http::egress::{AddressClass, AddressPolicy, AllowedOrigin};
use url::{Host, Url};

/// Reads the host as a client would have it in a URL, so that every spelling the WHATWG parser
/// knows is covered.
#[track_caller]
fn address(host: &str) -> IpAddr {
    match Url::parse(&format!("http://{host}/"))
        .unwrap()
        .host()
        .unwrap()
    {
        Host::Ipv4(address) => address.into(),
        Host::Ipv6(address) => address.into(),
        Host::Domain(name) => panic!("{name} is a name"),
    }
}

#[track_caller]
fn check(host: &str, expected: AddressClass) {
    let ip = address(host);
    assert_eq!(AddressClass::of(ip), expected, "{host} is {ip}");
    let host = match ip {
        IpAddr::V4(ip) => Host::Ipv4(ip),
        IpAddr::V6(ip) => Host::Ipv6(ip),
    };
    let passes = AddressPolicy::default().check(ip, 443, &host, None).is_ok();
    assert_eq!(passes, expected == Public, "{ip} without an allowance");
}

/// CVE-2026-26118: a server's address led a gateway to the host's own network.
#[test]
fn s64_cve_2026_26118_ssrf_table() {
    for (host, expected) in TABLE {
        check(host, *expected);
    }
    assert!(TABLE.len() >= 120, "{}", TABLE.len());
}

const TABLE: &[(&str, AddressClass)] = &[
    // Public, and the edges of what isn't.
    ("1.1.1.1", Public),
    ("8.8.8.8", Public),
    ("9.255.255.255", Public),
    ("11.0.0.0", Public),
    ("100.63.255.255", Public),
    ("100.128.0.0", Public),
    ("126.255.255.255", Public),
    ("128.0.0.0", Public),
    ("169.253.255.255", Public),
    ("169.255.0.0", Public),
    ("172.15.255.255", Public),
    ("172.32.0.0", Public),
    ("191.255.255.255", Public),
    ("192.0.1.0", Public),
    ("192.0.3.0", Public),
    ("192.88.98.255", Public),
    ("192.88.100.0", Public),
    ("192.167.255.255", Public),
    ("192.169.0.0", Public),
    ("198.17.255.255", Public),
    ("198.20.0.0", Public),
    ("198.51.99.255", Public),
    ("198.51.101.0", Public),
    ("203.0.112.255", Public),
    ("203.0.114.0", Public),
    ("223.255.255.255", Public),
    ("[2606:4700:4700::1111]", Public),
    ("[2001:4860:4860::8888]", Public),
    ("[2001:200::1]", Public),
    ("[2a00:1450:4001::1]", Public),
    ("[2003::1]", Public),
    // Loopback, in every spelling.
    ("127.0.0.1", Loopback),
    ("127.0.0.0", Loopback),
    ("127.255.255.255", Loopback),
    ("127.1", Loopback),
    ("127.0.1", Loopback),
    ("2130706433", Loopback),
    ("0x7f000001", Loopback),
    ("0x7f.1", Loopback),
    ("0x7F.0x0.0x0.0x1", Loopback),
    ("017700000001", Loopback),
    ("0177.0.0.1", Loopback),
    ("0177.1", Loopback),
    ("127.0.0.1.", Loopback),
    ("%31%32%37.0.0.1", Loopback),
    ("\u{ff11}\u{ff12}\u{ff17}.0.0.1", Loopback),
    ("\u{2460}\u{2461}\u{2466}.0.0.1", Loopback),
    ("127\u{3002}0\u{3002}0\u{3002}1", Loopback),
    ("[::1]", Loopback),
    ("[0:0:0:0:0:0:0:1]", Loopback),
    ("[0000::0001]", Loopback),
    // Private.
    ("10.0.0.0", Private),
    ("10.0.0.1", Private),
    ("10.255.255.255", Private),
    ("167772161", Private),
    ("0xa000001", Private),
    ("012.0.0.1", Private),
    ("10.1", Private),
    ("172.16.0.0", Private),
    ("172.31.255.255", Private),
    ("192.168.0.0", Private),
    ("192.168.1.1", Private),
    ("192.168.255.255", Private),
    ("192.168.257", Private),
    ("3232235777", Private),
    ("0xc0.0xa8.0x01.0x01", Private),
    ("[fc00::]", UniqueLocal),
    ("[fd12:3456:789a::1]", UniqueLocal),
    ("[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", UniqueLocal),
    ("[fec0::1]", UniqueLocal),
    ("[feff:ffff::1]", UniqueLocal),
    // Link-local, carrier-grade, benchmark.
    ("169.254.0.0", LinkLocal),
    ("169.254.1.1", LinkLocal),
    ("169.254.255.255", LinkLocal),
    ("[fe80::1]", LinkLocal),
    ("[febf:ffff::1]", LinkLocal),
    ("[fe80::5efe:8.8.8.8]", LinkLocal),
    ("100.64.0.0", CarrierGrade),
    ("100.64.0.1", CarrierGrade),
    ("100.127.255.255", CarrierGrade),
    ("198.18.0.0", Benchmark),
    ("198.19.255.255", Benchmark),
    ("[2001:2::1]", Benchmark),
    // Metadata services.
    ("169.254.169.254", Metadata),
    ("2852039166", Metadata),
    ("0xa9fea9fe", Metadata),
    ("0xA9.0xFE.0xA9.0xFE", Metadata),
    ("0251.0376.0251.0376", Metadata),
    ("169.254.43518", Metadata),
    ("169.16689662", Metadata),
    ("169.254.170.2", Metadata),
    ("169.254.170.23", Metadata),
    ("169.254.0.23", Metadata),
    ("169.254.10.10", Metadata),
    ("169.254.42.42", Metadata),
    ("100.100.100.200", Metadata),
    ("168.63.129.16", Metadata),
    ("192.0.0.192", Metadata),
    ("[fd00:ec2::254]", Metadata),
    ("[fd00:ec2::23]", Metadata),
    ("[fd20:ce::254]", Metadata),
    ("[fd00:42::42]", Metadata),
    ("[::ffff:169.254.169.254]", Metadata),
    ("[::ffff:a9fe:a9fe]", Metadata),
    ("[::169.254.169.254]", Metadata),
    ("[64:ff9b::169.254.169.254]", Metadata),
    ("[2002:a9fe:a9fe::1]", Metadata),
    // Unspecified, multicast, documentation, reserved.
    ("0.0.0.0", Unspecified),
    ("0", Unspecified),
    ("0x0", Unspecified),
    ("0.0.0.1", Unspecified),
    ("0.255.255.255", Unspecified),
    ("[::]", Unspecified),
    ("224.0.0.0", Multicast),
    ("224.0.0.251", Multicast),
    ("239.255.255.255", Multicast),
    ("255.255.255.255", Multicast),
    ("4294967295", Multicast),
    ("[ff00::]", Multicast),
    ("[ff02::1]", Multicast),
    ("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", Multicast),
    ("192.0.2.1", Documentation),
    ("198.51.100.1", Documentation),
    ("203.0.113.255", Documentation),
    ("[2001:db8::1]", Documentation),
    ("[2001:db8:ffff::1]", Documentation),
    ("[2001:db8::5efe:8.8.8.8]", Documentation),
    ("[3fff::1]", Documentation),
    ("[3fff:fff::1]", Documentation),
    ("192.0.0.0", Reserved),
    ("192.0.0.8", Reserved),
    ("192.0.0.255", Reserved),
    ("192.88.99.1", Reserved),
    ("240.0.0.0", Reserved),
    ("255.255.255.254", Reserved),
    ("[100::1]", Reserved),
    ("[100:0:0:1::1]", Reserved),
    ("[2001:1::1]", Reserved),
    ("[2001:20::1]", Reserved),
    ("[2001:1ff::1]", Reserved),
    ("[3fff:1000::1]", Reserved),
    ("[4000::1]", Reserved),
    ("[5f00::1]", Reserved),
    ("[e000::1]", Reserved),
    ("[1::1]", Reserved),
    ("[::2:0:0]", Reserved),
    // IPv4 inside IPv6: mapped, compatible, translated.
    ("[::ffff:127.0.0.1]", Loopback),
    ("[::ffff:7f00:1]", Loopback),
    ("[0:0:0:0:0:ffff:10.1.2.3]", Private),
    ("[::ffff:192.168.0.1]", Private),
    ("[::ffff:100.64.0.1]", CarrierGrade),
    ("[::ffff:0.0.0.0]", Unspecified),
    ("[::ffff:224.0.0.1]", Multicast),
    ("[::ffff:8.8.8.8]", Public),
    ("[::127.0.0.1]", Loopback),
    ("[::10.0.0.1]", Private),
    ("[::8.8.8.8]", Reserved),
    ("[::ffff:0:127.0.0.1]", Loopback),
    ("[::ffff:0:10.0.0.1]", Private),
    ("[::ffff:0:8.8.8.8]", Reserved),
    // NAT64, well-known and local.
    ("[64:ff9b::127.0.0.1]", Loopback),
    ("[64:ff9b::7f00:1]", Loopback),
    ("[64:ff9b::10.0.0.1]", Private),
    ("[64:ff9b::192.168.1.1]", Private),
    ("[64:ff9b::8.8.8.8]", Public),
    ("[64:ff9b:1::127.0.0.1]", Loopback),
    ("[64:ff9b:1::8.8.8.8]", Reserved),
    ("[64:ff9b:1:2:3:4:10.0.0.1]", Private),
    ("[64:ff9b:2::8.8.8.8]", Reserved),
    // 6to4.
    ("[2002:7f00:1::]", Loopback),
    ("[2002:7f00:1::1]", Loopback),
    ("[2002:a00:1::1]", Private),
    ("[2002:c0a8:101::1]", Private),
    ("[2002:e000:1::1]", Multicast),
    ("[2002:808:808::1]", Public),
    // Teredo: relay in the middle, client inverted at the end.
    ("[2001:0:808:808::80ff:fffe]", Loopback),
    ("[2001:0:808:808::f5ff:fffe]", Private),
    ("[2001:0:7f00:1::f7f7:f7f7]", Loopback),
    ("[2001:0:a00:1::f7f7:f7f7]", Private),
    ("[2001:0:808:808::f7f7:f7f7]", Reserved),
    ("[2001:0:808:808::5601:5601]", Metadata),
    // ISATAP.
    ("[2606:4700::5efe:127.0.0.1]", Loopback),
    ("[2606:4700::5efe:10.0.0.1]", Private),
    ("[2606:4700::200:5efe:192.168.0.1]", Private),
    ("[2606:4700::5efe:8.8.8.8]", Public),
];

/// `url` as the server's host; `resolved` an address it has; `allowed` the operator's word.
#[track_caller]
fn check_allowance(url: &str, resolved: &str, allowed: Option<&str>, passes: bool) {
    let url = Url::parse(url).unwrap();
    let host = url.host().unwrap().to_owned();
    let port = url.port_or_known_default().unwrap();
    let allowed = allowed.map(|allowed| AllowedOrigin::parse(allowed).unwrap());
    let result = AddressPolicy::default().check(address(resolved), port, &host, allowed.as_ref());
    assert_eq!(
        result.is_ok(),
        passes,
        "{url} at {resolved} with {allowed:?}: {result:?}"
    );
}

#[test]
fn s65_an_allowance_opens_exactly_its_host_and_port() {
    check_allowance(
        "http://10.0.0.5:8080",
        "10.0.0.5",
        Some("10.0.0.5:8080"),
        true,
    );
    check_allowance("http://10.0.0.5:8080", "10.0.0.5", None, false);
    check_allowance(
        "http://10.0.0.5:8081",
        "10.0.0.5",
        Some("10.0.0.5:8080"),
        false,
    );
    check_allowance(
        "http://10.0.0.6:8080",
        "10.0.0.6",
        Some("10.0.0.5:8080"),
        false,
    );
    check_allowance(
        "https://tools.lan",
        "192.168.1.9",
        Some("tools.lan:443"),
        true,
    );
    check_allowance(
        "https://TOOLS.lan",
        "192.168.1.9",
        Some("tools.LAN:443"),
        true,
    );
    check_allowance(
        "https://tools.lan",
        "192.168.1.9",
        Some("tools.lan:80"),
        false,
    );
    check_allowance(
        "https://tools.lan",
        "192.168.1.9",
        Some("other.lan:443"),
        false,
    );
    check_allowance(
        "https://a.tools.lan",
        "192.168.1.9",
        Some("tools.lan:443"),
        false,
    );
    check_allowance(
        "http://localhost:9000",
        "127.0.0.1",
        Some("localhost:9000"),
        true,
    );
    check_allowance(
        "http://localhost:9000",
        "[::1]",
        Some("localhost:9000"),
        true,
    );
    check_allowance("http://[::1]:9000", "[::1]", Some("[::1]:9000"), true);
    check_allowance(
        "http://127.1:9000",
        "127.0.0.1",
        Some("127.0.0.1:9000"),
        true,
    );
    check_allowance(
        "http://[::ffff:10.0.0.1]:80",
        "[::ffff:10.0.0.1]",
        Some("10.0.0.1:80"),
        false,
    );
    check_allowance(
        "https://tools.lan",
        "[fd00::1]",
        Some("tools.lan:443"),
        true,
    );
    check_allowance(
        "https://tools.lan",
        "100.64.0.9",
        Some("tools.lan:443"),
        true,
    );
    check_allowance(
        "https://tools.lan",
        "198.18.0.9",
        Some("tools.lan:443"),
        true,
    );
    // A public address needs none.
    check_allowance("https://example.com", "93.184.216.34", None, true);
    check_allowance(
        "https://example.com",
        "93.184.216.34",
        Some("tools.lan:443"),
        true,
    );
}

#[test]
fn s65_metadata_opens_to_that_very_address_only() {
    let literal = "http://169.254.169.254:80";
    check_allowance(literal, "169.254.169.254", Some("169.254.169.254:80"), true);
    check_allowance(literal, "169.254.169.254", None, false);
    check_allowance(
        literal,
        "169.254.169.254",
        Some("169.254.169.254:81"),
        false,
    );
    check_allowance(
        "http://metadata.lan:80",
        "169.254.169.254",
        Some("metadata.lan:80"),
        false,
    );
    check_allowance(
        "https://tools.lan",
        "[fd00:ec2::254]",
        Some("tools.lan:443"),
        false,
    );
    check_allowance(
        "http://[fd00:ec2::254]",
        "[fd00:ec2::254]",
        Some("[fd00:ec2::254]:80"),
        true,
    );
}

#[test]
fn s64_some_addresses_never_open() {
    check_allowance(
        "http://224.0.0.1:80",
        "224.0.0.1",
        Some("224.0.0.1:80"),
        false,
    );
    check_allowance("http://0.0.0.0:80", "0.0.0.0", Some("0.0.0.0:80"), false);
    check_allowance("http://[::]:80", "[::]", Some("[::]:80"), false);
    check_allowance(
        "http://255.255.255.255",
        "255.255.255.255",
        Some("255.255.255.255:80"),
        false,
    );
}

#[test]
fn s64_our_own_listeners_never_open() {
    let own: Vec<SocketAddr> = vec![
        "127.0.0.1:8080".parse().unwrap(),
        "0.0.0.0:9090".parse().unwrap(),
    ];
    let policy = AddressPolicy::new(own);
    let class = |host: &str, port: u16| {
        let allowed = AllowedOrigin::parse(&format!("{host}:{port}")).unwrap();
        let ip = address(host);
        let host = Url::parse(&format!("http://{host}"))
            .unwrap()
            .host()
            .unwrap()
            .to_owned();
        policy
            .check(ip, port, &host, Some(&allowed))
            .err()
            .map(|blocked| blocked.class)
    };
    assert_eq!(class("127.0.0.1", 8080), Some(OwnListener));
    assert_eq!(class("[::ffff:127.0.0.1]", 8080), Some(OwnListener));
    assert_eq!(class("127.0.0.1", 8081), None);
    assert_eq!(
        class("127.0.0.2", 9090),
        Some(OwnListener),
        "a wildcard answers there as well"
    );
    assert_eq!(class("[::1]", 9090), Some(OwnListener));
}

#[test]
fn an_allowance_is_a_host_and_a_port_and_nothing_else() {
    for good in [
        "localhost:80",
        "10.0.0.1:8080",
        "[::1]:443",
        "Tools.Lan:65535",
        "bücher.example:1",
    ] {
        assert!(AllowedOrigin::parse(good).is_some(), "{good}");
    }
    for bad in [
        "",
        ":80",
        "localhost",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:+80",
        "http://localhost:80",
        "localhost:80/path",
        "user@localhost:80",
        "a b:80",
        "[::1:80",
        "local%68ost:80",
        "*:80",
        "10.0.0.0/8:80",
        "localhost?:80",
        "localhost#:80",
    ] {
        assert_eq!(AllowedOrigin::parse(bad), None, "{bad}");
    }
}

proptest! {
    /// F-07, small: whatever carries a blocked IPv4 address is blocked, and std's own view of the
    /// plain cases agrees.
    #[test]
    fn f07_carriers_are_never_more_open_than_what_they_carry(bits: u32) {
        let inner = std::net::Ipv4Addr::from_bits(bits);
        let class = AddressClass::of(inner.into());
        let [high, low] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
        for carrier in [
            [0, 0, 0, 0, 0, 0xffff, high, low],
            [0x64, 0xff9b, 0, 0, 0, 0, high, low],
            [0x64, 0xff9b, 1, 0, 0, 0, high, low],
            [0x2002, high, low, 0, 0, 0, 0, 1],
            [0x2001, 0, 0x808, 0x808, 0, 0, !high, !low],
            [0x2001, 0, high, low, 0, 0, 0xf7f7, 0xf7f7],
            [0, 0, 0, 0, 0xffff, 0, high, low],
        ] {
            let outer = AddressClass::of(std::net::Ipv6Addr::from(carrier).into());
            prop_assert!(class == Public || outer != Public, "{:x?} carries {}", carrier, inner);
        }
        let obvious = inner.is_loopback() || inner.is_private() || inner.is_link_local()
            || inner.is_multicast() || inner.is_unspecified() || inner.is_broadcast()
            || inner.is_documentation();
        prop_assert!(!(obvious && class == Public));
    }

    /// Only 2000::/3 and the live carriers are ever public.
    #[test]
    fn f07_public_ipv6_is_global_unicast_or_a_carrier(bits: u128) {
        let ip = std::net::Ipv6Addr::from_bits(bits);
        if AddressClass::of(ip.into()) == Public {
            prop_assert_eq!(bits >> 125, 1, "{}", ip);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// F-07, small: nothing that the second classifier blocks passes the first.
    #[test]
    fn f07_two_classifiers_agree_that_nothing_inside_is_public(
        prefix in prop::sample::select(PREFIXES),
        address: u128,
        v4: u32,
    ) {
        // Random bits are public nearly always, so most addresses begin where it matters.
        let (prefix, bits) = prefix;
        let prefix: Ipv6Addr = prefix.parse().unwrap();
        let kept = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        let v6 = Ipv6Addr::from_bits((prefix.to_bits() & kept) | (address & !kept));
        for ip in [IpAddr::from(v6), IpAddr::from(Ipv4Addr::from_bits(v4))] {
            let blocked = crate::second_classifier::is_blocked(ip);
            prop_assert!(!blocked || AddressClass::of(ip) != Public, "{}", ip);
        }
    }
}

const PREFIXES: &[(&str, u32)] = &[
    ("::", 0),
    ("::", 96),
    ("::ffff:0:0", 96),
    ("::ffff:127.0.0.0", 104),
    ("::ffff:0:0:0", 96),
    ("64:ff9b::", 96),
    ("64:ff9b::10.0.0.0", 104),
    ("64:ff9b:1::", 48),
    ("2002::", 16),
    ("2002:7f00::", 24),
    ("2002:c0a8::", 32),
    ("2001::", 32),
    ("2001:db8::", 32),
    ("2000::", 3),
    ("3fff::", 16),
    ("fc00::", 7),
    ("fe80::", 9),
    ("ff00::", 8),
];

/// An address of this machine that is not loopback, if it has one.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn s64_a_wildcard_listener_is_at_every_address_of_the_machine() {
    let Some(own) = own_address() else {
        return; // A machine without a network has no other address.
    };
    let policy = AddressPolicy::new(vec!["0.0.0.0:9090".parse().unwrap()]);
    let host = Url::parse(&format!("http://{own}")).unwrap();
    let host = host.host().unwrap().to_owned();
    let class = |port: u16| {
        let allowed = AllowedOrigin::parse(&format!("{own}:{port}")).unwrap();
        let checked = policy.check(own, port, &host, Some(&allowed));
        checked.err().map(|blocked| blocked.class)
    };
    assert_eq!(class(9090), Some(OwnListener));
    assert_eq!(class(9091), None, "another port is another program");
}
