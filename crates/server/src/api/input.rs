//! What a request carries: body, query, names in the path. A body or query that cannot be read is reported only when
//! the handler reads it, so that a handler asks for the caller's role first and a stranger learns nothing, not even
//! the shape of what he may not send.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::{Problem, ProblemType};

/// A JSON body, not yet read.
pub(crate) struct Body {
    bytes: Result<Bytes, BytesRejection>,
    json: bool,
}

impl Body {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`ProblemType::MEDIA`], [`ProblemType::TOO_LARGE`], [`ProblemType::MALFORMED`].
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        let bytes = self.bytes.map_err(|rejection| {
            if rejection.status() == ProblemType::TOO_LARGE.status {
                Problem::new(
                    ProblemType::TOO_LARGE,
                    "the body is longer than this address takes",
                )
            } else {
                Problem::new(ProblemType::MALFORMED, "the body did not arrive whole")
            }
        })?;
        if !self.json {
            return Err(Problem::new(
                ProblemType::MEDIA,
                "the body must be of content type application/json",
            ));
        }
        // Serde would read the fields of an object from an array, too.
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(Problem::new(
                ProblemType::MALFORMED,
                "the body: must be an object",
            ));
        }
        serde_json::from_slice(&bytes).or_else(|error| {
            // The position is worth knowing, and the message names fields and types, not values that could be secret.
            let malformed = || Problem::new(ProblemType::MALFORMED, format!("the body: {error}"));
            let whole = with_whole_numbers(&bytes).ok_or_else(malformed)?;
            serde_json::from_value(whole).map_err(|_| malformed())
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let json = is_json(request.headers());
        Ok(Self {
            bytes: Bytes::from_request(request, state).await,
            json,
        })
    }
}

/// The body with whole numbers written as such: for JSON Schema `60.0` is an integer. `None` where that changes
/// nothing.
fn with_whole_numbers(body: &[u8]) -> Option<Value> {
    fn mend(value: &mut Value) -> bool {
        match value {
            Value::Number(number) => match number.as_f64() {
                // Up to 2^53 a float is exact.
                Some(float)
                    if number.is_f64() && float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 =>
                {
                    *value = Value::from(float as i64);
                    true
                }
                _ => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |changed, item| mend(item) | changed),
            Value::Object(fields) => fields
                .values_mut()
                .fold(false, |changed, field| mend(field) | changed),
            _ => false,
        }
    }
    let mut value = serde_json::from_slice(body).ok()?;
    mend(&mut value).then_some(value)
}

/// `application/json`, or a type with the suffix `+json` (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(kind)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// A query string, not yet read.
pub(crate) struct Query(String);

impl Query {
    /// Reads the query.
    ///
    /// # Errors
    /// [`ProblemType::MALFORMED`].
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let address = axum::http::Uri::builder()
            .path_and_query(format!("/?{}", self.0))
            .build()
            .map_err(|_| Problem::new(ProblemType::MALFORMED, "the query cannot be read"))?;
        axum::extract::Query::try_from_uri(&address)
            .map(|axum::extract::Query(query)| query)
            .map_err(|rejection| Problem::new(ProblemType::MALFORMED, rejection.body_text()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

/// The names in the path, in order, each parsed. One that does not parse names nothing: 404.
pub(crate) struct Names<T>(pub(crate) T);

/// Something that the names in a path make.
pub(crate) trait FromNames: Sized {
    /// From the names in order; `None` when one does not parse.
    fn from_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self>;
}

impl<A: FromStr> FromNames for (A,) {
    fn from_names<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<Self> {
        Some((names.next()?.parse().ok()?,))
    }
}

impl<A: FromStr, B: FromStr> FromNames for (A, B) {
    fn from_names<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<Self> {
        Some((names.next()?.parse().ok()?, names.next()?.parse().ok()?))
    }
}

impl<A: FromStr, B: FromStr, C: FromStr> FromNames for (A, B, C) {
    fn from_names<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<Self> {
        Some((
            names.next()?.parse().ok()?,
            names.next()?.parse().ok()?,
            names.next()?.parse().ok()?,
        ))
    }
}

impl<S: Send + Sync, T: FromNames> FromRequestParts<S> for Names<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let no_such = || Problem::not_found("address");
        let names = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| no_such())?;
        T::from_names(names.iter().map(|(_, value)| value))
            .map(Self)
            .ok_or_else(no_such)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        size: Option<u8>,
    }

    fn query(text: &str) -> Result<Wish, Problem> {
        Query(text.to_owned()).read()
    }

    #[test]
    fn queries_are_read_strictly() {
        assert_eq!(query("").unwrap(), Wish { size: None });
        assert_eq!(query("size=7").unwrap(), Wish { size: Some(7) });
        for bad in ["size=many", "size=7&color=red", "size=1&size=2"] {
            assert_eq!(query(bad).unwrap_err().kind, ProblemType::MALFORMED, "{bad}");
        }
    }

    async fn body(kind: &str, content: &str) -> Result<Wish, Problem> {
        let mut request = Request::new(axum::body::Body::from(content.to_owned()));
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, kind.parse().unwrap());
        let Ok(body) = Body::from_request(request, &()).await;
        body.read()
    }

    #[tokio::test]
    async fn bodies_must_be_json_and_say_so() {
        assert!(body("application/json; charset=utf-8", "{}").await.is_ok());
        assert!(body("application/merge-patch+json", "{}").await.is_ok());
        let seven = body("application/json", r#"{"size":7.0}"#).await.unwrap();
        assert_eq!(seven, Wish { size: Some(7) });
        let kind = async |kind: &str, content: &str| body(kind, content).await.unwrap_err().kind;
        assert_eq!(kind("text/plain", "{}").await, ProblemType::MEDIA);
        assert_eq!(kind("application/json", "{").await, ProblemType::MALFORMED);
        assert_eq!(
            kind("application/json", r#"{"x":1}"#).await,
            ProblemType::MALFORMED
        );
    }

    #[test]
    fn names_that_do_not_parse_name_nothing() {
        use sidetone_organisation::{MemberId, OrganisationId};
        type Pair = (OrganisationId, MemberId);
        assert!(Pair::from_names(["acme", "ann"].into_iter()).is_some());
        assert!(Pair::from_names(["acme"].into_iter()).is_none());
        assert!(Pair::from_names(["acme", "a b"].into_iter()).is_none());
    }
}
