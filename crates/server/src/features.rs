//! The feature crates, put together: what they need, their routes, jobs and figures.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use busk_api::{OpenApiRouter, Site};
use busk_base::{PostingId, Timestamp};
use busk_commerce::earnings;
use busk_commerce::payments::{Provider, Till};
use busk_commerce::payouts::{self, Payouts, RequestError};
use busk_commerce::policies;
use busk_commerce::providers::sandbox::{self, Sandbox};
use busk_commerce::providers::stripe::{self, Stripe};
use busk_commerce::refunds;
use busk_commerce::rules::Rules;
use busk_commerce::subscriptions;
use busk_commerce::tally;
use busk_ledger::PostError;
use busk_media::Media;
use busk_notices::{Notices, NoticesConfig};
use busk_overlays::Overlays;
use busk_people::{AddressGate, Channel, Coins, Limits, Person};
use busk_replay::Archive;
use busk_rooms::restream::{RestreamConfig, SealingKey};
use busk_rooms::{Rooms, RoomsConfig};
use busk_store::{Announcement, Migration, StoreError, Tx};
use busk_webhooks::{Kind, Telling, Webhooks, WebhooksConfig};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::jobs::{Handler, Handlers};
use crate::metrics::Gauge;
use crate::serve::StartError;
use crate::stop::Stop;
use crate::{clock, sealing};

/// Every crate's tables, lower crates first.
pub const MIGRATIONS: &[&[Migration]] = &[
    busk_api::once::MIGRATIONS,
    busk_ledger::MIGRATIONS,
    busk_people::MIGRATIONS,
    busk_rooms::MIGRATIONS,
    busk_notices::MIGRATIONS,
    busk_webhooks::MIGRATIONS,
    busk_commerce::MIGRATIONS,
    busk_overlays::MIGRATIONS,
    busk_reports::MIGRATIONS,
];

const MEDIA_EVENTS_MAX: usize = 4_096;
/// How often what was recorded follows to S3.
const UPLOAD_EVERY: Duration = Duration::from_secs(10);
/// How often gifts are counted to supporters, goals and streaks.
const TALLY_EVERY: Duration = Duration::from_secs(1);
/// How often the ends of ticketed events, and turns on their stages, are looked for.
const EVENTS_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether an account is due to be erased.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(10);
/// How often what was held long enough is made available, and what goes every month is asked for.
const RELEASE_EVERY: Duration = Duration::from_secs(30);
const RELEASE_EVERY_DEMO: Duration = Duration::from_secs(3);

/// The running features.
pub(crate) struct Features {
    pub(crate) rooms: Rooms,
    overlays: Overlays,
    webhooks: Webhooks,
    notices: Notices,
    till: Till,
    payouts: Payouts,
    sandbox: Sandbox,
    stripe: Option<Stripe>,
    people_limits: Limits,
    pub(crate) sealing: SealingKey,
}

impl Features {
    /// `http` is where this site's own HTTP listens: the sandbox's notices go there.
    pub(crate) async fn start(
        site: &Site,
        config: &Config,
        http: SocketAddr,
        announced: mpsc::UnboundedReceiver<Vec<Announcement>>,
    ) -> Result<Self, StartError> {
        let (events, media_events) = mpsc::channel(MEDIA_EVENTS_MAX);
        let mut media = busk_media::Config::new(config.media_listen, site.now());
        media.advertised = config.media_advertise.clone();
        media.sessions_max = config.media_sessions_max;
        let recordings = config.data_dir.join("recordings");
        let kept = |error| StartError::DataDir(recordings.display().to_string(), error);
        std::fs::create_dir_all(&recordings).map_err(kept)?;
        media.recordings = Some(recordings.clone());
        let archive = Archive::new(&recordings, config.s3.as_ref());
        let archive = archive.map_err(|error| kept(std::io::Error::other(error)))?;
        let listen = |error| StartError::Listen(config.media_listen, error);
        let media = Media::start(&media, events).map_err(listen)?;
        tracing::info!(listen = %media.address(), advertised = ?media.advertised(), "media");
        let sealing = sealing::key(&config.data_dir, &clock::randomness()).map_err(StartError::SealingKey)?;
        let rooms = RoomsConfig {
            site: site.clone(),
            fanout: busk_fanout::Config::default(),
            media,
            media_events,
            archive: Some(archive.clone()),
            restream: RestreamConfig {
                sealing: sealing.clone(),
                private_networks: config.restream_private_networks.clone(),
            },
            announced,
        };
        let rooms = Rooms::start(rooms).await.map_err(StartError::Rooms)?;
        let settles = rooms.clone();
        tokio::spawn(async move { settles.settle_replays().await });
        let webhooks = webhooks(&rooms, config, sealing.clone()).await?;
        let notices = notices(site, config, sealing.clone()).await?;
        if config.s3.is_some() {
            tokio::spawn(archive.upload_forever(UPLOAD_EVERY));
        }
        let (sandbox, stripe) = providers(site, config, http).await?;
        let till = till(site, &sandbox, stripe.as_ref()).await?;
        let payouts = Payouts::new(till.clone(), sealing.clone());
        let limits = Limits::default();
        let people_limits = if config.address_limits {
            limits
        } else {
            limits.without_addresses()
        };
        Ok(Self {
            overlays: Overlays::start(rooms.clone()),
            rooms,
            webhooks,
            notices,
            till,
            payouts,
            sandbox,
            stripe,
            people_limits,
            sealing,
        })
    }

    /// Every feature's routes.
    pub(crate) fn routes(&self, site: &Site) -> OpenApiRouter {
        let coins: Coins = Arc::new(|store, person| {
            Box::pin(async move {
                store
                    .read(move |db| busk_commerce::coins::balance(db, person))
                    .await
            })
        });
        OpenApiRouter::new()
            .merge(busk_people::routes(
                site.clone(),
                coins,
                busk_people::follow::Told {
                    followed,
                    unfollowed: busk_rooms::followers::unfollowed,
                },
                self.people_limits,
            ))
            .merge(busk_rooms::routes(self.rooms.clone()))
            .merge(busk_webhooks::routes(self.webhooks.clone()))
            .merge(busk_notices::routes(self.notices.clone()))
            .merge(busk_overlays::routes(self.overlays.clone()))
            .merge(busk_commerce::routes(
                site.clone(),
                self.till.clone(),
                self.payouts.clone(),
                self.sandbox.clone(),
                stripe::Door {
                    site: site.clone(),
                    stripe: self.stripe.clone(),
                },
            ))
            .merge(busk_reports::routes(
                self.rooms.clone(),
                self.notices.clone(),
                AddressGate::new(self.people_limits.reports_per_address),
            ))
    }

    /// Who does which job.
    pub(crate) fn handlers(&self) -> Handlers {
        let (rooms, sandbox) = (self.rooms.clone(), self.sandbox.clone());
        let end: Handler = Arc::new(move |_, job| {
            let rooms = rooms.clone();
            Box::pin(async move { rooms.end_if_not_resumed(&job).await })
        });
        let rooms = self.rooms.clone();
        let give_up: Handler = Arc::new(move |_, job| {
            let rooms = rooms.clone();
            Box::pin(async move { rooms.give_up_seat(&job).await })
        });
        let rooms = self.rooms.clone();
        let empty: Handler = Arc::new(move |_, job| {
            let rooms = rooms.clone();
            Box::pin(async move { rooms.end_empty_hangout(&job).await })
        });
        let rooms = self.rooms.clone();
        let show_out: Handler = Arc::new(move |_, job| {
            let rooms = rooms.clone();
            Box::pin(async move { rooms.show_out_unadmitted(&job).await })
        });
        let notice: Handler = Arc::new(move |_, job| {
            let sandbox = sandbox.clone();
            Box::pin(async move { sandbox.deliver(&job).await })
        });
        let payouts = self.payouts.clone();
        let transfer: Handler = Arc::new(move |_, job| {
            let payouts = payouts.clone();
            Box::pin(async move { payouts.send(&job).await })
        });
        let till = self.till.clone();
        let refund: Handler = Arc::new(move |_, job| {
            let till = till.clone();
            Box::pin(async move { refunds::ask_provider(&till, &job).await })
        });
        let till = self.till.clone();
        let renewal: Handler = Arc::new(move |_, job| {
            let till = till.clone();
            Box::pin(async move { subscriptions::renewal::charge(&till, &job).await })
        });
        let rooms = self.rooms.clone();
        let draw: Handler = Arc::new(move |_, job| {
            let rooms = rooms.clone();
            Box::pin(async move { subscriptions::gifted::draw(&rooms, &job).await })
        });
        Handlers::from([
            (subscriptions::gifted::DRAW_JOB, draw),
            (subscriptions::RENEWAL_JOB, renewal),
            (refunds::REFUND_JOB, refund),
            (busk_rooms::state::END_JOB, end),
            (busk_rooms::stage::GIVE_UP_JOB, give_up),
            (busk_rooms::stage::EMPTY_JOB, empty),
            (busk_rooms::access::SHOW_OUT_JOB, show_out),
            (sandbox::NOTICE_JOB, notice),
            (payouts::transfer::TRANSFER_JOB, transfer),
        ])
    }

    /// Figures for the metrics.
    pub(crate) fn gauges(&self) -> Vec<Gauge> {
        let (sockets, sessions) = (self.rooms.clone(), self.rooms.clone());
        vec![
            Gauge {
                name: "busk_sockets",
                help: "Open WebSockets.",
                kind: "gauge",
                read: Arc::new(move || sockets.socket_stats().connections as f64),
            },
            Gauge {
                name: "busk_media_sessions",
                help: "Cameras and viewers connected or connecting by WebRTC.",
                kind: "gauge",
                read: Arc::new(move || sessions.media_sessions() as f64),
            },
        ]
    }
}

/// Reads logs for webhooks, and delivers, from now on.
async fn webhooks(rooms: &Rooms, config: &Config, sealing: SealingKey) -> Result<Webhooks, StartError> {
    let config = WebhooksConfig {
        rooms: rooms.clone(),
        sealing,
        private_networks: config.webhook_private_networks.clone(),
    };
    let made = tokio::task::spawn_blocking(move || Webhooks::new(config)).await;
    let webhooks = made.map_err(|panic| StartError::Rooms(std::io::Error::other(panic)))?;
    tokio::spawn(busk_webhooks::follow(webhooks.clone()));
    tokio::spawn(busk_webhooks::work(webhooks.clone()));
    Ok(webhooks)
}

/// Looks for lives that begin, and tells their channels' followers, from now on.
async fn notices(site: &Site, config: &Config, sealing: SealingKey) -> Result<Notices, StoreError> {
    let config = NoticesConfig {
        site: site.clone(),
        sealing,
        relay: config.relay.clone(),
        private_networks: config.push_private_networks.clone(),
    };
    let notices = Notices::new(config).await?;
    tokio::spawn(busk_notices::work(notices.clone()));
    Ok(notices)
}

/// The sandbox, which takes payments where nobody else does; and Stripe, where it is configured.
async fn providers(
    site: &Site,
    config: &Config,
    http: SocketAddr,
) -> Result<(Sandbox, Option<Stripe>), StartError> {
    let secret = sandbox::secret(site.store(), site.secret()).await?;
    let notices = format!("http://{}/api/v1/providers/sandbox/notices", reachable(http));
    let is_open = config.stripe.is_none();
    let sandbox = Sandbox::new(site.clone(), secret, notices, is_open).map_err(StartError::Provider)?;
    let stripe = config
        .stripe
        .clone()
        .map(|config| Stripe::new(site.clone(), config));
    Ok((sandbox, stripe.transpose().map_err(StartError::Provider)?))
}

/// Stripe before the sandbox, which then stays only for those who paid through it before.
async fn till(site: &Site, sandbox: &Sandbox, stripe: Option<&Stripe>) -> Result<Till, StoreError> {
    let of_old: Provider = Arc::new(sandbox.clone());
    let Some(stripe) = stripe else {
        return Ok(Till::new(site.clone(), of_old, Vec::new()));
    };
    let has_taken = site
        .store()
        .read(|db| busk_commerce::payments::any_by(db, sandbox::PROVIDER))
        .await?;
    let others = if has_taken { vec![of_old] } else { Vec::new() };
    Ok(Till::new(site.clone(), Arc::new(stripe.clone()), others))
}

/// An address of ours that we can call ourselves.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Makes diamonds and money available when their hold is over, and asks for the month's payouts, until it is time to
/// stop.
pub(crate) async fn release_earnings(site: Site, mut stop: Stop) {
    let every = if site.demo() {
        RELEASE_EVERY_DEMO
    } else {
        RELEASE_EVERY
    };
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = release_all(&site).await {
            tracing::warn!("earnings could not be released: {error}");
        }
        if let Err(error) = ask_monthly(&site).await {
            tracing::warn!("the month's payouts could not be asked for: {error}");
        }
    }
}

/// Counts gifts to supporters, goals and streaks, until it is time to stop.
pub(crate) async fn count_gifts(rooms: Rooms, mut stop: Stop) {
    let mut tick = tokio::time::interval(TALLY_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = tick.tick() => {}
        }
        let rules = Rules::of(rooms.site());
        if let Err(error) = tally::beat(&rooms, &rules).await {
            tracing::warn!("gifts could not be counted: {error}");
        }
    }
}

/// Looks for events that are over, whose tickets' money is to be posted or given back, until it is time to stop.
pub(crate) async fn settle_events(site: Site, mut stop: Stop) {
    let mut tick = tokio::time::interval(EVENTS_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = busk_commerce::events::beat(&site, &Rules::of(&site)).await {
            tracing::warn!("events could not be settled: {error}");
        }
    }
}

/// Erases accounts whose deletion is due, until it is time to stop: then in the midst of one, which goes on later.
pub(crate) async fn erase_accounts(rooms: Rooms, mut stop: Stop) {
    let mut tick = tokio::time::interval(ACCOUNTS_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = tick.tick() => {}
        }
        let done = tokio::select! {
            () = stop.told() => return,
            done = busk_reports::deletion::beat(&rooms) => done,
        };
        if let Err(error) = done {
            tracing::warn!("accounts could not be erased: {error}");
        }
    }
}

async fn release_all(site: &Site) -> Result<(), PostError> {
    let channels = site
        .store()
        .read(earnings::channels_with_pending)
        .await
        .map_err(|e: StoreError| PostError::Store(e))?;
    for channel in channels {
        let (now, rules) = Rules::now(site);
        let id = PostingId::new(now, site.entropy());
        let release = move |tx: &mut Tx| earnings::release(tx, channel, id, &rules, now);
        site.store().write(release).await?;
    }
    release_money(site).await
}

async fn release_money(site: &Site) -> Result<(), PostError> {
    let channels = site.store().read(earnings::channels_waiting).await;
    for channel in channels.map_err(|e: StoreError| PostError::Store(e))? {
        let (now, rules) = Rules::now(site);
        let due = site.store().read(move |db| earnings::money_due(db, channel, now));
        if due.await.map_err(|e: StoreError| PostError::Store(e))? == 0 {
            continue;
        }
        let id = PostingId::new(now, site.entropy());
        let release = move |tx: &mut Tx| earnings::release_money(tx, channel, id, &rules, now);
        site.store().write(release).await?;
    }
    Ok(())
}

async fn ask_monthly(site: &Site) -> Result<(), RequestError> {
    let (now, rules) = Rules::now(site);
    let channels = site
        .store()
        .read(move |db| payouts::channels_monthly(db, now))
        .await?;
    for (channel, owner) in channels {
        let rules = rules.clone();
        let ask = move |tx: &mut Tx| payouts::monthly(tx, channel, owner, &rules, now);
        site.store().write(ask).await?;
    }
    Ok(())
}

/// How often it is looked whether an operator wrote or withdrew a policy: on another node, since here it is known at
/// once. Much less than the notice that a policy needs, so that every node knows it before it begins.
const POLICIES_EVERY: Duration = Duration::from_secs(10);
const _: () = assert!(POLICIES_EVERY.as_secs() * 3 <= policies::NOTICE.as_secs());

/// Keeps the policies that are known up with those that are written, until it is time to stop.
pub(crate) async fn follow_policies(site: Site, mut stop: Stop) {
    let mut tick = tokio::time::interval(POLICIES_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = policies::follow(&site).await {
            tracing::warn!("the policies could not be read: {error}");
        }
    }
}

/// Tells of somebody who follows: in the live that is on, and to webhooks.
fn followed(tx: &mut Tx, channel: &Channel, person: &Person, now: Timestamp) -> Result<(), StoreError> {
    busk_rooms::followers::followed(tx, channel, person, now)?;
    let telling = Telling {
        kind: Kind::Follow,
        subject: (person.id.0, 0),
        at: now,
        data: &serde_json::json!({ "from": { "id": person.id, "name": person.display_name } }),
    };
    busk_webhooks::tell(tx, channel.id, &telling)
}
