//! The model test: random sequences of verbs against the store and against a small model in
//! memory, comparing every answer; a restart is a verb like the others.
//!
//! On failure proptest prints the shortest sequence it found and the seed that leads to it.

#![expect(clippy::unwrap_used, reason = "a test's helpers, which clippy does not take for tests")]
#![expect(clippy::expect_used, reason = "the same")]

mod model;

use std::time::Duration;

use model::{LeaseSeen, Model};
use postrider_core::delivery::Next;
use postrider_core::ids::MerchantId;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{DisabledBy, Status};
use postrider_store::StoreError;
use postrider_store::catalog::{Backlog, DeliveryFilter, StatusChange};
use postrider_store::conformance::fixture::{
    ask, at, attempt, delivery_id, key, merchant, named, stamp, webhook_id,
};
use postrider_store::conformance::{Harness, temp_sqlite};
use postrider_store::queue::{Append, Change, LaneAsk, LeaseAsk, NewEvent, Resent, Settlement};
use postrider_store::retention::{PruneAsk, Pruned};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

const WEBHOOKS: u64 = 3;

/// One step. Small numbers choose among what exists when the step is taken.
#[derive(Debug, Clone)]
enum Step {
    Append {
        events: Vec<Posted>,
        version_lag: u64,
    },
    Lease {
        lanes: Vec<(u64, u32, u64)>,
    },
    Settle {
        batch: Vec<(usize, Ending)>,
    },
    Resend {
        delivery: u64,
        is_mine: bool,
    },
    ChangeStatus {
        webhook: u64,
        status: Status,
        backlog: Backlog,
    },
    Rotate {
        webhook: u64,
    },
    Delete {
        webhook: u64,
    },
    Wait {
        seconds: i64,
    },
    Restart,
    /// Of what is older than this many seconds.
    Prune {
        age: i64,
    },
}

/// An event under one of few ids, so that repeats and clashes are common.
#[derive(Debug, Clone)]
struct Posted {
    id: u8,
    digest: u8,
    webhooks: Vec<u64>,
    is_born_leased: bool,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Success,
    Failed,
    Retry(i64),
    HandedBack,
}

fn posted() -> impl Strategy<Value = Posted> {
    let webhooks = proptest::sample::subsequence(vec![1, 2, 3], 0..=3);
    (0..20_u8, 0..2_u8, webhooks, any::<bool>()).prop_map(
        |(id, digest, webhooks, is_born_leased)| Posted { id, digest, webhooks, is_born_leased },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let ending = prop_oneof![
        3 => Just(Ending::Success),
        2 => Just(Ending::Failed),
        3 => (0..200_i64).prop_map(Ending::Retry),
        2 => Just(Ending::HandedBack),
    ];
    let status = prop_oneof![
        4 => Just(Status::Enabled),
        1 => Just(Status::Paused),
        2 => Just(Status::Disabled(DisabledBy::Request)),
    ];
    let backlog = prop_oneof![Just(Backlog::Keep), Just(Backlog::Latest), Just(Backlog::Cancel)];
    let webhook = 1..=WEBHOOKS;
    let lane = (1..=WEBHOOKS, 0..4_u32, 1..100_u64);
    prop_oneof![
        8 => (prop::collection::vec(posted(), 1..4), prop_oneof![9 => Just(0), 1 => 1..3_u64])
            .prop_map(|(events, version_lag)| Step::Append { events, version_lag }),
        8 => prop::collection::vec(lane, 1..4).prop_map(|lanes| Step::Lease { lanes }),
        8 => prop::collection::vec((0..12_usize, ending), 1..4)
            .prop_map(|batch| Step::Settle { batch }),
        3 => (0..30_u64, prop::bool::weighted(0.9))
            .prop_map(|(delivery, is_mine)| Step::Resend { delivery, is_mine }),
        2 => (webhook.clone(), status, backlog)
            .prop_map(|(webhook, status, backlog)| Step::ChangeStatus { webhook, status, backlog }),
        1 => webhook.clone().prop_map(|webhook| Step::Rotate { webhook }),
        1 => webhook.prop_map(|webhook| Step::Delete { webhook }),
        5 => (1..120_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
        3 => (0..200_i64).prop_map(|age| Step::Prune { age }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_answers_like_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new().await;
            for step in steps {
                run.take(step).await;
            }
            run.compare_everything().await;
        });
    }
}

/// A store and the model that says what it must answer.
struct Run {
    harness: Harness,
    model: Model,
    /// Every lease ever given, old ones included.
    leases: Vec<LeaseSeen>,
    next_delivery: u64,
    now: i64,
}

impl Run {
    async fn new() -> Self {
        let harness = temp_sqlite().await.with_webhooks(WEBHOOKS).await;
        let model = Model::new(harness.version().await, WEBHOOKS);
        Self { harness, model, leases: Vec::new(), next_delivery: 1, now: 0 }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Append { events, version_lag } => self.append(events, version_lag).await,
            Step::Lease { lanes } => self.lease(&lanes).await,
            Step::Settle { batch } => self.settle(&batch).await,
            Step::Resend { delivery, is_mine } => self.resend(delivery, is_mine).await,
            Step::ChangeStatus { webhook, status, backlog } => {
                let change = StatusChange { status, backlog };
                let id = webhook_id(webhook);
                let answer =
                    self.harness.change_status(merchant(1), id, change, stamp(self.now)).await;
                let expected = self.model.change_status(webhook, status, backlog, self.now);
                assert_eq!(answer.ok().map(|changed| changed.canceled), expected);
            }
            Step::Rotate { webhook } => {
                let id = webhook_id(webhook);
                let keys = self.harness.rotate_key(merchant(1), id, key(9), stamp(self.now)).await;
                assert_eq!(keys.is_ok(), self.model.touch(webhook));
            }
            Step::Delete { webhook } => {
                let id = webhook_id(webhook);
                let gone = self.harness.delete_webhook(merchant(1), id, stamp(self.now)).await;
                assert_eq!(gone.is_ok(), self.model.delete(webhook, self.now));
            }
            Step::Wait { seconds } => self.now += seconds,
            Step::Restart => {
                self.harness.restart(at(self.now)).await;
                self.model.restart(self.now);
            }
            Step::Prune { age } => self.prune(at(self.now - age)).await,
        }
    }

    /// Walks to the end, and nothing that was pending is gone.
    async fn prune(&mut self, before: Timestamp) {
        let pending = self.harness.balance().await.unwrap().pending;
        let mut sum = Pruned::default();
        let mut next = Some(0);
        while let Some(after) = next {
            let step = self.harness.prune(PruneAsk { before, after }).await.unwrap();
            sum.events += step.events;
            sum.deliveries += step.deliveries;
            sum.attempts += step.attempts;
            next = step.next;
        }
        assert_eq!(sum, self.model.prune(before));
        let balance = self.harness.balance().await.unwrap();
        assert!(balance.is_even() && balance.pending == pending);
        assert_eq!(balance, self.model.balance());
    }

    async fn append(&mut self, posted: Vec<Posted>, version_lag: u64) {
        let mut events = Vec::new();
        for event in posted {
            let mut draft = named(&format!("e{}", event.id), event.digest, self.now);
            // As the routing table of this version would decide.
            for webhook in event.webhooks.into_iter().filter(|n| self.model.receives(*n)) {
                draft = draft.to(self.next_delivery, webhook);
                self.next_delivery += 1;
            }
            if event.is_born_leased {
                draft = draft.leased_until(at(self.now + 50));
            }
            events.push(NewEvent::from(draft));
        }
        let routing_version = self.model.version - version_lag;
        let expected = self.model.append(routing_version, &events, self.now);
        if let Ok(answers) = &expected {
            for (event, answer) in events.iter().zip(answers) {
                let born = event.deliveries.iter().filter(|new| new.leased_until.is_some());
                let fresh = born.filter(|_| !answer.is_duplicate);
                self.leases.extend(fresh.map(|new| LeaseSeen {
                    id: new.id,
                    epoch: 1,
                    attempts: 0,
                }));
            }
        }
        let answers = self.harness.append(vec![Append { routing_version, events }]).await.unwrap();
        assert_eq!(answers, [expected]);
    }

    async fn lease(&mut self, lanes: &[(u64, u32, u64)]) {
        let lane = |(webhook, limit, seconds): &(u64, u32, u64)| LaneAsk {
            webhook: webhook_id(*webhook),
            limit: *limit,
            lease_for: Duration::from_secs(*seconds),
        };
        let lanes: Vec<_> = lanes.iter().map(lane).collect();
        let ask = LeaseAsk { now: at(self.now), lanes: lanes.clone() };
        let leased = self.harness.lease(ask).await.unwrap();
        self.model.check_lease(&lanes, &leased, self.now);
        self.leases.extend(leased.deliveries.iter().map(|leased| LeaseSeen {
            id: leased.id,
            epoch: leased.epoch,
            attempts: leased.attempts,
        }));
    }

    async fn settle(&mut self, batch: &[(usize, Ending)]) {
        let mut settlements = Vec::new();
        for (age, ending) in batch {
            // Counted from the newest lease, which is the likeliest to be alive.
            let Some(lease) = self.leases.iter().rev().nth(*age) else { continue };
            let attempted = |next| Change::Attempted {
                attempt: Box::new(attempt(lease.attempts + 1, self.now)),
                next,
            };
            let change = match ending {
                Ending::Success => attempted(Next::Success),
                Ending::Failed => attempted(Next::Failed),
                Ending::Retry(wait) => attempted(Next::Retry(at(self.now + wait))),
                Ending::HandedBack => Change::HandedBack,
            };
            let (delivery, epoch) = (lease.id, lease.epoch);
            settlements.push(Settlement { delivery, epoch, at: at(self.now), change });
        }
        let expected = self.model.settle(&settlements);
        assert_eq!(self.harness.settle(settlements.into()).await.unwrap(), expected);
    }

    async fn resend(&mut self, delivery: u64, is_mine: bool) {
        let owner = if is_mine { merchant(1) } else { MerchantId::from_bits(2) };
        let id = delivery_id(delivery);
        let answer = self.harness.resend(owner, id, stamp(self.now)).await;
        match self.model.resend(id, self.now).filter(|_| is_mine) {
            None => assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}"),
            Some(apply) => {
                let answer = answer.unwrap();
                assert_eq!(answer, apply.answer);
                if matches!(answer, Resent::Due { .. }) {
                    self.model.rows.insert(id, apply.row);
                }
            }
        }
    }

    /// Every row, every count and every list.
    async fn compare_everything(&self) {
        let (store, model) = (&self.harness, &self.model);
        assert_eq!(store.version().await, model.version);
        assert_eq!(store.tally().await.unwrap(), model.tally());
        assert_eq!(store.balance().await.unwrap(), model.balance());
        for webhook in 1..=WEBHOOKS {
            // A deleted webhook's figures are asked for no more.
            let shown = store.webhook_metrics(merchant(1), webhook_id(webhook), at(0)).await;
            if let Ok(shown) = shown {
                model.compare_metrics(webhook, &shown);
            }
        }
        let mut backlog = store.backlog().await.unwrap();
        backlog.sort_by_key(|lane| lane.webhook);
        assert_eq!(backlog, model.backlog());
        for (id, row) in &model.rows {
            let detail = store.delivery(merchant(1), *id).await.unwrap();
            row.compare(&detail);
        }
        let mut cursor = None;
        let mut listed = Vec::new();
        loop {
            let filter = DeliveryFilter::default();
            let page = store.deliveries(merchant(1), filter, ask(4, cursor)).await.unwrap();
            listed.extend(page.rows.iter().map(|row| row.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert!(listed.iter().eq(model.rows.keys().rev()));
    }
}
