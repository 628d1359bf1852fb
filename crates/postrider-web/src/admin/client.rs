//! Asks the API, in the same process, in the name of whoever looks at a page.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use super::page::Failure;
use crate::error::{ApiError, Problem};
use crate::front::Peer;
use crate::front::RequestId;

/// The API as one caller sees it.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) router: Router,
    /// The token of the session; none before signing in.
    pub(super) token: Option<Arc<str>>,
    /// The page's own request, which the audit log will name.
    pub(super) request: RequestId,
    pub(super) peer: Peer,
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Listed<T> {
    pub(super) results: Vec<T>,
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
}

impl Api {
    /// What is at `path`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(&self.ask(Method::GET, path, None).await?)
    }

    /// Does what a route is for, and reads its answer.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        read(&self.ask(method, path, Some(body)).await?)
    }

    /// Does what a route is for, whatever it answers.
    pub(super) async fn act(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), Failure> {
        self.ask(method, path, body).await.map(drop)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Bytes, Failure> {
        let request = self.request(method, path, body)?;
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        if let Some(problem) = parts.extensions.get::<Arc<Problem>>() {
            return Err(Failure::Refused(Arc::clone(problem)));
        }
        if parts.status.is_client_error() || parts.status.is_server_error() {
            let error = if parts.status == StatusCode::NOT_FOUND {
                ApiError::not_found()
            } else {
                ApiError::internal("a page asked for a route that is not there")
            };
            return Err(Failure::Refused(error.into_problem()));
        }
        let whole = body.collect().await.map_err(|error| Failure::broken(error.to_string()))?;
        Ok(whole.to_bytes())
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        if let Some(token) = &self.token {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            request = request.header(AUTHORIZATION, value.map_err(|_| Failure::SignIn)?);
        }
        let content = match body {
            Some(value) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(value.to_string())
            }
            None => Body::empty(),
        };
        // A path is made of what somebody typed too; one that is none names nothing.
        let made = request.body(content);
        let mut request =
            made.map_err(|_| Failure::Refused(ApiError::not_found().into_problem()))?;
        request.extensions_mut().insert(self.request);
        request.extensions_mut().insert(self.peer);
        Ok(request)
    }
}

fn read<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    let text: &[u8] = if bytes.is_empty() { b"null" } else { bytes };
    serde_json::from_slice(text).map_err(|error| Failure::broken(error.to_string()))
}
