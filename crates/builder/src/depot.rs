//! Depot: a project with a cache for each of ours, a machine for each build.

mod call;
mod wire;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::address::{Address, Pem};
use crate::measure::measured;
use crate::progress::Progress;
use crate::solve::{self, Guard, Solver};
use crate::{
    BadSettings, BuildError, Builder, Built, Limits, Operation, Order, Outcome, Platform, Secret,
    Sink, Ticket, machine,
};
use call::{Line, Method};
use wire::{
    BuildOf, Connection, CreateBuild, CreateProject, CreatedBuild, CreatedProject, FinishBuild,
    Machine, Nothing,
};

pub(crate) const ADAPTER: &str = "depot";
/// Where builds are run unless told otherwise.
const BUILDS: &str = "https://api.depot.dev";
/// Questions for a machine that may fail one after the other.
const FAILURES: u32 = 5;

/// An account.
#[derive(Debug, Clone)]
pub struct DepotSettings {
    /// Where projects are made.
    pub api_url: String,
    /// Where builds are run; empty: Depot's own address.
    pub build_url: String,
    /// The organisation's token.
    pub token: Secret,
    /// Where projects have their machines.
    pub region: String,
    /// How long things may take.
    pub limits: Limits,
}

/// Depot, by one account.
#[derive(Clone)]
pub struct Depot {
    projects: Line,
    builds: Line,
    token: Secret,
    region: String,
    limits: Limits,
    guard: Guard,
}

impl Depot {
    /// Takes the settings over; connects to nothing.
    ///
    /// # Errors
    /// An address is none, or the token is no header.
    pub fn new(settings: &DepotSettings) -> Result<Self, BadSettings> {
        let builds = match settings.build_url.as_str() {
            "" => BUILDS,
            url => url,
        };
        let token = settings.token.expose();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            let why = "Depot's token must be printable ASCII without spaces";
            return Err(BadSettings(why.to_owned()));
        }
        Ok(Self {
            projects: Line::new(&settings.api_url, settings.limits.connect)?,
            builds: Line::new(builds, settings.limits.connect)?,
            token: settings.token.clone(),
            region: settings.region.clone(),
            limits: settings.limits,
            guard: Guard::default(),
        })
    }

    /// The project with this name: one whose answer was lost when it was made is there already.
    async fn project(&self, name: &str) -> Result<Option<String>, BuildError> {
        let (method, limit) = (Method::LIST_PROJECTS, self.limits.call);
        let listed = self.projects.call(method, &self.token, &Nothing {}, limit);
        let wire::Projects { projects } = listed.await?;
        let found = projects.into_iter().find(|p| p.name == name);
        Ok(found.map(|p| p.project_id).filter(|id| !id.is_empty()))
    }

    /// Asks for the build's machine until there is one.
    async fn acquire(&self, ticket: &Ticket, platform: Platform) -> Result<Machine, BuildError> {
        let until = Instant::now() + self.limits.acquire;
        let mut failures = 0;
        loop {
            let request = Connection::of(&ticket.build_id, platform);
            let asked = self.builds.call(
                Method::GET_CONNECTION,
                &ticket.build_token,
                &request,
                self.limits.call,
            );
            let pause = match timeout_at(until, asked).await {
                Err(_) => self.limits.poll,
                Ok(Ok(wire::Connected {
                    active: Some(machine),
                    ..
                })) => return Ok(machine),
                Ok(Ok(wire::Connected { pending, .. })) => {
                    failures = 0;
                    let wait = pending.map_or(0, |pending| pending.wait_ms);
                    let wait = std::time::Duration::from_millis(wait.try_into().unwrap_or(0));
                    match wait.is_zero() {
                        true => self.limits.poll,
                        false => wait.clamp(self.limits.poll / 10, self.limits.poll * 10),
                    }
                }
                Ok(Err(error)) if error.is_transient() && failures + 1 < FAILURES => {
                    failures += 1;
                    self.limits.poll
                }
                Ok(Err(error)) => return Err(error),
            };
            if Instant::now() + pause >= until {
                let text = format!("no machine within {:?}", self.limits.acquire);
                return Err(BuildError::unavailable(Operation::Acquire, text));
            }
            sleep(pause).await;
        }
    }

    /// Tells Depot that the build is still wanted, for as long as it is polled. What it answers changes nothing: a machine
    /// that is taken away is seen at the machine.
    async fn report_health(&self, ticket: &Ticket, platform: Platform) -> std::convert::Infallible {
        let request = BuildOf::of(&ticket.build_id, platform);
        loop {
            let told: Result<Nothing, BuildError> = self
                .builds
                .call(
                    Method::REPORT_HEALTH,
                    &ticket.build_token,
                    &request,
                    self.limits.health,
                )
                .await;
            if let Err(error) = told {
                tracing::warn!(build_id = ticket.build_id, %error, "a health report did not arrive");
            }
            sleep(self.limits.health_pause).await;
        }
    }

    async fn build_at(
        &self,
        ticket: &Ticket,
        order: &Order,
        progress: &mut Progress<'_>,
    ) -> Result<Built, BuildError> {
        let acquired = self.acquire(ticket, order.platform);
        let machine = measured(ADAPTER, Operation::Acquire, acquired).await?;
        let address = address(&machine)?;
        let ready = machine::ready(&address, &self.limits);
        let solver = Solver {
            adapter: ADAPTER,
            control: measured(ADAPTER, Operation::Connect, ready).await?,
            guard: self.guard,
            tail: self.limits.tail,
        };
        Box::pin(solver.build(order, progress)).await
    }
}

#[async_trait]
impl Builder for Depot {
    fn kind(&self) -> &'static str {
        ADAPTER
    }

    async fn create_project(&self, name: &str) -> Result<Option<String>, BuildError> {
        if let Some(id) = self.project(name).await? {
            return Ok(Some(id));
        }
        let operation = Operation::CreateProject;
        let request = CreateProject::new(name, &self.region);
        let created: CreatedProject = self
            .projects
            .call(
                Method::CREATE_PROJECT,
                &self.token,
                &request,
                self.limits.call,
            )
            .await?;
        match created.project.map(|project| project.project_id) {
            Some(id) if !id.is_empty() => Ok(Some(id)),
            _ => Err(BuildError::unavailable(
                operation,
                "the answer names no project",
            )),
        }
    }

    async fn create_build(&self, project: Option<&str>) -> Result<Ticket, BuildError> {
        let operation = Operation::CreateBuild;
        let Some(project_id) = project else {
            return Err(BuildError::refused(operation, "a build needs a project"));
        };
        let request = CreateBuild {
            project_id: project_id.to_owned(),
        };
        let created: CreatedBuild = self
            .builds
            .call(
                Method::CREATE_BUILD,
                &self.token,
                &request,
                self.limits.call,
            )
            .await?;
        let ticket = Ticket {
            build_id: created.build_id,
            build_token: Secret::new(created.build_token),
        };
        if ticket.build_id.is_empty() || ticket.build_token.is_empty() {
            let text = "the answer names no build or no token of it";
            return Err(BuildError::unavailable(operation, text));
        }
        Ok(ticket)
    }

    async fn run(
        &self,
        ticket: &Ticket,
        order: &Order,
        sink: &dyn Sink,
        stop: &CancellationToken,
    ) -> Result<Built, BuildError> {
        solve::check(order)?;
        let mut progress = Progress::new(sink);
        let result = {
            let health = self.report_health(ticket, order.platform);
            // dropping the work drops its calls, which cancels them at the machine
            tokio::select! {
                biased;
                () = stop.cancelled() => Err(BuildError::Canceled),
                result = self.build_at(ticket, order, &mut progress) => result,
                never = health => match never {},
            }
        };
        progress.settle();
        result
    }

    async fn finish(&self, ticket: &Ticket, outcome: &Outcome) -> Result<(), BuildError> {
        let request = FinishBuild::new(&ticket.build_id, outcome);
        self.builds
            .finish(&ticket.build_token, &request, self.limits.call)
            .await
    }
}

fn address(machine: &Machine) -> Result<Address, BuildError> {
    let endpoint = machine.endpoint.trim();
    let endpoint = endpoint.strip_prefix("tcp://").unwrap_or(endpoint);
    let key = Secret::new(machine.cert.key.as_str());
    let pem = Pem {
        ca: &machine.ca_cert.cert,
        ours: Some((&machine.cert.cert, &key)),
        server_name: &machine.server_name,
    };
    let address = Address::parse(&format!("tcp://{endpoint}"), Some(&pem));
    // a machine that cannot be spoken to is replaced by asking again
    address.map_err(|bad| BuildError::unavailable(Operation::Acquire, bad.to_string()))
}

/// The address of a call's service.
fn base(text: &str) -> Result<Url, BadSettings> {
    let bad = || BadSettings(format!("Depot's address {text:?} is not http(s)://host"));
    let url = Url::parse(text.trim_end_matches('/')).map_err(|_| bad())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none();
    if plain && !url.cannot_be_a_base() {
        Ok(url)
    } else {
        Err(bad())
    }
}
