//! The usage of a month.

use serde_json::{Value, json};
use sidetone_ledger::UsageReport;

use super::args::{Format, UsageArgs};
use crate::commands::admin::Admin;
use crate::commands::admin::show::Column;
use crate::exit::{Exit, Failure};
use crate::output;

const TOTALS: &[Column] = &[
    ("meter", "/usageType"),
    ("unit", "/unitType"),
    ("consumed", "/consumed"),
    ("metered", "/metered"),
    ("covered", "/covered"),
    ("metered minutes", "/meteredMinutes"),
    ("covered minutes", "/coveredMinutes"),
    ("records", "/records"),
];

const RECORDS: &[Column] = &[
    ("no.", "/number"),
    ("until", "/time"),
    ("what", "/operationName"),
    ("meter", "/usageType"),
    ("quantity", "/quantity"),
    ("unit", "/unitType"),
    ("metered", "/metered"),
    ("who", "/identity"),
    ("call", "/call"),
];

pub(super) fn run(admin: &Admin, args: &UsageArgs) -> Result<(), Failure> {
    let address = format!("{}/usage", admin.tenant(&args.tenant)?);
    let query = args
        .month
        .map(|month| format!("?month={month}"))
        .unwrap_or_default();
    if args.records {
        let records = admin.log(&format!("{address}/records{query}"), None, usize::MAX)?;
        admin
            .show
            .list(&records, RECORDS, "nothing was used in that month");
        return Ok(());
    }
    let report = admin.service.get(&format!("{address}{query}"))?;
    match args.format {
        Some(Format::Csv) => output::line(csv(report)?.trim_end()),
        None if admin.show.is_json() => output::json(&report),
        None => {
            let totals = json!({ "items": report["meters"] });
            admin.show.list(&totals, TOTALS, "nothing was used in that month");
        }
    }
    Ok(())
}

/// The report as comma-separated values.
fn csv(report: Value) -> Result<String, Failure> {
    let report: UsageReport = serde_json::from_value(report)
        .map_err(|error| Failure::new(Exit::Service, format!("the report cannot be read: {error}")))?;
    Ok(report.csv())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_the_service_becomes_a_table() {
        let report = json!({
            "scope": { "kind": "organisation", "id": "contoso" },
            "month": "2026-03",
            "rounding": "second",
            "meters": [{
                "usageType": "calling", "unitType": "seconds", "consumed": 90, "metered": 0, "covered": 90,
                "consumedMinutes": 1.5, "meteredMinutes": 0.0, "coveredMinutes": 1.5, "records": 1,
            }],
        });
        let table = csv(report).unwrap();
        assert!(
            table.ends_with("organisations/contoso,2026-03,second,calling,seconds,90,0,90,1.5,0,1.5,1\r\n"),
            "{table}"
        );
        assert!(csv(json!({})).is_err());
    }
}
