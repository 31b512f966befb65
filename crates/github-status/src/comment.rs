//! Handler `SetRow` of GitHubCommentService. The lines live in the object's state and the comment is written whole, so two
//! apps of one pull request never lose each other's line; what is on GitHub is read only to take over a comment that
//! is there already.

use std::collections::BTreeMap;

use durable::{Stop, codes};
use github::{Class, GitHub, Repository};
use messages::hydra::v1::SetCommentRowRequest;
use restate_sdk::context::{ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};

use crate::told::{Told, given_up, told};
use crate::{Deps, steps, table};

/// Key of the object state.
const COMMENT: &str = "comment";
/// Most lines of a comment; of more the last by name are left out.
const MOST_ROWS: usize = 100;

/// What is known of the comment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Number of the comment; 0: none is known.
    id: i64,
    /// Lines by name.
    rows: BTreeMap<String, String>,
}

pub(crate) async fn set_row(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    req: SetCommentRowRequest,
) -> Result<(), Stop> {
    let repository = Repository::parse(&req.repo)
        .map_err(|bad| Stop::fault(codes::INVALID_REQUEST, bad.to_string()))?;
    let key = key(&repository, req.pull);
    if ctx.key() != key || req.pull <= 0 || req.row.is_empty() || req.text.contains('\n') {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            format!("the key must be {key:?}, `pull` above zero, `row` a name and `text` one line"),
        ));
    }
    let Some(github) = &deps.github else {
        return Ok(());
    };
    let stored: Option<Json<Known>> = ctx.get(COMMENT).await?;
    let mut known = stored.map(Json::into_inner).unwrap_or_default();
    known.rows.insert(req.row.clone(), req.text.clone());
    while known.rows.len() > MOST_ROWS {
        known.rows.pop_last();
    }
    let app = deps.app_id;
    let written = durable::run!(
        ctx,
        steps::COMMENT,
        deps.timings,
        write(github, app, &repository, &req, &known)
    );
    // a line that could not be shown is shown with the next one
    if let Some(written) = given_up(written)?.done("write comment") {
        known = written;
    }
    ctx.set(COMMENT, Json(known));
    Ok(())
}

/// Key of the object of a pull request.
pub(crate) fn key(repository: &Repository, pull: i64) -> String {
    format!("{repository}#{pull}")
}

async fn write(
    github: &GitHub,
    app: i64,
    repository: &Repository,
    req: &SetCommentRowRequest,
    known: &Known,
) -> Result<Told<Known>, Stop> {
    let (installation, pull) = (req.installation_id, req.pull);
    let mut next = known.clone();
    if next.id > 0 {
        let text = table::render(&next.rows);
        let updated = github.update_comment(installation, repository, next.id, &text);
        match updated.await {
            // somebody has deleted it
            Err(error) if error.class() == Class::NotFound => next.id = 0,
            other => return Ok(map(told(other)?, next)),
        }
    }
    let found = github.find_comment(installation, repository, pull, table::MARKER, app);
    let found = match told(found.await)? {
        Told::Done(found) => found,
        Told::Refused(why) => return Ok(Told::Refused(why)),
        Told::Later(until) => return Ok(Told::Later(until)),
    };
    if let Some(found) = found {
        let mut rows = table::rows(&found.body);
        rows.append(&mut next.rows);
        next = Known { id: found.id, rows };
        let text = table::render(&next.rows);
        let updated = github.update_comment(installation, repository, next.id, &text);
        return Ok(map(told(updated.await)?, next));
    }
    let text = table::render(&next.rows);
    let made = github.create_comment(installation, repository, pull, &text);
    Ok(match told(made.await)? {
        Told::Done(id) => Told::Done(Known { id, ..next }),
        Told::Refused(why) => Told::Refused(why),
        Told::Later(until) => Told::Later(until),
    })
}

fn map(told: Told<()>, known: Known) -> Told<Known> {
    match told {
        Told::Done(()) => Told::Done(known),
        Told::Refused(why) => Told::Refused(why),
        Told::Later(until) => Told::Later(until),
    }
}
