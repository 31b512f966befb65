//! Which handlers there are, from the manifest the worker serves.

use serde_json::Value;

use crate::Story;

/// `Service/Handler` of every handler of this build's manifest that no story covers.
///
/// # Errors
/// The manifest cannot be read.
pub async fn uncovered(stories: &[Story]) -> Result<Vec<String>, String> {
    let manifest = worker::manifest::of_this_build().await?;
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut missing = Vec::new();
    for service in list(&manifest, "services") {
        for handler in list(&service, "handlers") {
            let text = |v: &Value| v["name"].as_str().unwrap_or_default().to_owned();
            let (service, handler) = (text(&service), text(&handler));
            if !stories
                .iter()
                .any(|s| s.service == service && s.handler == handler)
            {
                missing.push(format!("{service}/{handler}"));
            }
        }
    }
    Ok(missing)
}
