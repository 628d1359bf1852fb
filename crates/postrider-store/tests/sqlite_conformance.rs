//! The conformance suite over SQLite, and what can only be seen in SQLite's own file.

use postrider_core::seal::Sealer;
use postrider_store::catalog::AuditFilter;
use postrider_store::conformance::{Harness, fixture, temp_sqlite};
use postrider_store::open::reseal;
use postrider_store::{OpenOptions, StoreError, open};

postrider_store::conformance!(sqlite, temp_sqlite);

#[test]
fn every_test_of_the_suite_is_listed() {
    let suite = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let list = std::fs::read_to_string(suite.join("mod.rs")).unwrap();
    let (_, list) = list.split_once("macro_rules!").unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(&suite).unwrap() {
        let path = entry.unwrap().path();
        let helper = ["mod.rs", "fixture.rs", "harness.rs"].map(std::ffi::OsStr::new);
        if path.file_name().is_some_and(|name| helper.contains(&name)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
            let name = line.split('(').next().unwrap();
            assert!(list.split_whitespace().any(|listed| listed == name), "{name}");
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

fn options(directory: &tempfile::TempDir, sealer: Sealer) -> OpenOptions {
    let url = format!("sqlite:{}", directory.path().join("p.db").display());
    OpenOptions { url, sealer, now: fixture::at(0) }
}

#[tokio::test]
async fn keys_never_stand_in_clear_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let options = options(&directory, fixture::sealer());
    let harness = Harness::new(move |now| Box::pin(open(OpenOptions { now, ..options.clone() })));
    let harness = harness.await.with_webhooks(2).await;
    let id = fixture::webhook_id(1);
    harness.rotate_key(fixture::merchant(1), id, fixture::key(3), fixture::stamp(1)).await.unwrap();
    let all = || {
        let read = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.unwrap().path());
        std::fs::read_dir(&path).unwrap().map(read).collect::<Result<Vec<_>, _>>().unwrap().concat()
    };
    let holds = |bytes: &[u8], text: &str| {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let check = |when| {
        let bytes = all();
        assert!(holds(&bytes, "webhook 1"), "{when}: the name of the webhook is there");
        assert!(!holds(&bytes, "whsec_"), "{when}");
        for n in 1..=3 {
            let key = fixture::key(n);
            assert!(!holds(&bytes, key.reveal().trim_start_matches("whsec_")), "{when}");
        }
    };
    check("in the write-ahead log");
    drop(harness);
    check("after closing");
}

#[tokio::test]
async fn keys_are_sealed_again_with_another_secret_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let other = || Sealer::new(&[8; 32], |nonce| nonce.fill(1));
    let opening = options(&directory, fixture::sealer());
    let harness = Harness::new(move |now| Box::pin(open(OpenOptions { now, ..opening.clone() })));
    let harness = harness.await.with_webhooks(3).await;
    let (merchant, id) = (fixture::merchant(1), fixture::webhook_id(2));
    let keys = harness.rotate_key(merchant, id, fixture::key(9), fixture::stamp(1)).await.unwrap();
    harness.delete_webhook(merchant, fixture::webhook_id(3), fixture::stamp(1)).await.unwrap();

    let reseal = |from| reseal(options(&directory, from), other(), fixture::stamp(2));
    let held = reseal(fixture::sealer()).await;
    assert!(matches!(held, Err(StoreError::InUse { .. })), "{held:?}");
    drop(harness);
    let wrong = reseal(other()).await;
    assert!(matches!(wrong, Err(StoreError::Refused(_))), "{wrong:?}");
    assert_eq!(reseal(fixture::sealer()).await.unwrap(), 2, "a deleted webhook has no keys");

    let refused = open(options(&directory, fixture::sealer())).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let store = open(options(&directory, other())).await.unwrap();
    assert_eq!(store.verification_keys(merchant, id).await.unwrap(), keys);
    let audited = store.verify_audit_log().await.unwrap();
    assert_eq!(audited.first_altered, None);
    let ask = fixture::ask(1, None);
    let last = store.audit_log(AuditFilter::default(), ask).await.unwrap().rows.remove(0);
    assert_eq!(last.action, "secret_key.rotated");
}

/// A key that does not open stops the change as a whole.
#[tokio::test]
async fn a_broken_key_leaves_every_other_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let opening = options(&directory, fixture::sealer());
    let harness = Harness::new(move |now| Box::pin(open(OpenOptions { now, ..opening.clone() })));
    drop(harness.await.with_webhooks(2).await);
    let file = rusqlite::Connection::open(directory.path().join("p.db")).unwrap();
    let broken = [fixture::webhook_id(2).to_bytes()];
    file.execute("UPDATE webhooks SET key_new = x'00' WHERE id = ?1", broken).unwrap();
    drop(file);
    let other = Sealer::new(&[8; 32], |nonce| nonce.fill(1));
    let failed = reseal(options(&directory, fixture::sealer()), other, fixture::stamp(2)).await;
    assert!(matches!(failed, Err(StoreError::Corrupt(_))), "{failed:?}");
    let store = open(options(&directory, fixture::sealer())).await.unwrap();
    let id = fixture::webhook_id(1);
    let keys = store.verification_keys(fixture::merchant(1), id).await.unwrap();
    assert_eq!(keys.new, fixture::key(1));
}

#[tokio::test]
async fn one_database_is_open_in_one_process_and_with_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(options(&directory, fixture::sealer())).await.unwrap();
    let refusal = |result: postrider_store::Result<_>| match result {
        Err(StoreError::Refused(text)) => text,
        Err(held @ StoreError::InUse { .. }) => held.to_string(),
        other => panic!("not refused: {:?}", other.map(|_: std::sync::Arc<_>| ())),
    };
    let text = refusal(open(options(&directory, fixture::sealer())).await);
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    first.check().await.unwrap();
    drop(first);
    let other = Sealer::new(&[8; 32], |nonce| nonce.fill(1));
    let text = refusal(open(options(&directory, other)).await);
    assert!(text.starts_with("wrong secret key"), "{text}");
    let text = refusal(
        open(OpenOptions {
            url: "postgres://localhost".into(),
            ..options(&directory, fixture::sealer())
        })
        .await,
    );
    assert!(text.contains("sqlite:PATH"), "{text}");
    assert_eq!(
        open(options(&directory, fixture::sealer())).await.unwrap().tally().await.unwrap(),
        postrider_store::queue::Tally::default()
    );
}
