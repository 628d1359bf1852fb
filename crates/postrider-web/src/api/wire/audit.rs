//! An entry of the audit log as the API shows it.

use postrider_core::audit::Entry;
use serde::Serialize;

use super::time;

#[derive(Serialize)]
pub(crate) struct EntryOut<'a> {
    /// Its place in the log.
    position: u64,
    at: String,
    actor: ActorOut<'a>,
    action: &'a str,
    object: &'a str,
    detail: &'a str,
    merchant: Option<String>,
    request_id: Option<String>,
}

#[derive(Serialize)]
struct ActorOut<'a> {
    r#type: &'static str,
    id: Option<&'a str>,
    name: &'a str,
}

impl<'a> EntryOut<'a> {
    pub(crate) fn new(entry: &'a Entry) -> Self {
        let Entry { position, merchant, stamp, action, object, detail } = entry;
        let by = &stamp.by;
        Self {
            position: *position,
            at: time(stamp.at),
            actor: ActorOut { r#type: by.kind.as_str(), id: by.id.as_deref(), name: &by.name },
            action,
            object,
            detail,
            merchant: merchant.map(|id| id.to_string()),
            request_id: stamp.request.map(|id| id.to_string()),
        }
    }
}
