//! A lost way to the service: the meeting goes on, and whoever comes back is the same participant.

use serde_json::json;
use sidetone_server::ServerConfig;
use std::time::Duration;

use crate::clinic::{Clinic, join};
use crate::support::speech::{MAN, WOMAN};
use crate::support::{Proxy, connected, until};

#[test]
fn whoever_loses_the_service_for_long_comes_back_as_the_same() {
    let clinic = Clinic::with(ServerConfig {
        resume_window: Duration::from_secs(2),
        ..ServerConfig::default()
    });
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let proxy = Proxy::to(&clinic.service);
    let pat = clinic.phone(&proxy.url(), clinic.external("pat"), Some("Pat"), Some(MAN));
    let nia = clinic.member("nia", Some(WOMAN));
    let (at_nia, at_pat) = (join(&nia, &link), join(&pat, &link));
    connected(&[&at_nia, &at_pat]);
    nia.hears(MAN);
    let number = at_pat.meeting().unwrap().participant;

    // Shorter than the session is kept: nobody notices.
    proxy.cut();
    std::thread::sleep(Duration::from_millis(500));
    proxy.mend();
    connected(&[&at_pat]);

    // Longer: the session is another, the participant is not.
    proxy.cut();
    until("Pat's end knows", || at_pat.is_reconnecting());
    proxy.mend();
    connected(&[&at_pat]);
    assert_eq!(at_pat.meeting().unwrap().participant, number);
    nia.hears(MAN);
    pat.hears(WOMAN);
    until("Pat is on the roster once", || {
        let others = at_nia.participants();
        others.len() == 1 && others[0].participant == number
    });
}
