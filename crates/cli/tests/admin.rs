//! `sidetone admin` against a real service: every step by which an administrator opens an organisation to external
//! users, as people and as programs do it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::{Command, Output};

use serde_json::Value;
use support::{Folder, Service};

/// The operator's key of the services here.
const OPERATOR: &str = "operator-key-for-tests-0123456789abcdef";

/// Somebody with a file of their own for service and key.
struct Person {
    folder: Folder,
    server: String,
}

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    complaints: String,
}

impl Said {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.complaints);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{out:?}: {error}"))
    }

    #[track_caller]
    fn refused(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.complaints);
        self.complaints
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            complaints: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Person {
    fn new(service: &Service) -> Self {
        Self {
            folder: Folder::new(),
            server: service.url.clone(),
        }
    }

    /// Somebody who is connected with this key.
    fn connected(service: &Service, key: &str) -> Self {
        let person = Self::new(service);
        person
            .admin(&["connect", "--server", &person.server, "--key", key])
            .ok();
        person
    }

    /// `sidetone admin …`, with nothing but the file to know service and key from.
    fn admin(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidetone"));
        command.arg("admin").args(arguments);
        for variable in ["SIDETONE_LOG", "SIDETONE_SERVER", "SIDETONE_ADMIN_KEY"] {
            command.env_remove(variable);
        }
        command.env("SIDETONE_ADMIN_FILE", self.folder.path("admin.json"));
        command.stdin(std::process::Stdio::null());
        command.output().expect("the program starts").into()
    }
}

fn service() -> Service {
    Service::start(&["--operator-key", OPERATOR])
}

/// The first key in what a command showed as JSON.
fn first_key(made: &Value) -> &str {
    made["keys"][0]["secret"].as_str().expect("a key")
}

#[test]
fn an_administrator_opens_an_organisation_from_nothing() {
    let service = service();
    let operator = Person::connected(&service, OPERATOR);
    assert!(operator.admin(&["status"]).ok().contains("operator"));

    // Rita's resource keeps its id.
    let made = operator
        .admin(&["resource", "create", "Web shop", "--json"])
        .json();
    let id = made["resource"]["id"].as_str().unwrap().to_owned();
    let rita = Person::connected(&service, first_key(&made));
    assert!(rita.admin(&["resource", "show"]).ok().contains(&id));
    rita.admin(&["resource", "rename", "Web shop EU"]).ok();
    assert!(
        rita.admin(&["keys", "rotate", "secondary"])
            .ok()
            .contains("sidetone_")
    );
    let shown = rita.admin(&["resource", "show", "--json"]).json();
    assert_eq!(
        (shown["id"].as_str(), shown["name"].as_str()),
        (Some(id.as_str()), Some("Web shop EU"))
    );

    // Ada gets an organisation, a directory and the right to open it.
    let made = operator
        .admin(&[
            "organisations",
            "create",
            "contoso",
            "--name",
            "Contoso",
            "--json",
        ])
        .json();
    let ada = Person::connected(&service, first_key(&made));
    assert!(ada.admin(&["status"]).ok().contains("administrator of contoso"));
    operator
        .admin(&[
            "organisations",
            "refuse",
            "contoso",
            "--reason",
            "no contract yet",
        ])
        .ok();
    let seen = ada.admin(&["organisations", "show", "contoso"]).ok();
    assert!(seen.contains("no contract yet"), "{seen}");
    operator.admin(&["organisations", "approve", "contoso"]).ok();
    let people = ada.folder.path("people.csv");
    std::fs::write(
        &people,
        "key,displayName,id,department\nuid=ben,\"Lee, Ben\",ben,Sales\nuid=eve,Eve,,\n",
    )
    .unwrap();
    let imported = ada.admin(&["members", "import", people.to_str().unwrap()]).ok();
    assert!(imported.contains("2 made, 0 changed"), "{imported}");
    let again = ada
        .admin(&["members", "import", people.to_str().unwrap(), "--json"])
        .json();
    assert_eq!((&again["unchanged"], &again["failed"]), (&2.into(), &0.into()));
    let found = ada.admin(&["members", "list", "sales"]).ok();
    assert!(
        found.contains("Lee, Ben") && found.contains("object id") && !found.contains("Eve"),
        "{found}"
    );

    // Ben may not, and is told which role it takes.
    let token = Command::new(env!("CARGO_BIN_EXE_sidetone"))
        .args([
            "token",
            "--identity",
            "member:contoso:ben",
            "--server",
            &service.url,
        ])
        .output()
        .unwrap();
    let ben = Person::connected(&service, String::from_utf8(token.stdout).unwrap().trim());
    let enable = ["federation", "set", "--external-users", "on", "--allow", &id];
    let denied = ben.admin(&enable).refused(4);
    assert!(
        denied.contains("access denied") && denied.contains("administrator of contoso"),
        "{denied}"
    );
    assert!(
        ben.admin(&["members", "show", "ben"]).ok().contains("Lee, Ben"),
        "looking people up is everybody's"
    );

    let stored = ada.admin(&[&enable[..], &["--json"]].concat()).json();
    assert_eq!(ada.admin(&["federation", "show", "--json"]).json(), stored);
    assert_eq!(stored["allowedResources"][0], id.as_str());
    ada.admin(&["policy", "set", "global", "--federation-access", "on"])
        .ok();
    let shown = ada.admin(&["members", "show", "ben", "--json"]).json();
    assert_eq!(shown["effective"]["policy"]["enableFederationAccess"], true);
    ada.admin(&["policy", "set", "closed", "--federation-access", "off"])
        .ok();
    ada.admin(&["policy", "assign", "ben", "closed"]).ok();
    assert_eq!(
        ada.admin(&["members", "show", "ben", "--json"]).json()["effective"]["origin"],
        "direct"
    );
    assert!(
        ada.admin(&["policy", "delete", "closed"])
            .refused(1)
            .contains("in use")
    );
    ada.admin(&["policy", "assign", "ben"]).ok();
    ada.admin(&["policy", "delete", "closed"]).ok();

    // Every change is in the log, with who made it.
    let log = ada.admin(&["audit", "--organisation", "contoso"]).ok();
    for part in [
        "federation.change",
        "policy.put",
        "member.import",
        "organisation.approve",
        "contoso (key",
    ] {
        assert!(log.contains(part), "{part} is missing:\n{log}");
    }
    assert_eq!(ada.admin(&["audit"]).ok(), log, "one's own without a name");
    let log = operator.admin(&["audit", "--json", "--limit", "3"]).json();
    assert_eq!(log.as_array().unwrap().len(), 3);

    assert!(
        operator
            .admin(&["organisations", "delete", "contoso"])
            .refused(2)
            .contains("--yes")
    );
    operator
        .admin(&["organisations", "delete", "contoso", "--yes"])
        .ok();
    assert!(
        ada.admin(&["status"])
            .refused(4)
            .contains("does not accept the key")
    );
}

#[test]
fn groups_and_voice_applications_are_set_and_deleted() {
    let service = service();
    let operator = Person::connected(&service, OPERATOR);
    let made = operator
        .admin(&[
            "organisations",
            "create",
            "contoso",
            "--name",
            "Contoso",
            "--json",
        ])
        .json();
    let ada = Person::connected(&service, first_key(&made));
    ada.admin(&["members", "set", "ann", "--name", "Ann"]).ok();
    ada.admin(&["groups", "set", "sales", "--name", "Sales", "--pickup"])
        .ok();
    ada.admin(&[
        "members",
        "set",
        "ann",
        "--group",
        "sales",
        "--administrator",
        "on",
    ])
    .ok();
    assert!(
        ada.admin(&["groups", "delete", "sales"])
            .refused(1)
            .contains("in use")
    );
    let ann = ada.admin(&["members", "show", "ann", "--json"]).json();
    assert_eq!(
        (&ann["displayName"], &ann["roles"][0]),
        (&"Ann".into(), &"administrator".into())
    );
    ada.admin(&[
        "applications",
        "set",
        "support",
        "--name",
        "Support",
        "--kind",
        "queue",
        "--agent",
        "ann",
    ])
    .ok();
    assert!(ada.admin(&["applications", "list"]).ok().contains("queue"));
    assert!(
        ada.admin(&["members", "set", "nobody", "--mode", "legacy"])
            .refused(1)
            .contains("no such member")
    );
    ada.admin(&["members", "delete", "ann"]).ok();
    ada.admin(&["groups", "delete", "sales"]).ok();
    ada.admin(&["applications", "delete", "support"]).ok();
    assert!(ada.admin(&["groups", "list"]).ok().contains("no group"));
    let capabilities = ada.admin(&["capabilities"]).ok();
    assert!(capabilities.contains("ad-hoc calling") && capabilities.contains("public-preview"));
}

#[cfg(unix)]
#[test]
fn the_key_is_kept_where_nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let service = service();
    let operator = Person::connected(&service, OPERATOR);
    let file = operator.folder.path("admin.json");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(operator.admin(&["status"]).refused(5).contains("chmod 600"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    operator.admin(&["disconnect"]).ok();
    assert!(!file.exists());
    operator.admin(&["status"]).refused(2);
}

#[test]
fn a_key_that_is_wrong_is_not_kept_and_none_is_shown() {
    let service = service();
    let person = Person::new(&service);
    let refused = person
        .admin(&["connect", "--server", &service.url, "--key", "secret-but-wrong"])
        .refused(4);
    assert!(!refused.contains("secret-but-wrong"), "{refused}");
    assert!(!person.folder.path("admin.json").exists());
    // A key is not sent in the clear to another machine, and a service that is not there is out of reach.
    person
        .admin(&["status", "--server", "http://203.0.113.1", "--key", "k"])
        .refused(2);
    person
        .admin(&["status", "--server", "http://127.0.0.1:1", "--key", "k"])
        .refused(4);
    // A key is for the service it was stored with.
    let operator = Person::connected(&service, OPERATOR);
    let elsewhere = operator
        .admin(&["status", "--server", "http://127.0.0.1:1"])
        .refused(2);
    assert!(elsewhere.contains("no key"), "{elsewhere}");
}

#[test]
fn the_first_key_is_shown_at_the_first_start_only() {
    let folder = Folder::new();
    let data = folder.file("data");
    let key = |service: &mut Service| {
        service.program.events[0]["operatorKey"]
            .as_str()
            .map(str::to_owned)
    };
    let mut first = Service::start(&["--data-dir", &data]);
    let shown = key(&mut first).expect("a key at the first start");
    assert!(
        Person::connected(&first, &shown)
            .admin(&["status"])
            .ok()
            .contains("operator")
    );
    first.program.interrupt();
    first.program.end().assert_code(0);
    let mut second = Service::start(&["--data-dir", &data]);
    assert_eq!(key(&mut second), None);
    Person::connected(&second, &shown).admin(&["status"]).ok();
}

#[test]
fn files_that_make_no_sense_change_nothing() {
    let service = service();
    let operator = Person::connected(&service, OPERATOR);
    let made = operator
        .admin(&[
            "organisations",
            "create",
            "contoso",
            "--name",
            "Contoso",
            "--json",
        ])
        .json();
    let ada = Person::connected(&service, first_key(&made));
    for (name, text) in [
        ("a.csv", "name\nann\n"),
        ("b.json", "{"),
        ("c.txt", "key,displayName\na,b\n"),
    ] {
        let file = ada.folder.path(name);
        std::fs::write(&file, text).unwrap();
        ada.admin(&["members", "import", file.to_str().unwrap()])
            .refused(5);
    }
    let file = ada.folder.path("mixed.json");
    std::fs::write(
        &file,
        r#"[{"key":"1","displayName":"One"},{"key":"2","displayName":" "}]"#,
    )
    .unwrap();
    let said = ada.admin(&["members", "import", file.to_str().unwrap()]);
    assert!(
        said.out.contains("1 made") && said.out.contains("1 failed"),
        "{}",
        said.out
    );
    said.refused(1);
    assert_eq!(
        ada.admin(&["members", "list", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_service_starts_from_the_copy_of_another() {
    let folder = Folder::new();
    let first = service();
    let operator = Person::connected(&first, OPERATOR);
    operator
        .admin(&["organisations", "create", "contoso", "--name", "Contoso"])
        .ok();
    std::fs::create_dir(folder.path("restored")).unwrap();
    let file = folder.path("restored").join("sidetone.redb");
    let file = file.to_str().unwrap();
    assert!(operator.admin(&["backup", file]).ok().contains("bytes"));

    // Nothing is overwritten, and only the operator has one.
    assert!(operator.admin(&["backup", file]).refused(5).contains("exists"));
    let made = operator
        .admin(&["resource", "create", "Web shop", "--json"])
        .json();
    let owner = Person::connected(&first, first_key(&made));
    let other = folder.path("other");
    let refused = owner.admin(&["backup", other.to_str().unwrap()]).refused(4);
    assert!(refused.contains("operator"), "{refused}");
    let left: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing unfinished is left: {left:?}");
    drop(first);

    let data = folder.path("restored");
    let again = Service::start(&["--operator-key", OPERATOR, "--data-dir", data.to_str().unwrap()]);
    let operator = Person::connected(&again, OPERATOR);
    let shown = operator.admin(&["organisations", "show", "contoso"]).ok();
    assert!(shown.contains("Contoso"), "{shown}");
}

#[test]
fn before_the_operators_approval_nothing_is_open() {
    let service = Service::start(&["--operator-key", OPERATOR, "--approval", "manual"]);
    let operator = Person::connected(&service, OPERATOR);
    assert!(operator.admin(&["status"]).ok().contains("manual"));
    let create = [
        "organisations",
        "create",
        "contoso",
        "--name",
        "Contoso",
        "--json",
    ];
    let made = operator.admin(&create).json();
    let ada = Person::connected(&service, first_key(&made));
    let open = ["federation", "set", "--external-users", "on"];
    let refused = ada.admin(&open).refused(1);
    assert!(refused.contains("OrganisationNotApproved"), "{refused}");
    assert!(
        ada.admin(&["organisations", "show", "contoso"])
            .ok()
            .contains("pending")
    );
    let refused = ada.admin(&["organisations", "approve", "contoso"]).refused(4);
    assert!(refused.contains("operator"), "{refused}");
    operator.admin(&["organisations", "approve", "contoso"]).ok();
    let shown = ada.admin(&["organisations", "show", "contoso"]).ok();
    assert!(shown.contains("approved"), "{shown}");
    ada.admin(&open).ok();
}

#[test]
fn who_makes_a_new_key_in_the_place_of_the_own_one_stays_connected() {
    let service = service();
    let operator = Person::connected(&service, OPERATOR);
    let made = operator.admin(&["resource", "create", "Shop", "--json"]).json();
    let rita = Person::connected(&service, first_key(&made));
    let said = rita.admin(&["keys", "rotate", "secondary"]).ok();
    assert!(!said.contains("You were connected"), "{said}");
    let said = rita.admin(&["keys", "rotate", "primary"]).ok();
    assert!(said.contains("You were connected"), "{said}");
    assert!(rita.admin(&["resource", "show"]).ok().contains("Shop"));
}

#[test]
fn one_is_asked_for_no_tenant_but_the_own() {
    let service = service();
    let operator = Person::connected(&service, OPERATOR);
    let made = operator
        .admin(&[
            "organisations",
            "create",
            "contoso",
            "--name",
            "Contoso",
            "--json",
        ])
        .json();
    let ada = Person::connected(&service, first_key(&made));
    ada.admin(&["members", "set", "ben", "--name", "Ben"]).ok();
    assert!(ada.admin(&["audit"]).ok().contains("member.contoso.ben"));
    let missing = ada.admin(&["federation", "set", "--allow", "nosuch"]).refused(1);
    assert!(missing.contains("no resource nosuch"), "{missing}");

    // A member is told which role is missing, not to say whose.
    let ask = [
        "token",
        "--json",
        "--identity",
        "member:contoso:ben",
        "--server",
        &service.url,
    ];
    let token = support::Program::start(&ask).end().events[0]["token"].clone();
    let ben = Person::connected(&service, token.as_str().unwrap());
    for command in [&["calls", "live"][..], &["usage"], &["audit"]] {
        let refused = ben.admin(command).refused(4);
        assert!(
            refused.contains("administrator of contoso"),
            "{command:?}: {refused}"
        );
    }
}

#[test]
fn switches_are_turned_one_by_one() {
    let service = service();
    let operator = Person::connected(&service, OPERATOR);
    let made = operator
        .admin(&[
            "organisations",
            "create",
            "contoso",
            "--name",
            "Contoso",
            "--json",
        ])
        .json();
    let ada = Person::connected(&service, first_key(&made));
    ada.admin(&["switches", "set", "legacyMembers", "source"]).ok();
    ada.admin(&["switches", "set", "escalation", "source"]).ok();
    let set = ada.admin(&["switches", "list", "--json"]).json();
    assert_eq!(
        (&set["legacyMembers"], &set["escalation"]),
        (&Value::from("source"), &Value::from("source"))
    );
    assert_eq!(set["delegation"], "open");
    let table = ada.admin(&["switches", "list"]).ok();
    assert!(table.contains("L2") && table.contains("stays one"), "{table}");
    let unknown = ada.admin(&["switches", "set", "legacy", "source"]).refused(2);
    assert!(unknown.contains("legacyMembers"), "it lists them: {unknown}");
}
