use proptest::prelude::*;

use super::*;

const PEER: &str = "192.0.2.1:9";

fn peer() -> SocketAddr {
    PEER.parse().unwrap()
}

/// A record: its type, epoch and body.
fn record(kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend([0; 6]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A whole message in a record.
fn message(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = [0, (body.len() >> 8) as u8, body.len() as u8];
    let mut message = vec![11];
    message.extend(length);
    message.extend([0, sequence, 0, 0, 0]);
    message.extend(length);
    message.extend(body);
    record(22, 0, &message)
}

fn change_cipher_spec() -> Vec<u8> {
    [record(20, 0, &[1]), record(22, 1, &[0; 40])].concat()
}

/// As a relay carries it in a channel, and as it carries it before there is one.
fn relayed(datagram: &[u8]) -> [Vec<u8>; 2] {
    let length = (datagram.len() as u16).to_be_bytes();
    let channel = [&[0x40, 1][..], &length, datagram].concat();
    let address = [0, 0x12, 0, 8, 0, 1, 0, 9, 192, 0, 2, 1];
    let mut indication = vec![0, 0x17, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    indication.extend([7; 12]);
    indication.extend(address);
    indication.extend([0, 0x13]);
    indication.extend(length);
    indication.extend(datagram);
    [channel, indication]
}

#[test]
fn an_unanswered_flight_is_there_to_be_sent_again() {
    let mut flights = Flights::default();
    let (first, second) = (message(0, b"certificate"), message(1, b"done"));
    assert_eq!(flights.sent(&first, peer()), Some(1));
    assert_eq!(flights.sent(&second, peer()), None);
    let again = flights.repeat(1).unwrap();
    assert_eq!(again, (vec![first.clone(), second], peer()));

    // The library's own repetition is another flight.
    flights.wait_is_over(1);
    assert_eq!(flights.sent(&first, peer()), Some(2));
    assert_eq!(flights.repeat(1), None);
    assert!(flights.repeat(2).is_some());

    // An answer ends it.
    assert_eq!(flights.heard(&message(0, b"hello"), peer()), Heard::News);
    assert_eq!(flights.repeat(2), None);
}

#[test]
fn what_was_answered_is_not_heard_again_and_what_was_not_is() {
    for how in [0, 1, 2] {
        let wrap = |datagram: Vec<u8>| match how {
            0 => datagram,
            how => relayed(&datagram)[how - 1].clone(),
        };
        let mut flights = Flights::default();
        flights.sent(&wrap(message(0, b"client hello")), peer());
        let (one, two) = (wrap(message(0, b"server hello")), wrap(message(1, b"done")));
        assert_eq!(flights.heard(&one, peer()), Heard::News);
        assert_eq!(
            flights.heard(&one, peer()),
            Heard::News,
            "nothing says that the library saw it"
        );
        assert_eq!(flights.heard(&two, peer()), Heard::News);
        flights.sent(&wrap(message(1, b"finished")), peer());
        assert_eq!(flights.heard(&one, peer()), Heard::Again);
        assert_eq!(flights.heard(&two, peer()), Heard::Again);
        assert!(flights.repeat(2).is_some(), "what was said before is no answer");
        // Nobody else is listened to.
        let stranger = "192.0.2.2:9".parse().unwrap();
        assert_eq!(flights.heard(&one, stranger), Heard::News);
        assert_eq!(flights.heard(&wrap(message(9, b"noise")), stranger), Heard::News);
        assert!(flights.repeat(2).is_some());
    }
}

#[test]
fn the_last_flight_is_sent_again_though_nobody_answers_it() {
    let mut flights = Flights::default();
    flights.sent(&message(0, b"server hello"), peer());
    assert_eq!(flights.heard(&change_cipher_spec(), peer()), Heard::News);
    assert!(!flights.is_done());
    let number = flights.sent(&change_cipher_spec(), peer()).unwrap();
    assert!(flights.is_done());
    assert!(flights.repeat(number).is_some());
}

#[test]
fn the_other_end_is_done_with_the_last_flight() {
    let mut flights = Flights::default();
    let number = flights.sent(&change_cipher_spec(), peer()).unwrap();
    assert!(!flights.is_done());
    assert_eq!(flights.heard(&change_cipher_spec(), peer()), Heard::News);
    assert!(flights.is_done());
    assert_eq!(flights.repeat(number), None);
}

proptest! {
    /// What does not come from a handshake is passed on, whatever it is, and nothing grows without a bound.
    #[test]
    fn noise_is_passed_on(
        sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..40),
        heard in prop::collection::vec((prop::sample::select(vec![0, 20, 22, 0x40, 0x80]), prop::collection::vec(any::<u8>(), 0..64)), 0..200),
    ) {
        let mut flights = Flights::default();
        for datagram in &sent {
            flights.sent(datagram, peer());
        }
        for (first, rest) in heard {
            let mut datagram = vec![first];
            datagram.extend(rest);
            flights.heard(&datagram, peer());
            prop_assert!(flights.known.len() + flights.heard.len() <= KNOWN);
            prop_assert!(flights.flight.len() <= FLIGHT);
        }
        prop_assert_eq!(flights.heard(&[0x80, 111, 0, 1], peer()), Heard::News);
    }
}
