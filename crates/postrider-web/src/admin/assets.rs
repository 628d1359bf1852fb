//! The stylesheet, the script and the icon of the pages. Their addresses change with them, so that browsers
//! may keep them for ever.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/admin.js");
const ICON: &str = include_str!("assets/icon.svg");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path_of("style.css", STYLE));
static ICON_PATH: LazyLock<String> = LazyLock::new(|| path_of("icon.svg", ICON));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path_of("admin.js", SCRIPT));

/// Where the stylesheet is.
pub(super) fn style_path() -> &'static str {
    &STYLE_PATH
}

/// Where the icon is.
pub(super) fn icon_path() -> &'static str {
    &ICON_PATH
}

/// Where the script is.
pub(super) fn script_path() -> &'static str {
    &SCRIPT_PATH
}

fn path_of(name: &str, content: &str) -> String {
    let digest = faster_hex::hex_string(&Sha256::digest(content));
    format!("/assets/{}/{name}", digest.get(..16).unwrap_or_default())
}

/// Only the current version: a page of an older one is loaded anew with its own.
pub(super) async fn serve(Path((version, name)): Path<(String, String)>) -> Response<Body> {
    let wanted = format!("/assets/{version}/{name}");
    let (kind, content) = if wanted == *STYLE_PATH {
        ("text/css; charset=utf-8", STYLE)
    } else if wanted == *SCRIPT_PATH {
        ("text/javascript; charset=utf-8", SCRIPT)
    } else if wanted == *ICON_PATH {
        ("image/svg+xml", ICON)
    } else {
        let mut missing = Response::new(Body::empty());
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let kept = "public, max-age=31536000, immutable";
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}
