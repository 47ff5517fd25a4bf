//! Presets have names that parse, and configurations survive JSON.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_netsim::{Config, Jitter, Link, Loss, Preset, UnknownPreset};

#[test]
fn names_parse_back() {
    for preset in Preset::ALL {
        assert_eq!(preset.name().parse(), Ok(preset));
        assert_eq!(
            serde_json::to_string(&preset).unwrap(),
            format!("{:?}", preset.name())
        );
    }
    let error = "moon".parse::<Preset>().unwrap_err();
    assert_eq!(error, UnknownPreset("moon".into()));
    assert!(error.to_string().contains("wifi-congested"));
}

#[test]
fn configurations_survive_json() {
    for preset in Preset::ALL {
        let json = serde_json::to_string(&preset.config()).unwrap();
        assert_eq!(
            serde_json::from_str::<Config>(&json).unwrap(),
            preset.config(),
            "{json}"
        );
    }
}

#[test]
fn json_is_readable_and_closed() {
    let json = serde_json::to_value(Config::IDEAL.delay(Duration::from_micros(1500))).unwrap();
    assert_eq!(json["delay_ms"], 1.5);
    assert_eq!(json["loss"]["kind"], "none");
    assert!(serde_json::from_str::<Config>(r#"{"delay_ms": -1}"#).is_err());
    assert!(serde_json::from_str::<Config>(r#"{"delay": 1}"#).is_err());
    assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::IDEAL);
}

proptest! {
    #[test]
    fn any_microseconds_survive_json(micros in 0_u64..10_000_000_000) {
        let config = Config::IDEAL.jitter(Jitter::normal(Duration::from_micros(micros)));
        let json = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
    }
}

#[test]
fn every_preset_carries_voice() {
    // 50 packets a second of 40 kbit/s with headers, for a minute.
    for preset in Preset::ALL {
        let start = Instant::now();
        let mut link = Link::new(preset.config(), 1);
        for number in 0..3000_u32 {
            link.send(number, 128, start + Duration::from_millis(20) * number);
        }
        while let Some(due) = link.next_timeout() {
            link.poll(due);
        }
        let stats = link.stats();
        let lost = (stats.lost + stats.dropped) as f64 / 3000.0;
        assert!(
            (lost - preset.config().loss.ratio()).abs() < 0.02,
            "{preset}: {lost}"
        );
        assert!(
            stats.mean_delay().unwrap() >= preset.config().delay.mul_f64(0.95),
            "{preset}"
        );
        assert_eq!(preset.config().loss == Loss::None, lost == 0.0, "{preset}");
    }
}
