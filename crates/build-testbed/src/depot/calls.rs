//! What Depot does with each call: projects, builds, machines, and whose token may do what.
//!
//! Not for protocols: `wire`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Response;

use super::log::{Build, Finish, Project, State, Trouble};
use super::machine::Machine;
use super::messages::{
    Active, BuildCreated, Certificate, Connection, CreateBuild, CreateProject, FinishBuild,
    Nothing, OfPlatform, Pending, ProjectCreated, ProjectList,
};
use super::wire::{Body, Protocol, Refusal};

/// Whose projects all are.
const ORGANIZATION: &str = "org-test";

/// One Depot.
pub(crate) struct Depot {
    pub(crate) state: Mutex<State>,
    /// The BuildKit behind every machine.
    pub(crate) backend: String,
    /// Who may make projects and builds.
    pub(crate) token: String,
}

type Answered<T> = Result<T, Refusal>;

impl Depot {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a call of `package.Service/Method`; an error is a connection that breaks before the answer.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        path: &str,
        protocol: Protocol,
        bearer: &str,
        body: &Bytes,
    ) -> std::io::Result<Response<Body>> {
        let method = path.rsplit('/').next().unwrap_or_default();
        let trouble = {
            let mut state = self.state();
            state.calls.push(path.trim_start_matches('/').to_owned());
            state.trouble(method)
        };
        match &trouble {
            Some(Trouble::Refuse {
                code,
                message,
                retry_after,
            }) => {
                let mut refusal = Refusal::new(code, message.clone());
                refusal.retry_after = *retry_after;
                return Ok(protocol.refuse(&refusal));
            }
            Some(Trouble::Silence) => std::future::pending().await,
            _ => {}
        }
        let done = self.dispatch(path, protocol, bearer, body).await;
        match trouble {
            Some(Trouble::DoneThenGone) => Err(std::io::Error::other("gone")),
            _ => Ok(done.unwrap_or_else(|refusal| protocol.refuse(&refusal))),
        }
    }

    async fn dispatch(
        self: &Arc<Self>,
        path: &str,
        protocol: Protocol,
        bearer: &str,
        body: &Bytes,
    ) -> Answered<Response<Body>> {
        let unread = || Refusal::new("invalid_argument", "the message cannot be read");
        macro_rules! call {
            ($handler:expr) => {
                protocol.write(&$handler(protocol.read(body).ok_or_else(unread)?)?)
            };
        }
        Ok(match path {
            "/depot.core.v1.ProjectService/CreateProject" => {
                call!(|asked| self.create_project(bearer, asked))
            }
            "/depot.core.v1.ProjectService/ListProjects" => {
                protocol.write(&self.list_projects(bearer)?)
            }
            "/depot.cli.v1.BuildService/CreateBuild" => {
                call!(|asked| self.create_build(bearer, &asked))
            }
            "/depot.cli.v1.BuildService/GetBuildKitConnection" => {
                let asked = protocol.read(body).ok_or_else(unread)?;
                protocol.write(&self.connection(bearer, asked).await?)
            }
            "/depot.cli.v1.BuildService/ReportBuildHealth" => {
                call!(|asked| self.health(bearer, &asked))
            }
            "/depot.cli.v1.BuildService/FinishBuild" => call!(|asked| self.finish(bearer, asked)),
            // what Depot's own client reports besides
            "/depot.cli.v1.BuildService/ReportTimings"
            | "/depot.cli.v1.BuildService/ReportBuildContext"
            | "/depot.cli.v1.BuildService/ReportStatus" => protocol.write(&Nothing {}),
            _ => return Err(Refusal::new("unimplemented", format!("no {path} here"))),
        })
    }

    fn organization(&self, bearer: &str) -> Answered<()> {
        if bearer == self.token {
            return Ok(());
        }
        Err(Refusal::new("unauthenticated", "Unauthorized"))
    }

    /// The build, if the token is its own.
    fn of_build<'a>(state: &'a mut State, bearer: &str, id: &str) -> Answered<&'a mut Build> {
        let build = state.builds.iter_mut().find(|b| b.id == id);
        let build = build.ok_or_else(|| Refusal::new("not_found", "no such build"))?;
        if build.token == bearer {
            Ok(build)
        } else {
            Err(Refusal::new("unauthenticated", "Unauthorized"))
        }
    }

    fn list_projects(&self, bearer: &str) -> Answered<ProjectList> {
        self.organization(bearer)?;
        let state = self.state();
        let projects = state.projects.iter().map(|p| super::messages::Project {
            project_id: p.id.clone(),
            organization_id: ORGANIZATION.to_owned(),
            name: p.name.clone(),
            region_id: p.region.clone(),
        });
        Ok(ProjectList {
            projects: projects.collect(),
        })
    }

    fn create_project(&self, bearer: &str, asked: CreateProject) -> Answered<ProjectCreated> {
        self.organization(bearer)?;
        if asked.name.is_empty() || asked.region_id.is_empty() {
            let text = "a project needs a name and a region";
            return Err(Refusal::new("invalid_argument", text));
        }
        let mut state = self.state();
        let id = state.draw("prj");
        let policy = asked.cache_policy.unwrap_or_default();
        state.projects.push(Project {
            id: id.clone(),
            name: asked.name.clone(),
            region: asked.region_id.clone(),
            keep_gb: policy.keep_gb,
            keep_days: policy.keep_days,
        });
        Ok(ProjectCreated {
            project: Some(super::messages::Project {
                project_id: id,
                organization_id: ORGANIZATION.to_owned(),
                name: asked.name,
                region_id: asked.region_id,
            }),
        })
    }

    fn create_build(&self, bearer: &str, asked: &CreateBuild) -> Answered<BuildCreated> {
        self.organization(bearer)?;
        let mut state = self.state();
        if !state.projects.iter().any(|p| p.id == asked.project_id) {
            return Err(Refusal::new("not_found", "no such project"));
        }
        let id = state.draw("bld");
        let build = Build {
            // unlike any other word, so that a leak is found
            token: format!("build-token-{id}-b7c1"),
            pending: state.pending,
            ..Build::new(&id, &asked.project_id)
        };
        let created = BuildCreated {
            build_id: id.clone(),
            build_token: build.token.clone(),
            build_url: format!("https://depot.test/builds/{id}"),
            project_id: asked.project_id.clone(),
        };
        state.builds.push(build);
        Ok(created)
    }

    async fn connection(self: &Arc<Self>, bearer: &str, asked: OfPlatform) -> Answered<Connection> {
        if !(1..=2).contains(&asked.platform) {
            return Err(Refusal::new("invalid_argument", "no such platform"));
        }
        {
            let mut state = self.state();
            let build = Self::of_build(&mut state, bearer, &asked.build_id)?;
            if !build.finishes.is_empty() {
                return Err(Refusal::new("failed_precondition", "the build is finished"));
            }
            build.polls += 1;
            if build.pending > 0 {
                build.pending -= 1;
                let pending = Some(Pending { wait_ms: 5 });
                return Ok(Connection {
                    pending,
                    active: None,
                });
            }
            if let Some(machine) = &build.machine {
                return Ok(active(machine));
            }
        }
        let made = Machine::start(&asked.build_id, &self.backend).await;
        let made = made.map_err(|e| Refusal::new("internal", e.to_string()))?;
        let mut state = self.state();
        let build = Self::of_build(&mut state, bearer, &asked.build_id)?;
        build.machines += 1;
        build.platform = asked.platform;
        Ok(active(build.machine.insert(made)))
    }

    fn health(&self, bearer: &str, asked: &OfPlatform) -> Answered<Nothing> {
        let mut state = self.state();
        let build = Self::of_build(&mut state, bearer, &asked.build_id)?;
        build.health_reports += 1;
        Ok(Nothing {})
    }

    fn finish(&self, bearer: &str, asked: FinishBuild) -> Answered<Nothing> {
        let mut state = self.state();
        let build = Self::of_build(&mut state, bearer, &asked.build_id)?;
        let outcome = match (asked.success, asked.error, asked.canceled) {
            (Some(_), None, None) => Finish::Success,
            (None, Some(reason), None) => Finish::Failed(reason.error),
            (None, None, Some(_)) => Finish::Canceled,
            _ => {
                return Err(Refusal::new(
                    "invalid_argument",
                    "one result, not more or none",
                ));
            }
        };
        build.finishes.push(outcome);
        // gone with everything that is still connected
        build.machine = None;
        Ok(Nothing {})
    }
}

fn active(machine: &Machine) -> Connection {
    Connection {
        pending: None,
        active: Some(Active {
            endpoint: format!("tcp://{}", machine.addr),
            server_name: machine.server_name.clone(),
            cert: Some(Certificate {
                cert: machine.cert.clone(),
                key: machine.key.clone(),
            }),
            ca_cert: Some(Certificate {
                cert: machine.ca.clone(),
                key: String::new(),
            }),
        }),
    }
}
