//! HTTP on a way that is open: is it our service, is it well, and what time is it there.

use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONNECTION, DATE, HOST, HeaderMap, LOCATION};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout;

use super::report::{Fine, Trouble};
use super::way::Stream;
use crate::address::ServiceAddress;

/// Longest answer that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Clocks that differ by more make tokens look expired, or not valid yet.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// Clocks that differ by less are as good as the same: the header has whole seconds.
const SMALL_SKEW: Duration = Duration::from_secs(3);

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Reads an address of the service.
pub async fn get(
    stream: Stream,
    server: &ServiceAddress,
    path: &str,
    key: Option<&str>,
    patience: Duration,
) -> Result<Answer, Trouble> {
    let plain = !server.is_secure();
    let broken = |error: &dyn std::fmt::Display| {
        let advice = if plain {
            "is it the service's port? One that speaks TLS is reached by wss://"
        } else {
            "look into the log of the proxy in front: does it reach the service?"
        };
        Trouble::new(format!("no answer over HTTP: {error}"), advice)
    };
    let mut request = Request::get(format!("{}{path}", server.base()))
        .header(HOST, server.authority())
        .header(CONNECTION, "close");
    if let Some(key) = key {
        request = request.header(AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| {
        Trouble::new(
            format!("the key or address cannot be used: {error}"),
            "correct it",
        )
    })?;
    let exchange = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        // Ends with the answer.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let (head, body) = sender
            .send_request(request)
            .await
            .map_err(|error| broken(&error))?
            .into_parts();
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(|error| broken(&error))?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    };
    timeout(patience, exchange)
        .await
        .unwrap_or_else(|_| Err(broken(&format!("nothing in {patience:?}"))))
}

/// Whether the answer to `GET /v1/capabilities` is one of ours; gives the version.
pub fn ours(answer: &Answer) -> Result<(String, Fine), Trouble> {
    if answer.status.is_redirection() {
        let to = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.unwrap_or("somewhere else");
        return Err(Trouble::new(
            format!("it sends elsewhere: {to}"),
            "clients follow nobody: give them that address",
        ));
    }
    if matches!(answer.status.as_u16(), 502..=504) {
        return Err(Trouble::new(
            format!(
                "a proxy answers, and does not reach the service: {}",
                answer.status
            ),
            "start the service; correct its address in the proxy's configuration",
        ));
    }
    let said = answer.json();
    match (said["service"].as_str(), said["version"].as_str()) {
        (Some("sidetone"), Some(version)) => {
            let (mine, words) = (env!("CARGO_PKG_VERSION"), format!("sidetone {version}"));
            let fine = if version == mine {
                Fine::new(words)
            } else {
                Fine::but(
                    words,
                    format!("this program is {mine}: use the same version at both ends"),
                )
            };
            Ok((version.to_owned(), fine))
        }
        _ => Err(Trouble::new(
            format!(
                "an HTTP server answers ({}), and it is not a sidetone service",
                answer.status
            ),
            "correct address, port or path; a proxy in front must pass /v1/ on",
        )),
    }
}

/// Compares the answer's date (RFC 9110 section 6.6.1) with our clock.
pub fn clock(answer: &Answer, now: SystemTime) -> Result<((), Fine), Trouble> {
    let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(parse_date) else {
        return Ok(((), Fine::new("the service does not tell the time")));
    };
    let (theirs, ours) = (
        date.as_secs(),
        now.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs(),
    );
    let apart = Duration::from_secs(theirs.abs_diff(ours));
    let which = if theirs > ours { "behind" } else { "ahead of" };
    if apart > MAX_SKEW {
        return Err(Trouble::new(
            format!(
                "this machine is {} {which} the service",
                humantime::format_duration(apart)
            ),
            "tokens look expired or not valid yet: let both machines follow network time",
        ));
    }
    let found = if apart <= SMALL_SKEW {
        "agrees with the service's".to_owned()
    } else {
        format!("{} {which} the service's", humantime::format_duration(apart))
    };
    Ok(((), Fine::new(found)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, as time since 1970.
fn parse_date(date: &str) -> Option<Duration> {
    let mut parts = date.split_ascii_whitespace().skip(1);
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = months.iter().position(|name| *name == month)? + 1;
    let (clock, zone) = (parts.next()?, parts.next()?);
    if zone != "GMT" || !day.bytes().all(|b| b.is_ascii_digit()) || !year.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let text = format!("{year:0>4}-{month:02}-{day:0>2}T{clock}Z");
    let time = humantime::parse_rfc3339(&text).ok()?;
    time.duration_since(SystemTime::UNIX_EPOCH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn only_our_service_is_ours() {
        assert!(ours(&answer(200, &[], r#"{"service":"sidetone","version":"9.9.9"}"#)).is_ok());
        for (status, headers, body) in [
            (200, &[][..], "<html>It works!</html>"),
            (200, &[], r#"{"service":"other","version":"1"}"#),
            (404, &[], ""),
            (502, &[], "bad gateway"),
            (301, &[("location", "https://a/")], ""),
        ] {
            assert!(ours(&answer(status, headers, body)).is_err(), "{status} {body}");
        }
    }

    #[test]
    fn a_clock_that_is_wrong_is_told() {
        let date = [("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 + seconds);
        assert!(clock(&answer(200, &date, ""), at(0)).is_ok());
        assert!(clock(&answer(200, &date, ""), at(30)).is_ok());
        let wrong = format!("{:?}", clock(&answer(200, &date, ""), at(3_600)).unwrap_err());
        assert!(wrong.contains("1h ahead of"), "{wrong}");
        for odd in [
            "",
            "yesterday",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, -6 Nov +994 08:49:37 GMT",
        ] {
            assert!(clock(&answer(200, &[("date", odd)], ""), at(0)).is_ok(), "{odd}");
        }
    }
}
