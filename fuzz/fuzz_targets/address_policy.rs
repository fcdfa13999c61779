//! F-07: no address that a second classifier blocks passes the policy without an operator's word, however it is written.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use toolgate_http::egress::{AddressPolicy, AllowedOrigin};
use url::Url;

#[path = "../../crates/toolgate-http/tests/it/second_classifier.rs"]
mod second_classifier;

libfuzzer_sys::fuzz_target!(|input: (u128, u32, &str)| {
    let (v6, v4, host) = input;
    check(IpAddr::V6(Ipv6Addr::from_bits(v6)));
    check(IpAddr::V4(Ipv4Addr::from_bits(v4)));
    // The spellings that the WHATWG parser takes for addresses: octal, hexadecimal, one number.
    if let Ok(url) = Url::parse(&format!("https://{host}/")) {
        match url.host() {
            Some(url::Host::Ipv4(address)) => check(address.into()),
            Some(url::Host::Ipv6(address)) => check(address.into()),
            Some(url::Host::Domain(_)) | None => {}
        }
        // An allowance opens its own host and no other.
        if let Some(allowed) = AllowedOrigin::parse(&format!("{host}:443")) {
            let metadata = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
            let name = url::Host::Domain("mcp.example.com".to_owned());
            let checked = AddressPolicy::default().check(metadata, 443, &name, Some(&allowed));
            assert!(checked.is_err(), "{host} opened a metadata service");
        }
    }
});

fn check(address: IpAddr) {
    let host = match address {
        IpAddr::V4(address) => url::Host::Ipv4(address),
        IpAddr::V6(address) => url::Host::Ipv6(address),
    };
    let passes = AddressPolicy::default()
        .check(address, 443, &host, None)
        .is_ok();
    assert!(
        !passes || !second_classifier::is_blocked(address),
        "{address} passes"
    );
}
