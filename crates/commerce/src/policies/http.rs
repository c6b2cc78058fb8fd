//! Policies over HTTP, for operators: which there are, the next one, what it would have made of a month.

use std::collections::BTreeMap;

use axum::extract::State as Shared;
use busk_api::{
    Failures, Json, OpenApiRouter, Page, Path, Problem, Refusals, Site, StatusCode, routes as operations,
};
use busk_base::{ChannelId, Dated, Policies, Policy, PolicyVersion, Timestamp};
use busk_ledger::journal::Span;
use busk_ledger::policy::{self, Deeds};
use busk_people::{ChannelRef, Operator};
use busk_store::{Read, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::simulation::{Compared, Outcome, Simulation};
use super::{NOTICE, Schedule, ScheduleError, TakeBackError, follow, form, schedule, withdraw};
use crate::sales::Parts;

/// The longest time that is simulated at once, in seconds: a month, and a day for whoever names its last day.
const TIME_MAX_S: i64 = 32 * 24 * 3_600;

pub fn routes(site: Site) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(operations!(list))
        .routes(operations!(put))
        .routes(operations!(take_back))
        .routes(operations!(simulate))
        .with_state(site)
}

/// Where a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PolicyState {
    Past,
    InForce,
    Scheduled,
    Withdrawn,
}

/// A policy with its number and its beginning.
#[derive(Serialize, ToSchema)]
struct DatedPolicy {
    version: PolicyVersion,
    starts_at: Timestamp,
    state: PolicyState,
    policy: Policy,
    /// Of policy 1 nothing is said: it came with the program.
    written_at: Option<Timestamp>,
    /// The operator's name, if they still have one.
    written_by: Option<String>,
    withdrawn_at: Option<Timestamp>,
    withdrawn_by: Option<String>,
}

/// All policies, newest first.
#[utoipa::path(get, path = "/api/v1/operator/policies", tag = "operator",
    responses((status = 200, body = Page<DatedPolicy>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Failures))]
async fn list(Shared(site): Shared<Site>, _operator: Operator) -> Result<Json<Page<DatedPolicy>>, Problem> {
    let now = site.now();
    let read = site.store().read(move |db| {
        db.snapshot(|db| {
            let policies = policy::all(db)?;
            let all = policies.all().iter().rev();
            let shown = all.map(|dated| shown(db, &policies, dated, now));
            shown.collect::<Result<Vec<_>, StoreError>>()
        })
    });
    Ok(Json(Page::whole(read.await?)))
}

fn shown(
    db: &mut impl Read,
    policies: &Policies,
    dated: &Dated,
    now: Timestamp,
) -> Result<DatedPolicy, StoreError> {
    let Deeds { written, withdrawn } = policy::deeds(db, dated.version)?;
    let mut name = |deed: Option<policy::Deed>| match deed {
        Some(deed) => {
            let person = busk_people::person(db, busk_base::PersonId(deed.by))?;
            Ok::<_, StoreError>(person.map(|person| person.display_name))
        }
        None => Ok(None),
    };
    let state = match dated.withdrawn_at {
        Some(_) => PolicyState::Withdrawn,
        None if policies.at(now).version == dated.version => PolicyState::InForce,
        None if dated.starts_at > now => PolicyState::Scheduled,
        None => PolicyState::Past,
    };
    Ok(DatedPolicy {
        version: dated.version,
        starts_at: dated.starts_at,
        state,
        policy: (*dated.policy).clone(),
        written_at: written.map(|deed| deed.at),
        written_by: name(written)?,
        withdrawn_at: dated.withdrawn_at,
        withdrawn_by: name(withdrawn)?,
    })
}

/// Of one field of a policy that is sent, the first that cannot be is named.
fn read_policy(given: &Map<String, Value>) -> Result<Policy, Problem> {
    form::read(given).map_err(|found| {
        let first = found.into_iter().next();
        first.map_or_else(Problem::internal, |found| {
            Problem::invalid(format!("policy.{}", found.field), found.why)
        })
    })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicyBody {
    /// At least a minute from now, and later than every other that was not withdrawn.
    starts_at: Timestamp,
    /// Every field: none is left to a default.
    #[schema(value_type = Policy)]
    policy: Map<String, Value>,
}

/// Writes the next policy: from its beginning on everything is posted under it. The number is the next one, so that
/// the same again changes nothing.
#[utoipa::path(put, path = "/api/v1/operator/policies/{version}", tag = "operator",
    params(("version" = PolicyVersion, Path)), request_body = PolicyBody,
    responses((status = 200, description = "it was written before", body = Written),
        (status = 201, description = "written", body = Written), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"),
        (status = 409, description = "`policy_version_taken`, `policy_not_the_next`, `policies_too_many`"), Refusals))]
async fn put(
    Shared(site): Shared<Site>,
    Operator(operator): Operator,
    Path(version): Path<PolicyVersion>,
    Json(body): Json<PolicyBody>,
) -> Result<(StatusCode, Json<Written>), Problem> {
    let wanted = Schedule {
        version,
        policy: read_policy(&body.policy)?,
        starts_at: body.starts_at,
        operator: operator.id,
    };
    let (now, starts_at) = (site.now(), body.starts_at);
    let new = site.store().write(move |tx| schedule(tx, &wanted, now));
    let new = new.await.map_err(schedule_problem)?;
    follow(&site).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Written { version, starts_at })))
}

#[derive(Serialize, ToSchema)]
#[schema(as = WrittenPolicy)]
struct Written {
    version: PolicyVersion,
    starts_at: Timestamp,
}

/// Withdraws a policy that does not begin within the next minute. It keeps its number, and is never in force.
#[utoipa::path(delete, path = "/api/v1/operator/policies/{version}", tag = "operator",
    params(("version" = PolicyVersion, Path)),
    responses((status = 204, description = "withdrawn"), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), (status = 404, description = "`policy_unknown`"),
        (status = 409, description = "`policy_begun`"), Failures))]
async fn take_back(
    Shared(site): Shared<Site>,
    Operator(operator): Operator,
    Path(version): Path<PolicyVersion>,
) -> Result<StatusCode, Problem> {
    let now = site.now();
    let written = site
        .store()
        .write(move |tx| withdraw(tx, version, operator.id, now));
    written.await.map_err(take_back_problem)?;
    follow(&site).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SimulateBody {
    from: Timestamp,
    /// At most 32 days later.
    to: Timestamp,
    /// Every field: none is left to a default.
    #[schema(value_type = Policy)]
    policy: Map<String, Value>,
}

/// What a policy would have made of the gifts and deliveries of a time, in the currency's minor unit. What was given
/// back of them is left out on both sides.
#[derive(Serialize, ToSchema)]
struct PolicySimulation {
    from: Timestamp,
    to: Timestamp,
    total: SimulatedSums,
    /// By kind of income: `gift`, `badge`, `ticket`, `subscription`, `gifted_subscription`.
    kinds: BTreeMap<String, SimulatedSums>,
    /// How many creators earned anything.
    creators: usize,
    /// At most 20, the greatest loss first.
    losing: Vec<SimulatedCreator>,
    /// At most 20, the greatest gain first.
    gaining: Vec<SimulatedCreator>,
}

#[derive(Serialize, ToSchema)]
struct SimulatedSums {
    /// Gifts and deliveries.
    count: i64,
    got: Parts,
    would: Parts,
}

#[derive(Serialize, ToSchema)]
struct SimulatedCreator {
    channel: ChannelRef,
    got: i64,
    would: i64,
}

impl From<Compared> for SimulatedSums {
    fn from(compared: Compared) -> Self {
        let Compared { count, got, would } = compared;
        Self { count, got, would }
    }
}

/// Divides a time's gifts and deliveries again, as a policy would have; nothing is written. Refunds are left out.
#[utoipa::path(post, path = "/api/v1/operator/policies/simulations", tag = "operator", request_body = SimulateBody,
    responses((status = 200, body = PolicySimulation), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`operator_needed`"), Refusals))]
async fn simulate(
    Shared(site): Shared<Site>,
    _operator: Operator,
    Json(body): Json<SimulateBody>,
) -> Result<(StatusCode, Json<PolicySimulation>), Problem> {
    let SimulateBody { from, to, policy } = body;
    let policy = read_policy(&policy)?;
    if from >= to || to.unix_s().saturating_sub(from.unix_s()) > TIME_MAX_S {
        return Err(Problem::invalid(
            "to",
            "must be later than from, by at most 32 days",
        ));
    }
    let policies = site.store().read(policy::all).await?;
    let mut simulation = Simulation::new(Span { from, to }, policy, policies);
    // A page is one short read, so that nobody else waits for a month to be read.
    loop {
        let read = site.store().read(move |db| {
            let more = simulation.step(db)?;
            Ok::<_, StoreError>((simulation, more))
        });
        let more;
        (simulation, more) = read.await?;
        if !more {
            break;
        }
    }
    let outcome = simulation.outcome();
    let read = site.store().read(move |db| answer(db, outcome, from, to));
    Ok((StatusCode::OK, Json(read.await?)))
}

fn answer(
    db: &mut impl Read,
    outcome: Outcome,
    from: Timestamp,
    to: Timestamp,
) -> Result<PolicySimulation, StoreError> {
    let mut named = |creators: Vec<(ChannelId, Compared)>| {
        let named = creators.into_iter().map(|(id, compared)| {
            let channel = busk_people::channel(db, id)?;
            let channel = channel.ok_or_else(|| StoreError::Broken(format!("the channel {id} is gone")))?;
            Ok(SimulatedCreator {
                channel: ChannelRef::from(&channel),
                got: compared.got.creator,
                would: compared.would.creator,
            })
        });
        named.collect::<Result<Vec<_>, StoreError>>()
    };
    let kinds = outcome.kinds.into_iter();
    Ok(PolicySimulation {
        from,
        to,
        total: outcome.total.into(),
        kinds: kinds.map(|(kind, sums)| (kind, sums.into())).collect(),
        creators: outcome.creators,
        losing: named(outcome.losing)?,
        gaining: named(outcome.gaining)?,
    })
}

fn schedule_problem(error: ScheduleError) -> Problem {
    let detail = error.to_string();
    match error {
        ScheduleError::Store(error) => error.into(),
        ScheduleError::VersionTaken(_) => {
            Problem::conflict("policy_version_taken", "There is another policy of this number")
                .field("version")
        }
        ScheduleError::NotTheNext { .. } => {
            Problem::conflict("policy_not_the_next", "Policies are numbered without a gap")
                .field("version")
                .detail(detail)
        }
        ScheduleError::TooMany => Problem::conflict("policies_too_many", "There are too many policies"),
        ScheduleError::OutOfBounds(found) => Problem::invalid(format!("policy.{}", found.field), found.why),
        ScheduleError::CoinPrice { price } => Problem::invalid(
            "policy.coin_price_cents",
            format!("must stay {price}: the coins that people hold are backed at it"),
        ),
        ScheduleError::TooSoon => Problem::invalid(
            "starts_at",
            format!("must be at least {} seconds from now", NOTICE.as_secs()),
        ),
        ScheduleError::BeforeTheLast { last } => Problem::invalid(
            "starts_at",
            format!("must be later than {last}, when the last one begins"),
        ),
    }
}

fn take_back_problem(error: TakeBackError) -> Problem {
    match error {
        TakeBackError::Store(error) => error.into(),
        TakeBackError::Unknown => Problem::not_found("policy_unknown", "There is no such policy"),
        TakeBackError::Begun => {
            Problem::conflict("policy_begun", "The policy has begun, or does within a minute")
        }
    }
}
