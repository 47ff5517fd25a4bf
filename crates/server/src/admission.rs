//! How many connections there may be, in all and from one address. Sans-IO: counts guards.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::PeerAddress;

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The process has as many connections as it may.
    Full,
    /// This address has as many connections as it may.
    AddressFull,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The door.
#[derive(Clone)]
pub(crate) struct Admission {
    counts: Arc<Mutex<Counts>>,
    max: usize,
    max_per_address: usize,
}

/// A place inside; leaving frees it.
pub(crate) struct Admitted {
    counts: Arc<Mutex<Counts>>,
    all: bool,
    address: Option<IpAddr>,
}

/// Addresses of one IPv6 subscriber count as one: a /64 costs an attacker nothing.
fn bucket(address: PeerAddress) -> IpAddr {
    match address.0.to_canonical() {
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        v4 => v4,
    }
}

impl Admission {
    pub(crate) fn new(max: usize, max_per_address: usize) -> Self {
        Self {
            counts: Arc::default(),
            max,
            max_per_address,
        }
    }

    /// A connection to the process. Without an address only the total counts (a trusted proxy, whose clients are
    /// counted one by one with [`Admission::client`]).
    pub(crate) fn connection(&self, address: Option<PeerAddress>) -> Result<Admitted, Turned> {
        self.enter(true, address)
    }

    /// A client behind a trusted proxy, whose connection was counted already.
    pub(crate) fn client(&self, address: PeerAddress) -> Result<Admitted, Turned> {
        self.enter(false, Some(address))
    }

    fn enter(&self, all: bool, address: Option<PeerAddress>) -> Result<Admitted, Turned> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if all && counts.all >= self.max {
            return Err(Turned::Full);
        }
        let address = address.map(bucket);
        if let Some(address) = address {
            let count = counts.by_address.entry(address).or_default();
            if *count >= self.max_per_address {
                return Err(Turned::AddressFull);
            }
            *count += 1;
        }
        counts.all += usize::from(all);
        Ok(Admitted {
            counts: self.counts.clone(),
            all,
            address,
        })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= usize::from(self.all);
        if let Some(address) = self.address
            && let Some(count) = counts.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> PeerAddress {
        PeerAddress(text.parse().unwrap())
    }

    #[test]
    fn both_limits_hold_and_places_are_given_back() {
        let door = Admission::new(3, 2);
        let a = address("192.0.2.1");
        let first = door.connection(Some(a)).unwrap();
        let second = door.connection(Some(a)).unwrap();
        assert_eq!(door.connection(Some(a)).err(), Some(Turned::AddressFull));
        let third = door.connection(Some(address("192.0.2.2"))).unwrap();
        assert_eq!(
            door.connection(Some(address("192.0.2.3"))).err(),
            Some(Turned::Full)
        );
        drop((first, second, third));
        assert!(door.counts.lock().unwrap().by_address.is_empty());
        assert_eq!(door.counts.lock().unwrap().all, 0);
    }

    #[test]
    fn clients_behind_a_proxy_count_by_their_own_address() {
        let door = Admission::new(2, 1);
        let _proxy = door.connection(None).unwrap();
        let _same_proxy = door.connection(None).unwrap();
        let _client = door.client(address("192.0.2.1")).unwrap();
        assert_eq!(door.client(address("192.0.2.1")).err(), Some(Turned::AddressFull));
        assert!(door.client(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn a_subscriber_with_many_ipv6_addresses_is_one() {
        let door = Admission::new(9, 1);
        let _first = door.connection(Some(address("2001:db8::1"))).unwrap();
        assert_eq!(
            door.connection(Some(address("2001:db8::ffff:2"))).err(),
            Some(Turned::AddressFull)
        );
        assert!(door.connection(Some(address("2001:db8:0:1::1"))).is_ok());
    }
}
