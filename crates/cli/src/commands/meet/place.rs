//! Where a meeting is, as people write it.

use sidetone::{CallId, Locator};

use super::args::PlaceArgs;
use crate::exit::{Exit, Failure};

/// Reads it. Whether there is such a meeting is the service's to say.
pub fn locator(args: &PlaceArgs) -> Result<Locator, Failure> {
    let place = args.place.trim();
    if place.is_empty() {
        return Err(Failure::new(Exit::Usage, "the link is empty"));
    }
    if let Some(passcode) = &args.passcode {
        return Ok(Locator::Meeting {
            id: place.to_owned(),
            passcode: passcode.clone(),
        });
    }
    if let Ok(call) = place.parse() {
        return Ok(Locator::Call(CallId(call)));
    }
    if !place.contains('/') {
        let words = "a meeting's number needs its --passcode; without one, give the link";
        return Err(Failure::new(Exit::Usage, words));
    }
    Ok(Locator::Link(place.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: &str, passcode: Option<&str>) -> Result<Locator, Failure> {
        locator(&PlaceArgs {
            place: place.into(),
            passcode: passcode.map(str::to_owned),
            display_name: None,
        })
    }

    #[test]
    fn links_numbers_and_calls_are_told_apart() {
        let link = "https://meet.example/m/123456789012/KEY";
        assert_eq!(read(link, None), Ok(Locator::Link(link.into())));
        let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        assert_eq!(read(id, None), Ok(Locator::Call(CallId(id.parse().unwrap()))));
        let number = Locator::Meeting {
            id: "123 456".into(),
            passcode: "abc".into(),
        };
        assert_eq!(read(" 123 456 ", Some("abc")), Ok(number));
        for nonsense in ["", "123456789012"] {
            assert_eq!(read(nonsense, None).unwrap_err().exit, Exit::Usage, "{nonsense}");
        }
    }
}
