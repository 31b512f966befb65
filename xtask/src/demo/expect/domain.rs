//! What should have come of the custom domain. Pure.

use serde_json::Value;

use super::{List, ROLLED_BACK, Told};

/// Adds what was expected of it.
pub(super) fn judge(told: &Told, list: &mut List) {
    let domain = &told.domain;
    list.add(
        "before there is a certificate, the domain cannot be fetched over TLS",
        domain["https_before"]["error"].is_string(),
        &domain["https_before"],
    );
    list.add(
        "the custom domain is verified",
        domain["status"] == "verified",
        &domain["status"],
    );
    let after = &domain["https_after"];
    let live = told.read(ROLLED_BACK)["database"]["app"]["live_deployment_id"].as_str();
    let body = after["body"].as_str();
    list.add(
        "fetched over TLS, the domain answers with the live deployment",
        after["status"] == 200 && body.is_some() && body == live,
        after,
    );
    let same = |a: &Value, b: &Value| a.is_string() && a == b;
    list.add(
        "a client that trusts only the authority's root is shown the stored certificate",
        after["is_the_stored_one"] == true
            && same(&after["serial"], &after["stored_serial"])
            && same(&after["serial"], &domain["certificate"]["serial"]),
        after,
    );
    list.add(
        "the certificate names the domain and its issuer",
        domain["certificate"]["names"][0] == domain["host"]
            && same(&after["issuer"], &domain["certificate"]["issuer"]),
        &domain["certificate"],
    );
}
