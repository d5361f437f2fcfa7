//! Which addresses are public: of the Internet at large, neither of this machine, nor of the
//! networks around it, nor of none. Pure.
//!
//! After the IANA registries of special-purpose addresses (RFC 6890), of which a table is kept
//! here, since the standard library's `is_global` is not stable.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address, length of the prefix in bits, what it is.
type Block<A> = (A, u32, &'static str);

const V4: [Block<Ipv4Addr>; 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "of this host"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "of a carrier's network"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    // Where clouds answer questions about the machine that asks: 169.254.169.254.
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// Within 2000::/3; all else of IPv6 is not public, see [`outside_unicast`].
const V6: [Block<Ipv6Addr>; 3] = [
    // Teredo (which hides an IPv4 address), benchmarks, ORCHID.
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        "reserved or a tunnel",
    ),
    (
        Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0),
        32,
        "for documentation",
    ),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "for documentation",
    ),
];

/// What makes an address not public, in a word or some; `None`: it is public.
pub(crate) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

/// Whether an address belongs to the Internet at large.
pub(crate) fn is_public(address: IpAddr) -> bool {
    special(address).is_none()
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let is_in = |(first, length, _): &&Block<Ipv4Addr>| {
        (address.to_bits() ^ first.to_bits()).leading_zeros() >= *length
    };
    V4.iter().find(is_in).map(|(_, _, what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inside) = embedded(address) {
        return special_v4(inside);
    }
    let is_in = |(first, length, _): &&Block<Ipv6Addr>| {
        (address.to_bits() ^ first.to_bits()).leading_zeros() >= *length
    };
    let listed = V6.iter().find(is_in).map(|(_, _, what)| *what);
    listed.or_else(|| outside_unicast(address))
}

/// An IPv4 address that is asked where this one is: mapped (RFC 4291), behind a translator
/// (RFC 6052) or behind a 6to4 router (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(v4(high, low)),
        [0x2002, ..] => Some(v4(b, c)),
        _ => None,
    }
}

/// All unicast addresses of the Internet are within 2000::/3.
fn outside_unicast(address: Ipv6Addr) -> Option<&'static str> {
    let [first, ..] = address.segments();
    match first {
        0x2000..=0x3fff => None,
        _ if address.is_loopback() => Some("loopback"),
        _ if address.is_multicast() => Some("multicast"),
        _ if address.is_unique_local() => Some("private"),
        _ if address.is_unicast_link_local() => Some("link-local"),
        _ if address.is_unspecified() => Some("of this host"),
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Option<&'static str> {
        special(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(of(public), None, "{public}");
        }
    }

    #[test]
    fn all_others_are_not() {
        for (address, what) in [
            ("0.0.0.0", "of this host"),
            ("0.1.2.3", "of this host"),
            ("10.0.0.1", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.0", "of a carrier's network"),
            ("100.127.255.255", "of a carrier's network"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.0", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.8", "reserved"),
            ("192.0.2.1", "for documentation"),
            ("192.168.255.255", "private"),
            ("198.18.0.0", "for benchmarks"),
            ("198.19.255.255", "for benchmarks"),
            ("198.51.100.7", "for documentation"),
            ("203.0.113.7", "for documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::", "of this host"),
            ("::1", "loopback"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::a9fe:a9fe", "link-local"),
            ("64:ff9b::7f00:1", "loopback"),
            ("64:ff9b:1::808:808", "reserved"),
            ("2002:7f00:1::1", "loopback"),
            ("2002:c0a8:101::1", "private"),
            ("2001::1", "reserved or a tunnel"),
            ("2001:db8::1", "for documentation"),
            ("3fff::1", "for documentation"),
            ("100::1", "reserved"),
            ("5f00::1", "reserved"),
            ("fc00::1", "private"),
            ("fd12:3456::1", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "reserved"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(of(address), Some(what), "{address}");
        }
    }

    proptest! {
        #[test]
        fn the_standard_librarys_words_for_private_agree(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let known = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!known || !is_public(v4.into()), "{v4}");
            prop_assert_eq!(special(v4.into()), special(v4.to_ipv6_mapped().into()));
        }
    }
}
