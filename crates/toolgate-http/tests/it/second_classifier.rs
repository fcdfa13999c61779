// A second opinion on addresses (F-07): the registries as a list of networks, the way an operator would write them into a
// firewall, and nothing of the first one's code. The fuzz target `address_policy` includes this file as well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NEVER_V4: &[(&str, u32)] = &[
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("168.63.129.16", 32),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
];

const NEVER_V6: &[(&str, u32)] = &[
    ("::", 96),
    ("64:ff9b:1::", 48),
    ("100::", 64),
    ("2001:db8::", 32),
    ("2001::", 23),
    ("3fff::", 20),
    ("5f00::", 16),
    ("fc00::", 7),
    ("fe80::", 10),
    ("fec0::", 10),
    ("ff00::", 8),
];

/// Networks whose addresses have an IPv4 address inside, and at which bit it begins.
const CARRIERS: &[(&str, u32, u32)] = &[
    ("::ffff:0:0", 96, 96),
    ("64:ff9b::", 96, 96),
    ("2002::", 16, 16),
];

/// Whether no connection may ever go there without an operator's word.
pub(crate) fn is_blocked(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => NEVER_V4.iter().any(|(network, bits)| {
            let network: Ipv4Addr = network.parse().expect("an address");
            (address.to_bits() ^ network.to_bits()).leading_zeros() >= *bits
        }),
        IpAddr::V6(address) => {
            let within = |network: &str, bits: u32| {
                let network: Ipv6Addr = network.parse().expect("an address");
                (address.to_bits() ^ network.to_bits()).leading_zeros() >= bits
            };
            if NEVER_V6
                .iter()
                .any(|(network, bits)| within(network, *bits))
            {
                return true;
            }
            let inside = |at: u32| Ipv4Addr::from_bits(((address.to_bits() << at) >> 96) as u32);
            CARRIERS
                .iter()
                .filter(|(network, bits, _)| within(network, *bits))
                .any(|(_, _, at)| is_blocked(inside(*at).into()))
        }
    }
}
