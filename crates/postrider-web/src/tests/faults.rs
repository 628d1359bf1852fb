//! Faults of ours: what callers are told, and what they are not.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::IntoResponse;
use axum::routing::get;
use postrider_core::limits;
use postrider_engine::AcceptError;
use postrider_store::StoreError;

use super::{Answer, TestApp};
use crate::api::wire::event::Batch;
use crate::error::ApiError;
use crate::front;

impl TestApp {
    /// What a handler that ends like this is answered with.
    async fn handled<R: IntoResponse + 'static>(&self, handler: fn() -> R) -> Answer {
        let router = Router::new().route("/", get(move || async move { handler() }));
        let request = Request::builder().uri("/").header("host", "a").body(Body::empty()).unwrap();
        Answer::read(front::answer(&self.app.shared, router, request).await, false).await
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_500_and_the_service_goes_on() {
    fn panicking() -> &'static str {
        panic!("a secret")
    }
    let app = TestApp::new().await;
    let answer = app.handled(panicking).await;
    assert_eq!(answer.problem(), (500, "internal"));
    assert!(!answer.text.contains("secret"));
    assert_eq!(app.bare("GET", "/healthz").await.status, 200);
}

/// Rows 21 and 22: what the store answers has a status, a time to come back, and no detail of ours.
#[tokio::test]
async fn faults_of_the_store_say_when_to_come_back_and_show_nothing() {
    let app = TestApp::new().await;
    let full = app.handled(|| ApiError::from(StoreError::StorageFull)).await;
    assert_eq!((full.problem(), full.header("retry-after")), ((507, "storage_full"), "10"));
    let away = app.handled(|| ApiError::from(StoreError::Unavailable("secret path".into()))).await;
    assert_eq!((away.problem(), away.header("retry-after")), ((503, "storage_unavailable"), "10"));
    let corrupt = app.handled(|| ApiError::from(StoreError::Corrupt("secret row"))).await;
    assert_eq!(corrupt.problem(), (503, "storage_unavailable"));
    assert!(!away.text.contains("secret") && !corrupt.text.contains("secret"));
    let busy = app.handled(|| ApiError::overloaded("payload bytes")).await;
    assert_eq!((busy.problem(), busy.header("retry-after")), ((503, "overloaded"), "1"));
    assert!(busy.detail().contains("payload bytes"));
    let flood = app.handled(|| Batch::refusal(true, AcceptError::MerchantOverloaded)).await;
    assert_eq!((flood.problem(), flood.header("retry-after")), ((429, "queue_full"), "1"));
    let conflict = app.handled(|| ApiError::from(StoreError::Conflict)).await;
    assert_eq!(conflict.problem(), (409, "conflict"));
}

#[tokio::test]
async fn bodies_beyond_the_budget_are_refused_until_there_is_room() {
    let app = TestApp::new().await;
    let budget = Arc::clone(&app.app.shared.body_bytes);
    let all = u32::try_from(limits::INTAKE_BYTES_MAX).unwrap();
    let held = budget.acquire_many(all).await.unwrap();
    let event = r#"{"object":{}}"#;
    assert_eq!(app.post_event(event).await.problem(), (503, "overloaded"));
    assert_eq!(app.get("/api/v1/events").await.status, 200, "what has no body goes on");
    drop(held);
    assert_eq!(app.post_event(event).await.status, 202);
    assert_eq!(budget.available_permits(), limits::INTAKE_BYTES_MAX, "all of it came back");
}
