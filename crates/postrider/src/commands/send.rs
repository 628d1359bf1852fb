//! `postrider send`: posts one event over the API, as a platform would.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use postrider_core::limits;
use postrider_engine::Clock;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::Api;
use crate::cli::SendArgs;
use crate::failure::Failure;
use crate::output::say;

pub(crate) async fn run(args: SendArgs) -> Result<ExitCode, Failure> {
    let api = Api::new(&args.api.url, args.api.key()?.reveal(), Clock::system())?;
    let data = match &args.data {
        Some(file) => read(file)?,
        None => example(&api, &args.event_type).await?,
    };
    let accepted = api.post_text("/api/v1/events", event(&args, &data)?).await?;
    if args.json {
        say(&accepted.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let id = accepted["id"].as_str().unwrap_or("?");
    let again = if accepted["duplicate"] == true { ", which was accepted before" } else { "" };
    say(&format!("accepted event {id}{again}"));
    let deliveries = accepted["deliveries"].as_array().map(Vec::as_slice).unwrap_or_default();
    for delivery in deliveries {
        say(&format!("  delivery {}", delivery.as_str().unwrap_or("?")));
    }
    if deliveries.is_empty() {
        say(&format!("  no webhook wanted it; GET /api/v1/explain?event={id} says why"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The data to send, which goes out byte for byte.
fn read(file: &str) -> Result<String, Failure> {
    let most = limits::REQUEST_BODY_BYTES_MAX as u64;
    let mut data = String::new();
    let read = if file == "-" {
        std::io::stdin().lock().take(most + 1).read_to_string(&mut data)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most + 1).read_to_string(&mut data))
    };
    read.map_err(|error| Failure::usage(format!("cannot read the data from {file}: {error}")))?;
    if data.len() as u64 > most {
        return Err(Failure::usage(format!("the data in {file} is longer than {most} bytes")));
    }
    Ok(data)
}

/// The documented example of a type.
async fn example(api: &Api, event_type: &str) -> anyhow::Result<String> {
    let catalogue = api.get("/api/v1/event-types").await?;
    let types = catalogue["results"].as_array().context("the catalogue is no list")?;
    let entry = types.iter().find(|entry| entry["name"] == *event_type);
    let data = entry.map(|entry| &entry["example"]["data"]).filter(|data| data.is_object());
    let data = data.ok_or_else(|| anyhow!("the catalogue has no example of {event_type:?}"))?;
    let mut data: Value = data.clone();
    // The example names a merchant of its own, which is not the one this key belongs to.
    if let Some(object) = data["object"].as_object_mut() {
        object.remove("merchant");
    }
    Ok(data.to_string())
}

fn event(args: &SendArgs, data: &str) -> Result<String, Failure> {
    let checked: Result<&RawValue, _> = serde_json::from_str(data);
    checked.map_err(|error| Failure::usage(format!("the data is not JSON: {error}")))?;
    let text = |value: &str| Value::from(value).to_string();
    let id = args.id.as_deref().map(|id| format!(r#","id":{}"#, text(id))).unwrap_or_default();
    Ok(format!(r#"{{"type":{}{id},"data":{data}}}"#, text(&args.event_type)))
}
