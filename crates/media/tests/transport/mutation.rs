//! Descriptions that are wrong in every way a mutation finds.

use rand::RngExt;
use rand::seq::{IndexedMutRandom, IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// Changes some lines.
pub fn mutate(sdp: &str, random: &mut ChaCha8Rng) -> String {
    let mut lines: Vec<String> = sdp.lines().map(str::to_owned).collect();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..lines.len());
        match random.random_range(0..8) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = random.random_range(0..lines.len());
                lines.swap(at, other);
            }
            3 => {
                let cut = random.random_range(0..=lines[at].len());
                lines[at].truncate(cut);
            }
            4 => {
                let digits = [
                    "0",
                    "-1",
                    "99999999999999999999",
                    "65536",
                    "256",
                    "4294967296",
                    "1e9",
                    "",
                ];
                let new = digits.choose(random).unwrap();
                lines[at] = lines[at]
                    .split_inclusive(|c: char| c.is_ascii_digit())
                    .map(|part| {
                        if random.random_bool(0.3) {
                            part.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned() + new
                        } else {
                            part.to_owned()
                        }
                    })
                    .collect();
            }
            5 => lines[at].push_str(&"A".repeat(random.random_range(1..3000))),
            6 => lines.insert(at, "m=video 9 UDP/TLS/RTP/SAVPF 96".into()),
            _ => {
                let mut bytes = lines[at].clone().into_bytes();
                if let Some(byte) = bytes.choose_mut(random) {
                    *byte = random.random_range(32..127);
                }
                lines[at] = String::from_utf8(bytes).unwrap();
            }
        }
        if lines.is_empty() {
            lines.push("v=0".into());
        }
    }
    lines.join("\r\n") + "\r\n"
}
