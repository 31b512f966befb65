//! Phase `building`: the image a request names, or the source it is built from.

use crate::phase::{self, Phase};
use crate::timings::millis;
use crate::wait::set_run_deadline;
use durable::{Fault, Stop, codes};
use messages::hydra::v1::GitSource;
use messages::hydra::v1::deploy_request::Source;
use mysql::sql;
use mysql::{Db, now_ms};
use std::time::Duration;

/// Longest image reference the `deployments.image` column takes, characters.
const IMAGE_MAX: usize = 256;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Requested {
    /// An image that exists.
    Image(String),
    /// A source to build one from.
    Git(Box<GitSource>),
}

impl Requested {
    /// The image, where it exists.
    pub(crate) fn image(&self) -> Option<&str> {
        match self {
            Self::Image(image) => Some(image),
            Self::Git(_) => None,
        }
    }
}

/// What a request asks for, or why it cannot be done.
pub(crate) fn requested(source: Option<&Source>, builds: bool) -> Result<Requested, Fault> {
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
            Ok(Requested::Image(image.to_owned()))
        }
        Some(Source::Git(git)) if builds => Ok(Requested::Git(Box::new(GitSource::clone(git)))),
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
/// before any topology row is. `builds_for`: how long the phase may take, where there is something to build.
pub(crate) async fn enter_building(
    db: &Db,
    deployment_id: &str,
    image: Option<&str>,
    builds_for: Option<Duration>,
) -> Result<(), Stop> {
    mysql::retry_as(|| async {
        let tx = db.begin().await?;
        let now = now_ms();
        if let Some(time) = builds_for {
            set_run_deadline(&tx, deployment_id, now.saturating_add(millis(time))).await?;
        }
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
