//! Deployments from Git: from a push to its Deploy, what a build costs around the build itself, many pushes at once, and
//! the lines that builds write. Not for deployments of images: see `overhead`, `waiting`.

mod burst;
mod count;
mod fairness;
mod instant;
mod lines;
mod peers;
mod push;
mod repository;

use peers::Peers;

use crate::Result;
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::sql;
use crate::stack::Stack;

/// One worker for each: a part that fails must not cost the figures of the others.
pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    sql::roomy(&stack.db).await?;
    let peers = Peers::start().await?;
    for (ids, done) in [
        (
            &["webhook-to-deploy"][..],
            push::measure(stack, &peers, scale.builds, report).await,
        ),
        (
            &["build-overhead"],
            instant::measure(stack, &peers, scale.builds, report).await,
        ),
        (
            &[
                "200-pushes",
                "200-pushes-fairness",
                "200-pushes-worker-memory",
                "200-pushes-one-busy",
            ],
            burst::measure(stack, &peers, scale.pushes, report).await,
        ),
        (
            &["build-log"],
            lines::measure(stack, &peers, scale.lines, report).await,
        ),
    ] {
        if let Err(error) = done {
            let why = error.to_string().replace('\n', " ");
            for id in ids {
                report.add(Row::new(id, "not measured", why.as_str()));
            }
        }
    }
    Ok(())
}
