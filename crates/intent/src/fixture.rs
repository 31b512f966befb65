//! One workspace with one app and its own regions, all names unique: where most tests begin.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use mysql::Db;

use crate::{
    AppRows, Autoscaling, IntentError, NewApp, NewProject, NewWorkspace, Quota, Region, Runtime,
    allow_region, create_app, create_project, create_region, create_workspace, set_can_schedule,
};

/// Platform of the regions a fixture makes; a simulated edge agent for them names the same.
const PLATFORM: &str = "sim";

/// Builder of a small world; `await` it to write the rows.
///
/// ```no_run
/// # async fn f(db: &mysql::Db) {
/// let app = intent::Fixture::new(db).regions(2).policy(1, intent::Autoscaling::replicas(2, 4)).await;
/// # let _ = app.app_id;
/// # }
/// ```
pub struct Fixture<'a> {
    db: &'a Db,
    regions: Vec<RegionPlan>,
    quota: Option<Quota>,
    runtime: Runtime,
    default_branch: String,
    slug: Option<String>,
}

#[derive(Clone, Default)]
struct RegionPlan {
    existing: Option<Region>,
    policy: Option<Autoscaling>,
    closed: bool,
}

impl<'a> Fixture<'a> {
    /// One region, one replica, the default quota.
    pub fn new(db: &'a Db) -> Self {
        Self {
            db,
            regions: vec![RegionPlan::default()],
            quota: Some(Quota::default()),
            runtime: Runtime::default(),
            default_branch: "main".to_owned(),
            slug: None,
        }
    }

    /// Platform of the regions a fixture makes.
    pub fn platform() -> &'static str {
        PLATFORM
    }

    /// So many new regions with unique names. Call it before the settings of single regions.
    pub fn regions(mut self, count: usize) -> Self {
        self.regions = vec![RegionPlan::default(); count];
        self
    }

    /// Regions that exist already, for a second app beside the first.
    pub fn in_regions(mut self, regions: &[Region]) -> Self {
        let plan = |region: &Region| RegionPlan {
            existing: Some(region.clone()),
            ..RegionPlan::default()
        };
        self.regions = regions.iter().map(plan).collect();
        self
    }

    /// Gives the region at `index` an autoscaling policy.
    pub fn policy(mut self, index: usize, policy: Autoscaling) -> Self {
        self.regions[index].policy = Some(policy);
        self
    }

    /// Closes the region at `index` for new deployments (`can_schedule = false`).
    pub fn closed(mut self, index: usize) -> Self {
        self.regions[index].closed = true;
        self
    }

    /// Another quota than the default.
    pub fn quota(mut self, cpu_millicores: u32, memory_mib: u32) -> Self {
        self.quota = Some(Quota {
            cpu_millicores,
            memory_mib,
        });
        self
    }

    /// No quota row at all.
    pub fn without_quota(mut self) -> Self {
        self.quota = None;
        self
    }

    /// Other settings of both environments.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// Another default branch than `main`.
    pub fn default_branch(mut self, branch: &str) -> Self {
        self.default_branch = branch.to_owned();
        self
    }

    /// The same slug for workspace, project and app instead of random ones; the caller answers for uniqueness.
    pub fn slug(mut self, slug: &str) -> Self {
        self.slug = Some(slug.to_owned());
        self
    }

    /// Writes the rows.
    pub async fn create(self) -> Result<AppRows, IntentError> {
        let db = self.db;
        let name = |kind: &str| {
            self.slug
                .clone()
                .unwrap_or_else(|| format!("{kind}-{}", ids::dns_label(8)))
        };
        let workspace = NewWorkspace {
            name: "Fixture".to_owned(),
            slug: name("acme"),
            quota: self.quota,
        };
        let workspace_id = create_workspace(db, &workspace).await?;
        let project = NewProject {
            workspace_id: workspace_id.clone(),
            name: "Fixture".to_owned(),
            slug: name("shop"),
        };
        let project_id = create_project(db, &project).await?;
        let slug = self.slug.clone().unwrap_or_else(|| "default".to_owned());
        let new = NewApp {
            workspace_id,
            project_id,
            name: "Fixture".to_owned(),
            slug,
            default_branch: self.default_branch.clone(),
            runtime: self.runtime.clone(),
        };
        let mut app = create_app(db, &new).await?;
        for plan in &self.regions {
            let region = match &plan.existing {
                Some(region) => region.clone(),
                None => {
                    let name = format!("sim-{}", ids::dns_label(8));
                    Region {
                        id: create_region(db, &name, PLATFORM).await?,
                        name,
                    }
                }
            };
            if plan.closed {
                set_can_schedule(db, &region.id, false).await?;
            }
            allow_region(db, &app, &region, plan.policy).await?;
            app.regions.push(region);
        }
        Ok(app)
    }
}

impl<'a> IntoFuture for Fixture<'a> {
    type Output = AppRows;
    type IntoFuture = Pin<Box<dyn Future<Output = AppRows> + Send + 'a>>;

    /// Writes the rows. Panics when the database refuses: a test cannot go on without them;
    /// elsewhere call [`Fixture::create`].
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.create().await {
                Ok(app) => app,
                Err(error) => panic!("the fixture's rows were not written: {error}"),
            }
        })
    }
}
