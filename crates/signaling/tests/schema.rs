//! The checked-in JSON Schema is the one that the types make.

use std::path::Path;

#[test]
fn the_checked_in_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/sidetone.v1.json");
    let made = format!(
        "{}\n",
        serde_json::to_string_pretty(&sidetone_signaling::protocol::schema()).unwrap()
    );
    if std::env::var_os("SIDETONE_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{} is stale. Regenerate it, and look at what changed for clients:\n\
         SIDETONE_WRITE_SCHEMA=1 cargo test -p sidetone-signaling --test schema",
        path.display()
    );
}
