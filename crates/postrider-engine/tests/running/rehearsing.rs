//! Rehearsals of rotations with real receivers: what each kind of them is found to be, and that
//! nothing else learns of the probes.

use std::collections::HashSet;
use std::time::Duration;

use postrider_core::event::EventType;
use postrider_core::ids::WebhookId;
use postrider_core::key::VerificationKey;
use postrider_core::limits;
use postrider_core::rehearsal::{Rehearsal, Reply, Verdict};
use postrider_core::webhook::{Health, Status};
use postrider_engine::chance;
use postrider_engine::rehearsal::{RehearsalAsk, RehearseError};
use postrider_store::StoreError;
use postrider_store::catalog::{AuditFilter, DeliveryFilter, PageAsk};

use crate::support::{Lock, Receiver, Say, TestEngine, stamp};

/// A webhook in a rotation, its receiver and its two keys.
struct Rehearsing {
    app: TestEngine,
    receiver: Receiver,
    webhook: WebhookId,
    new: VerificationKey,
    old: VerificationKey,
}

impl Rehearsing {
    async fn start() -> Self {
        let app = TestEngine::start().await;
        let receiver = Receiver::start().await;
        let webhook = app.webhook(&receiver.url(), |_| {}).await;
        let old = app.store().verification_keys(app.merchant, webhook).await.unwrap().new;
        let new = chance::verification_key();
        let (key, now) = (new.clone(), stamp(app.clock.now()));
        app.store().rotate_key(app.merchant, webhook, key, now).await.unwrap();
        app.engine.refresh_routing().await.unwrap();
        Self { app, receiver, webhook, new, old }
    }

    fn verifies_with(&self, keys: &[&VerificationKey], is_first_only: bool) {
        let keys = keys.iter().copied().cloned().collect();
        self.receiver.answers([Say::Verify(Lock { keys, is_first_only })]);
    }

    async fn try_to(&self, with_random_key: bool) -> Result<Rehearsal, RehearseError> {
        let event_type = EventType::parse("order.create").unwrap();
        let (merchant, webhook) = (self.app.merchant, self.webhook);
        let ask = RehearsalAsk { merchant, webhook, event_type, with_random_key };
        self.app.engine.rehearse(ask, stamp(self.app.clock.now())).await
    }

    /// Rehearses when it may be done again.
    async fn rehearse(&self) -> Rehearsal {
        self.app.advance(limits::REHEARSAL_GAP);
        self.try_to(true).await.unwrap()
    }

    /// The statuses the probes were answered with, in the order sent.
    async fn statuses(&self) -> Vec<Option<u16>> {
        self.rehearse().await.probes.iter().map(|probed| probed.status_code).collect()
    }
}

fn ask(size: u32) -> PageAsk {
    PageAsk { size, cursor: None }
}

#[tokio::test]
async fn each_kind_of_receiver_is_found_out() {
    let test = Rehearsing::start().await;
    let stranger = chance::verification_key();
    let (new, old) = (&test.new, &test.old);
    for (keys, verdict) in [
        (vec![new], Verdict::Switched),
        (vec![new, old], Verdict::BothInstalled),
        (vec![old], Verdict::NotSwitched),
        (vec![&stranger], Verdict::NoConclusion),
    ] {
        test.verifies_with(&keys, false);
        let rehearsal = test.rehearse().await;
        assert_eq!(rehearsal.verdict(), verdict, "{rehearsal:?}");
        assert!(rehearsal.is_rotating);
        assert_ne!(rehearsal.reads_first_signature_only(), Some(true), "{rehearsal:?}");
    }
    test.receiver.answers([Say::Status(204)]);
    assert_eq!(test.rehearse().await.verdict(), Verdict::DoesNotVerify);
}

#[tokio::test]
async fn a_receiver_that_reads_the_first_signature_only_is_found_before_it_breaks() {
    let test = Rehearsing::start().await;
    for (key, verdict) in [(&test.new, Verdict::Switched), (&test.old, Verdict::NotSwitched)] {
        test.verifies_with(&[key], true);
        let rehearsal = test.rehearse().await;
        assert_eq!(rehearsal.verdict(), verdict);
        assert_eq!(rehearsal.reads_first_signature_only(), Some(true), "{rehearsal:?}");
    }
}

#[tokio::test]
async fn answers_that_say_nothing_about_keys_make_no_verdict() {
    let test = Rehearsing::start().await;
    for (say, status) in [
        (Say::Status(503), Some(503)),
        (Say::With(302, "location", "http://127.0.0.1/".to_owned()), Some(302)),
        (Say::Reset, None),
    ] {
        test.receiver.answers([say]);
        assert_eq!(test.statuses().await, vec![status; 5]);
        assert_eq!(test.rehearse().await.verdict(), Verdict::NoConclusion);
    }
}

#[tokio::test]
async fn without_a_rotation_there_is_one_key_and_a_random_one_only_when_asked_for() {
    let test = Rehearsing::start().await;
    let now = stamp(test.app.clock.now());
    let key = chance::verification_key();
    let only = test.app.store().replace_key(test.app.merchant, test.webhook, key, now).await;
    test.verifies_with(&[&only.unwrap().new], false);
    let alone = test.try_to(false).await.unwrap();
    assert_eq!((alone.probes.len(), alone.verdict()), (1, Verdict::NoConclusion));
    let asked = test.rehearse().await;
    assert_eq!((asked.probes.len(), asked.verdict()), (2, Verdict::Switched));
}

#[tokio::test]
async fn a_probe_is_a_test_event_of_its_own_and_no_delivery() {
    let test = Rehearsing::start().await;
    test.receiver.answers([Say::Status(410)]);
    let rehearsal = test.rehearse().await;
    test.app.engine.run_until_idle().await;
    let got = test.receiver.got();
    assert_eq!(got.len(), 5);
    let ids: HashSet<_> = got.iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 5, "a receiver that drops repeats answers each");
    assert!(got.iter().all(|got| got.header("postrider-test") == "true"));
    assert!(got.iter().all(|got| got.body.starts_with(b"{\"id\":")));
    let (store, merchant) = (test.app.store(), test.app.merchant);
    let deliveries = store.deliveries(merchant, DeliveryFilter::default(), ask(9)).await.unwrap();
    assert!(deliveries.rows.is_empty());
    assert_eq!(test.app.health(test.webhook).await, (Status::Enabled, Health::OK), "410 is no end");
    let kept = store.rehearsals(merchant, test.webhook, ask(9)).await.unwrap();
    assert_eq!(kept.rows, [rehearsal]);
    let log = store.audit_log(AuditFilter::default(), ask(1)).await.unwrap();
    assert_eq!(&*log.rows[0].action, "webhook.rehearsed");
}

#[tokio::test]
async fn one_rehearsal_of_a_webhook_runs_and_ends_though_nobody_answers() {
    let test = Rehearsing::start().await;
    test.receiver.answers([Say::Hang]);
    let meanwhile = async {
        test.receiver.has_got(1).await;
        let second = test.try_to(true).await;
        assert!(matches!(second, Err(RehearseError::Running)), "{second:?}");
        for probe in 1..=5 {
            test.receiver.has_got(probe).await;
            test.app.advance(limits::TIMEOUT_DEFAULT);
        }
    };
    let (rehearsal, ()) = tokio::join!(test.rehearse(), meanwhile);
    assert_eq!(rehearsal.verdict(), Verdict::NoConclusion);
    test.receiver.answers([Say::Status(200)]);
    assert_eq!(test.rehearse().await.verdict(), Verdict::DoesNotVerify, "its place is free again");
}

#[tokio::test]
async fn the_next_rehearsal_waits_a_moment_even_across_a_restart() {
    let test = Rehearsing::start().await;
    test.rehearse().await;
    let Rehearsing { app, receiver, webhook, new, old } = test;
    let test = Rehearsing { app: app.restart().await, receiver, webhook, new, old };
    let arrived = test.receiver.count();
    for passed in [Duration::ZERO, limits::REHEARSAL_GAP.saturating_sub(Duration::from_millis(1))] {
        test.app.advance(passed);
        let soon = test.try_to(true).await;
        assert!(matches!(soon, Err(RehearseError::TooSoon { .. })), "{soon:?}");
    }
    assert_eq!(test.receiver.count(), arrived, "nothing was sent");
    test.app.advance(Duration::from_millis(1));
    assert!(test.try_to(true).await.is_ok());
}

#[tokio::test]
async fn a_rotation_meanwhile_leaves_no_evidence() {
    let test = Rehearsing::start().await;
    test.receiver.answers([Say::Hang]);
    let meanwhile = async {
        test.receiver.has_got(1).await;
        let (key, now) = (chance::verification_key(), stamp(test.app.clock.now()));
        test.app.store().rotate_key(test.app.merchant, test.webhook, key, now).await.unwrap();
        for probe in 1..=5 {
            test.receiver.has_got(probe).await;
            test.app.advance(limits::TIMEOUT_DEFAULT);
        }
    };
    let (rehearsal, ()) = tokio::join!(test.try_to(true), meanwhile);
    let is_refused = matches!(rehearsal, Err(RehearseError::Store(StoreError::Conflict)));
    assert!(is_refused, "{rehearsal:?}");
    let kept = test.app.store().rehearsals(test.app.merchant, test.webhook, ask(9)).await.unwrap();
    assert!(kept.rows.is_empty());
}

#[tokio::test]
async fn a_receiver_that_cannot_be_reached_makes_no_verdict() {
    let test = Rehearsing::start().await;
    // A port that was free a moment ago and that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let webhook = test.app.webhook(&format!("http://{closed}/"), |_| {}).await;
    let rehearsal = Rehearsing { webhook, ..test }.rehearse().await;
    assert_eq!(rehearsal.verdict(), Verdict::NoConclusion);
    assert!(rehearsal.probes.iter().all(|probed| probed.reply() == Reply::Unclear));
}
