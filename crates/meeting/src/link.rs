//! Where a meeting is found: its link, and the secrets in it.

use std::str::FromStr;

use rand_chacha::rand_core::Rng;
use sidetone_organisation::{Meeting, MeetingId};
use sidetone_signaling::protocol::CallId;

/// Letters and digits that nobody mixes up when they are read out.
const READ_OUT: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const KEY: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// 132 bits: nobody guesses a link.
const KEY_LENGTH: usize = 22;
/// About 40 bits; guesses are counted.
const PASSCODE_LENGTH: usize = 8;

/// A new meeting's number and secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The number. Whether it is taken is the directory's to say.
    pub id: MeetingId,
    /// The secret in the link.
    pub key: String,
    /// The secret that is read out.
    pub passcode: String,
}

impl Credentials {
    /// Draws them. None: the source of random numbers is broken.
    pub fn draw(rng: &mut impl Rng) -> Option<Self> {
        let first = pick(rng, b"123456789", 1);
        let rest = pick(rng, b"0123456789", MeetingId::DIGITS - 1);
        Some(Self {
            id: format!("{first}{rest}").parse().ok()?,
            key: draw_key(rng),
            passcode: pick(rng, READ_OUT, PASSCODE_LENGTH),
        })
    }
}

pub(crate) fn draw_key(rng: &mut impl Rng) -> String {
    pick(rng, KEY, KEY_LENGTH)
}

fn pick(rng: &mut impl Rng, from: &[u8], count: usize) -> String {
    let whole = 256 - 256 % from.len();
    std::iter::repeat_with(|| {
        let mut byte = [0];
        rng.fill_bytes(&mut byte);
        usize::from(byte[0])
    })
    // Those beyond would make the first characters likelier.
    .filter(|byte| *byte < whole)
    .take(count)
    .map(|byte| char::from(from[byte % from.len()]))
    .collect()
}

/// The link of a meeting, for whoever is to knock.
pub fn meeting_link(base: &str, meeting: &Meeting) -> String {
    format!("{base}{}/{}", meeting.id, meeting.key)
}

pub(crate) fn group_link(base: &str, call: CallId, key: &str) -> String {
    format!("{base}{call}/{key}")
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Meeting(MeetingId, &'a str),
    Group(CallId, &'a str),
}

/// Reads a link. Only its last two parts count: what stands before them is the deployment's business.
pub(crate) fn read(link: &str) -> Option<Place<'_>> {
    let mut parts = link.trim().trim_end_matches('/').rsplit('/');
    let (key, name) = (parts.next()?, parts.next()?);
    if let Ok(id) = MeetingId::from_str(name) {
        return Some(Place::Meeting(id, key));
    }
    name.parse().ok().map(|call| Place::Group(CallId(call), key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn credentials_differ_and_links_read_back() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let one = Credentials::draw(&mut rng).unwrap();
        let other = Credentials::draw(&mut rng).unwrap();
        assert!(one.id != other.id && one.key != other.key && one.passcode != other.passcode);
        assert_eq!((one.key.len(), one.passcode.len()), (22, 8));
        let link = format!("https://meet.example/join/{}/{}", one.id, one.key);
        assert_eq!(read(&link), Some(Place::Meeting(one.id, one.key.as_str())));
        let call = CallId(uuid::Uuid::from_u128(7));
        let link = group_link("sidetone:meet/", call, "k");
        assert_eq!(read(&link), Some(Place::Group(call, "k")));
    }

    #[test]
    fn other_texts_lead_nowhere() {
        for text in [
            "",
            "/",
            "//",
            "a",
            "x/y",
            "123/key",
            "12345678901x/key",
            "\u{0}/\u{0}",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
