//! What becomes of accepted events, on a real store and over real HTTP, with time moved by hand.

use std::time::Duration;

use crate::support::{Receiver, Say, TestEngine, hours, minutes, posted, stamp};
use postrider_core::delivery::State;
use postrider_core::limits;
use postrider_core::retry::RetryPolicy;
use postrider_core::sign;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{DisabledBy, Health, Status};
use postrider_store::queue::Resent;

#[tokio::test]
async fn an_accepted_event_arrives_signed_and_is_logged() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    let webhook = app.webhook(&receiver.url(), |_| {}).await;
    let accepted = app.post("order.create").await;
    app.engine.run_until_idle().await;

    let got = &receiver.got()[0];
    let keys = app.store().verification_keys(app.merchant, webhook).await.unwrap();
    let header = got.header("ordergroove-signature");
    let now = app.clock.now().unix_seconds();
    assert_eq!(sign::verify(header, &got.body, keys.new.reveal()), Ok(now));
    let delivery = accepted.deliveries[0];
    assert_eq!(got.header("postrider-delivery"), delivery.to_string());
    assert_eq!(got.header("webhook-id"), delivery.to_string());
    assert_eq!((got.header("postrider-attempt"), got.header("postrider-test")), ("1", ""));
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("user-agent"), "Postrider/test");
    let body = std::str::from_utf8(&got.body).unwrap();
    assert!(body.starts_with(&format!("{{\"id\":\"{}\",\"type\":\"order.create\"", accepted.id)));

    let detail = app.detail(delivery).await;
    assert_eq!(detail.delivery.state, State::Success);
    assert!(
        detail.attempts[0].request_headers.contains(&format!("Ordergroove-Signature: {header}"))
    );
    assert_eq!(app.outcomes(delivery).await, ["success"]);
}

#[tokio::test]
async fn failures_are_retried_by_the_schedule_until_success() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(503), Say::Status(404), Say::Status(200)]);
    app.webhook(&receiver.url(), |_| {}).await;
    let delivery = app.post("order.create").await.deliveries[0];
    app.engine.run_until_idle().await;
    assert_eq!((app.state(delivery).await, receiver.count()), (State::Pending, 1));
    app.pass(Duration::from_secs(53)).await;
    assert_eq!(receiver.count(), 1, "not before the wait is over");
    app.pass(minutes(5)).await;
    assert_eq!(app.outcomes(delivery).await, ["http_error", "http_error", "success"]);
    assert_eq!(app.state(delivery).await, State::Success);
    let (first, last) = (&receiver.got()[0], &receiver.got()[2]);
    assert_eq!(first.header("postrider-delivery"), last.header("postrider-delivery"));
    assert_eq!(first.body, last.body);
    assert_ne!(first.header("ordergroove-signature"), last.header("ordergroove-signature"));
    assert_eq!(last.header("postrider-attempt"), "3");
}

#[tokio::test]
async fn an_exhausted_delivery_fails_and_can_be_resent() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500)]);
    app.webhook(&receiver.url(), |_| {}).await;
    let delivery = app.post("order.create").await.deliveries[0];
    app.pass(hours(1)).await;
    assert_eq!(app.outcomes(delivery).await.len(), 3);
    assert_eq!(app.state(delivery).await, State::Failed);

    receiver.answers([Say::Status(500), Say::Status(200)]);
    let resent = app.engine.resend(app.merchant, delivery, stamp(app.clock.now())).await.unwrap();
    assert!(matches!(resent, Resent::Due { .. }));
    app.pass(hours(1)).await;
    assert_eq!(app.state(delivery).await, State::Success, "with a whole new schedule");
    assert_eq!(receiver.got()[4].header("postrider-attempt"), "5");
}

#[tokio::test]
async fn a_three_day_schedule_runs_through() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500)]);
    app.webhook(&receiver.url(), |webhook| webhook.retry_policy = RetryPolicy::Standard).await;
    let delivery = app.post("order.create").await.deliveries[0];
    app.pass(hours(71)).await;
    assert_eq!(app.state(delivery).await, State::Pending);
    app.pass(hours(24)).await;
    // The last wait ends after three days of failure: then the webhook itself is disabled.
    assert_ne!(app.state(delivery).await, State::Pending);
    assert_eq!(receiver.count(), 10);
}

#[tokio::test]
async fn retry_after_is_a_floor_under_the_schedule() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    let later = Say::With(503, "retry-after", "600".to_owned());
    receiver.answers([later, Say::Status(200)]);
    app.webhook(&receiver.url(), |_| {}).await;
    let delivery = app.post("order.create").await.deliveries[0];
    app.pass(Duration::from_secs(599)).await;
    assert_eq!(receiver.count(), 1);
    app.pass(Duration::from_secs(2)).await;
    assert_eq!(app.outcomes(delivery).await, ["throttled", "success"]);
}

#[tokio::test]
async fn gone_ends_the_delivery_and_disables_the_webhook() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500), Say::Status(410)]);
    let webhook = app.webhook(&receiver.url(), |w| w.max_in_flight = 1).await;
    let first = app.post("order.create").await.deliveries[0];
    app.engine.run_until_idle().await;
    let second = app.post("order.create").await.deliveries[0];
    app.engine.run_until_idle().await;
    assert_eq!(app.health(webhook).await.0, Status::Disabled(DisabledBy::Gone));
    assert_eq!(app.state(second).await, State::Failed);
    assert_eq!(app.state(first).await, State::Canceled, "what was pending is canceled");
    assert_eq!(app.post("order.create").await.deliveries, [], "a disabled webhook gets nothing");
}

#[tokio::test]
async fn an_attempt_has_one_deadline() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Hang, Say::Status(200)]);
    app.webhook(&receiver.url(), |_| {}).await;
    let delivery = app.post("order.create").await.deliveries[0];
    receiver.has_got(1).await;
    app.advance(limits::TIMEOUT_DEFAULT);
    app.pass(minutes(2)).await;
    assert_eq!(app.outcomes(delivery).await, ["timeout", "success"]);
}

#[tokio::test]
async fn odd_receivers_are_outcomes() {
    let moved = Say::With(302, "location", "http://127.0.0.1:1/elsewhere".to_owned());
    for (say, outcome) in
        [(moved, "redirect"), (Say::Reset, "connection_reset"), (Say::Endless, "success")]
    {
        // A kept connection that is closed without an answer is tried once more: here there is none.
        let app = TestEngine::start().await;
        let receiver = Receiver::start().await;
        app.webhook(&receiver.url(), |_| {}).await;
        receiver.answers([say]);
        let delivery = app.post("order.create").await.deliveries[0];
        app.engine.run_until_idle().await;
        assert_eq!(app.outcomes(delivery).await, [outcome]);
        assert_eq!(receiver.count(), 1);
        let attempt = app.detail(delivery).await.attempts.remove(0);
        assert!(attempt.response_body.len() <= limits::RESPONSE_BODY_KEPT_MAX);
        assert_eq!(attempt.is_response_truncated, outcome == "success");
    }
}

#[tokio::test]
async fn a_dead_webhook_is_probed_and_the_rest_waits_without_spending_attempts() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500)]);
    let webhook = app.webhook(&receiver.url(), |w| w.retry_policy = RetryPolicy::FiveMinutes).await;
    app.post_many("order.create", 5).await;
    app.engine.run_until_idle().await;
    assert_eq!(receiver.count(), 5);
    assert!(app.health(webhook).await.1.probing_since.is_some());

    let waiting: Vec<_> =
        app.post_many("order.create", 50).await.into_iter().map(|a| a.deliveries[0]).collect();
    app.pass(minutes(60)).await;
    let probes = receiver.count() - 5;
    assert!((10..=14).contains(&probes), "one request per interval, not one each: {probes}");

    receiver.answers([Say::Status(200)]);
    app.pass(minutes(6)).await;
    for delivery in waiting {
        assert_eq!(app.state(delivery).await, State::Success);
    }
    assert_eq!(app.health(webhook).await, (Status::Enabled, Health::OK));
    assert_eq!(app.store().tally().await.unwrap().pending, 0, "the first five too");
}

#[tokio::test]
async fn three_days_without_success_disable_the_webhook() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500)]);
    let waits = RetryPolicy::ladder(&[36_000; 20]).unwrap();
    let webhook = app.webhook(&receiver.url(), |w| w.retry_policy = waits).await;
    let delivery = app.post("order.create").await.deliveries[0];
    app.pass(hours(70)).await;
    assert_eq!(app.health(webhook).await.0, Status::Enabled);
    app.pass(hours(24)).await;
    assert_eq!(app.health(webhook).await.0, Status::Disabled(DisabledBy::Failing));
    assert_eq!(app.state(delivery).await, State::Canceled);
}

#[tokio::test]
async fn health_survives_a_restart() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500)]);
    app.webhook(&receiver.url(), |w| w.retry_policy = RetryPolicy::FiveMinutes).await;
    app.post_many("order.create", 6).await;
    app.engine.run_until_idle().await;
    let count = receiver.count();
    let app = app.restart().await;
    app.pass(minutes(4)).await;
    assert_eq!(receiver.count(), count, "still probing, not due");
    app.pass(minutes(2)).await;
    assert_eq!(receiver.count(), count + 1);
}

#[tokio::test]
async fn nothing_listening_is_an_outcome() {
    let app = TestEngine::start().await;
    let app_url = "http://127.0.0.1:1/";
    let webhook = app.webhook(app_url, |_| {}).await;
    let delivery = app.post("order.create").await.deliveries[0];
    app.engine.run_until_idle().await;
    assert_eq!(app.outcomes(delivery).await, ["connect_refused"]);
    assert_eq!(app.health(webhook).await.0, Status::Enabled);
}

#[tokio::test]
async fn stopping_loses_nothing_and_hands_back_what_had_not_started() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Hang]);
    app.webhook(&receiver.url(), |w| w.max_in_flight = 1).await;
    app.post_many("order.create", 10).await;
    receiver.has_got(1).await;
    let engine = app.engine.clone();
    let stopping = async move { engine.stop(Duration::from_secs(30)).await };
    let advance = async {
        tokio::task::yield_now().await;
        app.advance(limits::TIMEOUT_DEFAULT);
        // The grace time is long enough; the stop ends when the attempt did.
        app.engine.run_until_idle().await;
        app.advance(Duration::from_secs(1));
    };
    tokio::join!(stopping, advance);
    receiver.answers([Say::Status(200)]);
    let app = app.restart().await;
    app.pass(minutes(5)).await;
    let tally = app.store().tally().await.unwrap();
    assert_eq!((tally.success, tally.pending, tally.events), (10, 0, 10));
    assert_eq!(tally.attempts, 11, "nine were handed back without an attempt");
}

#[tokio::test]
async fn a_test_event_is_marked_and_never_retried() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500)]);
    let webhook = app.webhook(&receiver.url(), |_| {}).await;
    let event = posted("item.create", "{\"object\":{}}");
    let accepted = app.engine.accept_test(app.merchant, webhook, vec![event]).await.unwrap();
    app.pass(hours(1)).await;
    assert_eq!(receiver.got()[0].header("postrider-test"), "true");
    assert_eq!(app.outcomes(accepted[0].deliveries[0]).await, ["http_error"]);
    assert_eq!(app.state(accepted[0].deliveries[0]).await, State::Failed);
    assert_eq!(app.health(webhook).await.1, Health::OK);
}

#[tokio::test]
async fn a_paused_webhook_keeps_its_events_until_it_resumes() {
    use postrider_store::catalog::{Backlog, StatusChange};
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    let webhook = app.webhook(&receiver.url(), |_| {}).await;
    let change = |status| StatusChange { status, backlog: Backlog::Keep };
    app.store()
        .change_status(app.merchant, webhook, change(Status::Paused), stamp(app.clock.now()))
        .await
        .unwrap();
    app.engine.refresh_routing().await.unwrap();
    let delivery = app.post("order.create").await.deliveries[0];
    app.pass(hours(1)).await;
    assert_eq!((app.state(delivery).await, receiver.count()), (State::Pending, 0));
    app.store()
        .change_status(app.merchant, webhook, change(Status::Enabled), stamp(app.clock.now()))
        .await
        .unwrap();
    app.engine.refresh_routing().await.unwrap();
    app.engine.run_until_idle().await;
    assert_eq!(app.state(delivery).await, State::Success);
}

#[tokio::test]
async fn the_rate_limit_of_a_webhook_is_kept() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    app.webhook(&receiver.url(), |w| w.rate_limit_per_second = Some(2)).await;
    app.post_many("order.create", 7).await;
    app.engine.run_until_idle().await;
    assert_eq!(receiver.count(), 1);
    app.pass(Duration::from_secs(1)).await;
    assert_eq!(receiver.count(), 3);
    app.pass(Duration::from_secs(10)).await;
    assert_eq!(receiver.count(), 7);
}

#[tokio::test]
async fn a_backlog_larger_than_the_window_drains_from_the_store() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Hang, Say::Status(200)]);
    app.webhook(&receiver.url(), |w| w.max_in_flight = 1).await;
    for _ in 0..3 {
        app.post_many("order.create", limits::EVENTS_PER_REQUEST_MAX).await;
    }
    receiver.has_got(1).await;
    app.advance(limits::TIMEOUT_DEFAULT);
    app.pass(minutes(10)).await;
    let tally = app.store().tally().await.unwrap();
    assert_eq!((tally.success, tally.pending), (3_000, 0));
}

#[tokio::test]
async fn the_signature_carries_the_time_of_the_attempt() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    receiver.answers([Say::Status(500), Say::Status(200)]);
    let waits = RetryPolicy::ladder(&[86_400]).unwrap();
    app.webhook(&receiver.url(), |w| w.retry_policy = waits).await;
    app.post("order.create").await;
    app.pass(hours(30)).await;
    let ts = |n: usize| -> i64 {
        let header = receiver.got()[n].header("ordergroove-signature").to_owned();
        header.split(',').next().unwrap().trim_start_matches("ts=").parse().unwrap()
    };
    let (first, second) = (ts(0), ts(1));
    assert_eq!(first, crate::support::START.unix_seconds());
    let apart = Timestamp::from_unix_seconds(second).since(Timestamp::from_unix_seconds(first));
    assert!(apart >= hours(21) && apart <= hours(27));
}

/// Row D16: what is throttled is in the age of the oldest due delivery too.
#[tokio::test]
async fn the_age_of_the_oldest_due_delivery_counts_throttled_ones() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    app.webhook(&receiver.url(), |webhook| webhook.rate_limit_per_second = Some(1)).await;
    app.post_many("order.create", 3).await;
    app.engine.run_until_idle().await;
    app.advance(Duration::from_millis(500));
    app.engine.run_until_idle().await;
    let text = app.engine.metrics().await.unwrap();
    assert!(text.contains("\npostrider_oldest_due_age_seconds 0.5\n"), "{text}");
    app.pass(minutes(1)).await;
    let text = app.engine.metrics().await.unwrap();
    assert!(text.contains("\npostrider_oldest_due_age_seconds 0.0\n"), "{text}");
    assert_eq!(receiver.count(), 3);
}
