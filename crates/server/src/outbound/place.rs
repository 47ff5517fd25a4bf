//! Where an address lies, and whether requests on others' behalf may go there. Decides from the address alone and
//! refuses to know names, sockets and HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the server may connect to when somebody else chose the address: an identity provider, the receiver of a
/// webhook. What is not named here is never reached: link-local addresses (where clouds answer questions about their
/// machines), multicast, reserved ranges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboundConfig {
    /// This machine, over plain HTTP too. For development and tests: every service that listens on loopback becomes
    /// reachable for whoever may name an address.
    pub loopback: bool,
    /// Networks that are nobody's on the internet (RFC 1918, RFC 4193), over TLS. For an operator whose identity
    /// provider or event receiver stands in the same building, and who trusts those who may name an address.
    pub private_networks: bool,
}

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the internet.
    Public,
    /// In a private network.
    Private,
    /// On this machine.
    Loopback,
    /// Nowhere that a request should go.
    Nowhere,
}

impl OutboundConfig {
    /// Whether requests may go to `address`.
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match Place::of(address) {
            Place::Public => true,
            Place::Private => self.private_networks,
            Place::Loopback => self.loopback,
            Place::Nowhere => false,
        }
    }
}

impl Place {
    /// By the registries of special-purpose addresses (RFC 6890).
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private,
            // "This network", shared address space, link-local, protocol assignments and documentation, relays,
            // benchmarks, multicast and reserved.
            [0, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..] => Self::Nowhere,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // An IPv4 address behind a translator (RFC 6052) is judged as what it is there.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                match Self::of_v4(Ipv4Addr::new(a, b, c, d)) {
                    Self::Public => Self::Public,
                    _ => Self::Nowhere,
                }
            }
            // Where one cloud answers its machines within a private network.
            [0xfd00, 0xec2, ..] => Self::Nowhere,
            [0xfc00..=0xfdff, ..] => Self::Private,
            // Protocol assignments (tunnels among them), documentation, 6to4.
            [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => {
                Self::Nowhere
            }
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(address: &str) -> Place {
        Place::of(address.parse().unwrap())
    }

    #[test]
    fn only_the_internet_is_public() {
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "172.15.0.1",
            "172.32.0.1",
            "223.255.255.1",
            "2606:4700::1",
            "2a00::1",
            "64:ff9b::101:101",
        ] {
            assert_eq!(place(public), Place::Public, "{public}");
        }
        for private in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.1",
            "192.168.1.1",
            "fd12::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(place(private), Place::Private, "{private}");
        }
        for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(place(loopback), Place::Loopback, "{loopback}");
        }
        for nowhere in [
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "::127.0.0.1",
        ] {
            assert_eq!(place(nowhere), Place::Nowhere, "{nowhere}");
        }
    }

    #[test]
    fn each_switch_opens_its_own_place() {
        let loopback = OutboundConfig {
            loopback: true,
            ..OutboundConfig::default()
        };
        let private = OutboundConfig {
            private_networks: true,
            ..OutboundConfig::default()
        };
        let both = [
            ("127.0.0.1", loopback),
            ("::1", loopback),
            ("10.1.2.3", private),
            ("fd12::1", private),
        ];
        for (address, opened_by) in both {
            let address: IpAddr = address.parse().unwrap();
            assert!(!OutboundConfig::default().allows(address), "{address}");
            assert!(opened_by.allows(address), "{address}");
            let other = if opened_by == loopback { private } else { loopback };
            assert!(!other.allows(address), "{address}");
        }
    }

    proptest! {
        /// A mapped address is the address it maps.
        #[test]
        fn mapping_hides_nothing(bytes: [u8; 4]) {
            let address = Ipv4Addr::from(bytes);
            prop_assert_eq!(
                Place::of(address.into()),
                Place::of(address.to_ipv6_mapped().into())
            );
        }
    }
}
