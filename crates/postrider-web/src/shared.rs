//! What all requests share: the engine, the rules of this installation, and a few bounded stores.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use parking_lot::Mutex;
use postrider_core::limits;
use postrider_core::target::TargetRules;
use postrider_core::time::Timestamp;
use postrider_engine::Engine;
use tokio::sync::Semaphore;

use crate::api::auth::KeyCache;
use crate::api::rate::RequestRate;
use crate::api::refusals::Refusals;
use crate::founding::SetupCode;
use crate::passwords::Hashing;
use crate::public_url::PublicUrl;
use crate::throttle::Throttle;
use crate::{AppOptions, ListenerLimits};

/// How handlers receive [`Shared`].
pub(crate) type Held = State<Arc<Shared>>;

/// One per [`App`](crate::App).
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) rules: TargetRules,
    pub(crate) signature_header: String,
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) limits: ListenerLimits,
    /// Callers whose key was looked up lately.
    pub(crate) keys: KeyCache,
    pub(crate) refusals: Refusals,
    pub(crate) rate: RequestRate,
    /// Where passwords are hashed.
    pub(crate) hashing: Hashing,
    /// Who failed to sign in lately.
    pub(crate) throttle: Throttle,
    /// What opens an empty database, until it is used.
    pub(crate) setup: Mutex<Option<SetupCode>>,
    /// Bytes of request bodies that may be held at once; a permit is a byte. Without it, as many
    /// bodies as there are connections could pile up before the engine sees the first of them.
    pub(crate) body_bytes: Arc<Semaphore>,
    /// The catalogue as the API shows it: the same for everyone, and costly to build.
    pub(crate) event_types: OnceLock<Bytes>,
}

impl Shared {
    pub(crate) fn new(options: AppOptions, limits: ListenerLimits) -> Self {
        let AppOptions {
            engine,
            addresses,
            allow_http_targets,
            signature_header,
            public_url,
            requests_per_second,
            setup,
        } = options;
        Self {
            engine,
            rules: TargetRules { allow_http: allow_http_targets, addresses },
            signature_header,
            public_url,
            limits,
            keys: KeyCache::default(),
            refusals: Refusals::default(),
            rate: RequestRate::new(requests_per_second),
            hashing: Hashing::default(),
            throttle: Throttle::default(),
            setup: Mutex::new(setup),
            body_bytes: Arc::new(Semaphore::new(limits::INTAKE_BYTES_MAX)),
            event_types: OnceLock::new(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }
}
