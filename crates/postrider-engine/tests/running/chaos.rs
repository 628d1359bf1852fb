//! Anything may happen, in any order, and still nothing is lost, stuck or invented.
//!
//! Seeded runs of posts, misbehaving receivers, pauses, resumes, resends, restarts and time. At the
//! end every receiver is well again and time passes: then no delivery is pending, every delivery
//! counted as a success was seen by its receiver, and nobody saw one that was not accepted. The seed
//! is part of every failure's message.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::support::{Receiver, Say, TestEngine, hours, stamp};
use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::Status;
use postrider_store::catalog::{Backlog, StatusChange};

const WEBHOOKS: usize = 4;
const STEPS: usize = 50;
const SEEDS: u64 = 10;

struct Run {
    app: TestEngine,
    dice: fastrand::Rng,
    receivers: Vec<Receiver>,
    webhooks: Vec<WebhookId>,
    /// Which webhook each accepted delivery is for.
    accepted: HashMap<DeliveryId, usize>,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let app = TestEngine::start().await;
        let (mut receivers, mut webhooks) = (Vec::new(), Vec::new());
        let mut dice = fastrand::Rng::with_seed(seed);
        for _ in 0..WEBHOOKS {
            let receiver = Receiver::start().await;
            let in_flight = dice.u32(1..9);
            let rate = dice.bool().then(|| dice.u32(1..20));
            let url = receiver.url();
            let id = app.webhook(&url, |webhook| {
                webhook.retry_policy = RetryPolicy::ladder(&[30; 40]).unwrap();
                webhook.max_in_flight = in_flight;
                webhook.rate_limit_per_second = rate;
            });
            webhooks.push(id.await);
            receivers.push(receiver);
        }
        Self { app, dice, receivers, webhooks, accepted: HashMap::new() }
    }

    async fn step(mut self) -> Self {
        let one = self.dice.usize(0..WEBHOOKS);
        match self.dice.u8(0..10) {
            0..=3 => {
                let count = self.dice.usize(1..20);
                for accepted in self.app.post_many("order.create", count).await {
                    for delivery in accepted.deliveries {
                        let detail = self.app.detail(delivery).await;
                        let webhook = detail.delivery.webhook;
                        let index = self.webhooks.iter().position(|id| *id == webhook).unwrap();
                        self.accepted.insert(delivery, index);
                    }
                }
            }
            4 | 5 => {
                let says = [Say::Status(500), Say::Reset, Say::Status(200), Say::Status(429)];
                let answers: Vec<_> =
                    (0..4).map(|_| says[self.dice.usize(0..says.len())].clone()).collect();
                self.receivers[one].answers(answers);
            }
            6 => self.change(one, Status::Paused).await,
            7 => self.change(one, Status::Enabled).await,
            8 => self.app.pass(Duration::from_secs(self.dice.u64(1..90))).await,
            _ => self.app = self.app.restart().await,
        }
        self
    }

    async fn change(&self, index: usize, status: Status) {
        let at = self.app.clock.now();
        let change = StatusChange { status, backlog: Backlog::Keep };
        let webhook = self.webhooks[index];
        self.app
            .store()
            .change_status(self.app.merchant, webhook, change, stamp(at))
            .await
            .unwrap();
        self.app.engine.refresh_routing().await.unwrap();
    }

    async fn heal(&self) {
        for index in 0..WEBHOOKS {
            self.receivers[index].answers([Say::Status(200)]);
            self.change(index, Status::Enabled).await;
        }
        self.app.pass(hours(2)).await;
    }

    async fn judge(&self, seed: u64) {
        let tally = self.app.store().tally().await.unwrap();
        assert_eq!(tally.pending, 0, "seed {seed}: something is stuck: {tally:?}");
        let sum = tally.success + tally.failed + tally.canceled;
        assert_eq!(sum, self.accepted.len() as u64, "seed {seed}: {tally:?}");
        let seen: Vec<HashSet<String>> = self
            .receivers
            .iter()
            .map(|r| {
                r.got().iter().map(|got| got.header("postrider-delivery").to_owned()).collect()
            })
            .collect();
        for (delivery, index) in &self.accepted {
            let state = self.app.state(*delivery).await;
            if state == State::Success {
                let id = delivery.to_string();
                assert!(seen[*index].contains(&id), "seed {seed}: {id} was never received");
            }
        }
        for (index, ids) in seen.iter().enumerate() {
            for id in ids {
                let known = DeliveryId::parse(id).ok().and_then(|id| self.accepted.get(&id));
                assert_eq!(known, Some(&index), "seed {seed}: {id} was not accepted for it");
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_stuck_or_invented_whatever_happens() {
    for seed in 0..SEEDS {
        let mut run = Run::start(seed).await;
        for _ in 0..STEPS {
            run = run.step().await;
        }
        run.heal().await;
        run.judge(seed).await;
    }
}
