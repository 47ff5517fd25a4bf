//! A sender that pauses (DTX) is no loss.

use crate::support::*;

#[test]
fn a_gap_with_consecutive_numbers_is_comfort_noise() {
    // Half a second of every second is not sent.
    let packets = (0..1500).filter(|i| i % 50 < 25).map(|i| Sent {
        timestamp: (i * 960) as u32,
        samples: 960,
        // The last before a gap says so, as Opus does by its length; the tape cannot, so only numbers tell.
        payload: Tape::payload(i * 960, 960).to_vec(),
    });
    let outcome = run(&Conditions::default(), Tape::new(woman()), packets);
    outcome.report("half of the time silent");
    let stats = &outcome.stats;
    assert_eq!(stats.packets_lost, 0);
    // Until the next packet is here nobody can know that none was lost.
    assert!(outcome.delay_ms(10, 29) < 10.0, "{stats:?}");
}

#[test]
fn opus_pauses_are_filled_with_comfort_noise() {
    // Real speech with three seconds of silence in it.
    let mut sound = woman()[..48_000 * 4].to_vec();
    sound.extend(std::iter::repeat_n(0.0, 48_000 * 3));
    sound.extend_from_slice(&woman()[48_000 * 4..48_000 * 8]);
    let packets = opus_packets(
        &sound,
        960,
        Coding {
            dtx: true,
            ..Coding::default()
        },
    );
    // Senders keep the tiny packets to themselves, except the first of a pause and one in 400 ms.
    let mut run_length = 0;
    let packets: Vec<_> = packets
        .into_iter()
        .filter(|sent| {
            run_length = if sent.payload.len() <= 2 {
                run_length + 1
            } else {
                0
            };
            run_length % 20 <= 1
        })
        .collect();
    let outcome = run(&Conditions::default(), opus(), packets);
    outcome.report("three seconds of pause");
    let stats = &outcome.stats;
    assert!(stats.comfort_samples > 48_000, "{stats:?}");
    assert!(stats.concealed_samples < 9600, "{stats:?}");
}
