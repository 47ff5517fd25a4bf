//! What the service says of its own state, to its operator.

use serde_json::Value;

use super::http::Answer;
use super::report::{Fine, Trouble};

/// Less free space than this, and the next days' records may not fit.
const MIN_FREE: u64 = 1024 * 1024 * 1024;

/// A write that took longer makes people wait.
const SLOW_WRITE_MS: f64 = 500.0;

/// Judges the answer to `GET /v1/health`.
pub fn judge(answer: &Answer) -> Result<((), Fine), Trouble> {
    let said = answer.json();
    match answer.status.as_u16() {
        200 => {}
        401 => {
            return Err(Trouble::new(
                "the service does not accept the key",
                "give the operator's key, which `serve` showed at its first start",
            ));
        }
        403 => {
            let words = said["detail"].as_str().unwrap_or("a role is missing");
            return Err(Trouble::new(words, "give the operator's key"));
        }
        status => {
            return Err(Trouble::new(
                format!("no word on its state: {status}"),
                "look into its log",
            ));
        }
    }
    let store = &said["store"];
    if store["writable"] != Value::Bool(true) {
        return Err(Trouble::new(
            format!("its store cannot be written: {}", words(&store["error"])),
            "free space on its disk, check the rights of its data folder, then restart it",
        ));
    }
    if said["recordsLost"].as_u64().unwrap_or(0) > 0 {
        return Err(Trouble::new(
            format!("{} call records could not be stored", said["recordsLost"]),
            "look for `store` in its log; what was lost is not charged",
        ));
    }
    let failing = said["webhooks"]["failing"].as_array().map_or(0, Vec::len);
    let mut remarks = Vec::new();
    let free = store["freeBytes"].as_u64();
    if free.is_some_and(|free| free < MIN_FREE) {
        remarks.push(format!("{} left on its disk: make room", size(free.unwrap_or(0))));
    }
    let took = store["writeMilliseconds"].as_f64().unwrap_or(0.0);
    if took > SLOW_WRITE_MS {
        remarks.push(format!("a write took {took} ms: its disk is slow or busy"));
    }
    if failing > 0 {
        let first = &said["webhooks"]["failing"][0];
        remarks.push(format!(
            "{failing} of {} webhooks fail, the first ({} of {}): {}",
            said["webhooks"]["subscriptions"],
            words(&first["subscription"]),
            words(&first["tenant"]),
            words(&first["lastError"]),
        ));
    }
    let disk = free.map_or_else(|| "in memory".to_owned(), |free| format!("{} free", size(free)));
    let found = format!(
        "store written in {took} ms, {disk}; {} sessions, {} calls, {} webhooks",
        said["sessions"], said["calls"], said["webhooks"]["subscriptions"]
    );
    let fine = if remarks.is_empty() {
        Fine::new(found)
    } else {
        Fine::but(found, remarks.join("; "))
    };
    Ok(((), fine))
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn size(bytes: u64) -> String {
    const GIB: u64 = 1024 * 1024 * 1024;
    if bytes >= GIB {
        format!("{} GiB", bytes / GIB)
    } else {
        format!("{} MiB", bytes / (1024 * 1024))
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use hyper::body::Bytes;
    use hyper::header::HeaderMap;
    use serde_json::json;

    use super::*;

    fn said(status: u16, body: Value) -> Result<((), Fine), Trouble> {
        judge(&Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        })
    }

    #[test]
    fn what_is_wrong_comes_first() {
        let well = json!({
            "store": { "writable": true, "writeMilliseconds": 2.0, "freeBytes": 5_000_000_000_u64 },
            "recordsLost": 0, "sessions": 1, "calls": 0,
            "webhooks": { "subscriptions": 1, "failing": [] },
        });
        assert!(!format!("{:?}", said(200, well.clone()).unwrap()).contains("remark: Some"));
        let mut full = well.clone();
        full["store"]["freeBytes"] = json!(1000);
        full["webhooks"]["failing"] = json!([{ "subscription": "s", "tenant": "acme", "lastError": "503" }]);
        let words = format!("{:?}", said(200, full).unwrap());
        assert!(
            words.contains("0 MiB left") && words.contains("(s of acme): 503"),
            "{words}"
        );
        let mut broken = well.clone();
        broken["store"] = json!({ "writable": false, "error": "read-only" });
        assert!(format!("{:?}", said(200, broken).unwrap_err()).contains("read-only"));
        let mut lost = well;
        lost["recordsLost"] = json!(3);
        assert!(said(200, lost).is_err());
        let denied = json!({ "detail": "access denied: this needs the role operator" });
        assert!(format!("{:?}", said(403, denied).unwrap_err()).contains("role operator"));
        assert!(said(401, json!({})).is_err() && said(500, json!(null)).is_err());
    }
}
