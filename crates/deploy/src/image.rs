//! Phase `building` of a deployment whose image exists already. A Git source is refused here until this worker
//! has a builder.

use crate::phase::{self, Phase};
use durable::{Fault, Stop, codes};
use messages::hydra::v1::deploy_request::Source;
use mysql::sql;
use mysql::{Db, now_ms};

/// Longest image reference the `deployments.image` column takes, characters.
const IMAGE_MAX: usize = 256;

/// The image a request names, or why it names none.
pub(crate) fn requested(source: Option<&Source>) -> Result<String, Fault> {
    let fault = |code, text: &str| {
        Err(Fault {
            code,
            text: text.to_owned(),
        })
    };
    match source {
        Some(Source::DockerImage(docker)) => {
            let image = docker.image.trim();
            if image.is_empty()
                || image.chars().count() > IMAGE_MAX
                || image.chars().any(char::is_whitespace)
            {
                return fault(
                    codes::NO_SOURCE,
                    "The image reference is empty, too long or contains blanks. Name an image such as `registry.example.com/app:1.2`.",
                );
            }
            Ok(image.to_owned())
        }
        Some(Source::Git(_)) => fault(
            codes::BUILDS_UNAVAILABLE,
            "This installation cannot build from a Git source: no builder is configured. Deploy an image instead, or ask the operator to configure a builder.",
        ),
        None => fault(
            codes::NO_SOURCE,
            "The deployment source is not supported: neither a Git source nor an image was given.",
        ),
    }
}

/// Enters phase `building` and stores the image when there is one; both in one transaction, so the image is there
/// before any topology row is.
pub(crate) async fn enter_building(
    db: &Db,
    deployment_id: &str,
    image: Option<&str>,
) -> Result<(), Stop> {
    mysql::retry_as(|| async {
        let tx = db.begin().await?;
        let now = now_ms();
        phase::begin(
            &tx,
            deployment_id,
            "'starting','building'",
            Phase::Building,
            now,
        )
        .await?;
        if let Some(image) = image {
            sql::execute(
                &*tx,
                "UPDATE deployments SET image = ?, updated_at = ? WHERE id = ?",
                [image.into(), now.into(), deployment_id.into()],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(())
    })
    .await
}
