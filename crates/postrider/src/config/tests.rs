//! The order of the layers, the refusals, and that the manual page tells the truth.

use super::*;

const MANUAL: &str = include_str!("../config.default.toml");

fn from(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Loaded, Vec<String>> {
    let surroundings = Surroundings {
        file: Some((PathBuf::from("p.toml"), file.to_owned())),
        environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        problems: Vec::new(),
    };
    resolve(surroundings, flags.iter().map(|(k, v)| (*k, Raw::Text((*v).to_owned()))).collect())
}

fn problem(file: &str) -> String {
    let problems = from(file, &[], &[]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

#[test]
fn the_manual_page_names_every_setting_and_equals_the_defaults() {
    let loaded = from(MANUAL, &[], &[]).unwrap();
    assert_eq!(loaded.config, Config::default());
    let named: Vec<_> = loaded.sources.keys().copied().collect();
    let mut known: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
    known.sort_unstable();
    assert_eq!(named, known);
    for setting in SETTINGS {
        assert!(MANUAL.contains(&setting.variable()), "{} is not explained", setting.variable());
        assert!(MANUAL.contains(&format!("Flag {}", setting.flag)), "{} is not", setting.flag);
    }
}

#[test]
fn what_is_shown_reads_as_the_same_settings() {
    let flags = [
        ("allow_targets", "10.0.0.0/8, fd00::/8"),
        ("shutdown_grace", "90s"),
        ("log.level", "trace"),
    ];
    let shown: Vec<_> = {
        let loaded = from("", &[], &flags).unwrap();
        loaded.rows().map(|(key, value, _)| format!("{key} = {value}")).collect()
    };
    assert_eq!(
        from(&shown.join("\n"), &[], &[]).unwrap().config,
        from("", &[], &flags).unwrap().config
    );
}

#[test]
fn flags_come_before_the_environment_before_the_file_before_defaults() {
    let file = "database = 'sqlite:file.db'\nlisten = '127.0.0.1:1'\n[log]\nlevel = 'warn'";
    let environment = [("POSTRIDER_LISTEN", "127.0.0.1:2"), ("POSTRIDER_LOG_LEVEL", "debug")];
    let loaded = from(file, &environment, &[("log.level", "trace")]).unwrap();
    assert_eq!(loaded.config.database.reveal(), "sqlite:file.db");
    assert_eq!(loaded.config.web.listen.port(), 2);
    assert_eq!(loaded.config.log.level, LogLevel::Trace);
    let sources: Vec<_> = loaded.rows().map(|(key, _, source)| format!("{key} {source}")).collect();
    assert!(sources.contains(&"database p.toml:1".to_owned()), "{sources:?}");
    assert!(sources.contains(&"listen environment POSTRIDER_LISTEN".to_owned()), "{sources:?}");
    assert!(sources.contains(&"log.level flag --log-level".to_owned()), "{sources:?}");
    assert!(sources.contains(&"log.format default".to_owned()), "{sources:?}");
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_line_and_the_nearest() {
    assert_eq!(
        problem("\nlisten = '127.0.0.1:0'\nallow_target = []"),
        "p.toml:3: `allow_target` is not a setting; did you mean `allow_targets`?"
    );
    assert_eq!(
        problem("[log]\nlvel = 'info'"),
        "p.toml:2: `log.lvel` is not a setting; did you mean `log.level`?"
    );
    assert!(problem("colour = 'red'").contains("there are database, "));
    let problems = from("", &[("POSTRIDER_DATABSE", "x")], &[]).unwrap_err();
    assert_eq!(
        problems,
        ["environment: `POSTRIDER_DATABSE` is not a setting; did you mean `POSTRIDER_DATABASE`?"]
    );
}

#[test]
fn a_bad_value_is_refused_with_what_is_allowed() {
    let cases = [
        ("database = 'mysql://x'", "sqlite:PATH"),
        ("database = 7", "is a number"),
        ("listen = 'localhost:80'", "IP:PORT"),
        ("retention_days = '0'", "a number from 1"),
        ("retention_days = '36501'", "no number of days"),
        ("allow_targets = ['10.0.0.1/8']", "a block of addresses"),
        ("allow_targets = ['10.0.0.0/33']", "a block of addresses"),
        ("allow_targets = [1]", "a block of addresses"),
        ("name_servers = ['9.9.9.9']", "IP:PORT"),
        ("allow_http_targets = 'yes'", "neither true nor false"),
        ("shutdown_grace = '30'", "such as 30s"),
        ("merchant_request_rate = '0/s'", "such as \"200/s\""),
        ("merchant_request_rate = '9'", "such as \"200/s\""),
        ("shutdown_grace = '25h'", "at most 24h"),
        ("schema_check = 'on'", "off, warn or refuse"),
        ("catalogue = 7", "is a number"),
        ("log.level = 'loud'", "error, warn, info, debug or trace"),
        ("log.format = 'xml'", "text or json"),
        ("log = 'json'", "`log` is not a setting"),
        ("listen = ", "is not TOML"),
    ];
    for (file, expected) in cases {
        let problem = problem(file);
        assert!(problem.starts_with("p.toml:1: ") && problem.contains(expected), "{problem}");
    }
}

#[test]
fn a_signature_header_is_refused_unless_it_is_sent_in_that_case() {
    let read = |name: &str| from("", &[], &[("signature_header", name)]);
    for name in ["Ordergroove-Signature", "X-Signature", "Acme2-Sig"] {
        assert_eq!(read(name).unwrap().config.signature_header.as_str(), name);
    }
    for name in ["X-OG-Signature", "x-signature", "OrderGroove-Signature", "X--Y", "", "X_Y", "Ü"]
    {
        let problems = read(name).unwrap_err();
        assert!(problems[0].contains("would not be sent in this case"), "{problems:?}");
    }
    for name in ["Content-Type", "Host", "Postrider-Delivery", "Webhook-Signature"] {
        let problems = read(name).unwrap_err();
        assert!(problems[0].contains("choose another name"), "{problems:?}");
    }
}

#[test]
fn sabotage_is_known_to_debug_builds_only() {
    let told = from("", &[("POSTRIDER_SABOTAGE", "ack-before-commit")], &[]);
    assert_eq!(told.is_ok(), cfg!(debug_assertions));
    assert!(from("", &[("POSTRIDER_SABOTAGE", "other")], &[]).is_err());
    assert_eq!(Config::default().sabotage, Sabotage::None);
}

#[test]
fn every_problem_is_reported_at_once() {
    let file = "listne = 1\nlog.level = 'x'";
    let problems = from(file, &[("POSTRIDER_NOPE", "1")], &[("listen", "here")]).unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
}

#[test]
fn a_password_in_a_database_url_is_never_printed() {
    let problem = problem("database = 'postgres://me:canary@db.example/postrider'");
    assert!(
        !problem.contains("canary") && problem.contains("postgres://me:…@db.example"),
        "{problem}"
    );
}

#[test]
fn times_carry_units() {
    for (text, millis) in
        [("250ms", 250), ("30s", 30_000), ("5 m", 300_000), ("24h", 86_400_000), ("0s", 0)]
    {
        let span: Span = text.parse().unwrap();
        assert_eq!(span.0.as_millis(), millis, "{text}");
        assert_eq!(span.to_string().parse::<Span>(), Ok(span));
    }
    for text in ["", "s", "30", "1.5s", "-1s", "99999999999999999999s", "30 sec"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}
