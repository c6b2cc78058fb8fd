//! Configuration: the same names as flags, as `BUSK_*` in the environment and as keys of a TOML file.
//! Flags win over the environment, the environment over the file, the file over the defaults.

use std::net::{AddrParseError, IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use busk_base::net::Network;
use busk_commerce::providers::stripe::{StripeConfig, StripeConfigError};
use busk_mail::{Relay, RelayError};
use busk_replay::S3Config;
use busk_store::Database;
use serde::Deserialize;

use crate::tls::TlsFiles;

/// Read when no other file is named and it is there.
const FILE: &str = "busk.toml";

/// What may be configured; what is not given is decided by the file, then by the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder of everything that is kept [default: busk-data]
    #[arg(long, env = "BUSK_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// sqlite:PATH or postgres://… [default: sqlite:{data_dir}/busk.db]
    #[arg(long, env = "BUSK_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where HTTP is served [default: 0.0.0.0:8080]
    #[arg(long, env = "BUSK_HTTP_LISTEN", value_name = "ADDRESS:PORT")]
    pub http_listen: Option<SocketAddr>,
    /// Where HTTPS is served with the certificate, beside HTTP; `off` for nowhere [default: off]
    #[arg(long, env = "BUSK_HTTPS_LISTEN", value_name = "ADDRESS:PORT")]
    pub https_listen: Option<String>,
    /// Where people find the site; https here makes cookies travel encrypted only
    /// [default: http://localhost:{port}]
    #[arg(long, env = "BUSK_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Where pictures and sound arrive, by UDP and TCP [default: 0.0.0.0:8081]
    #[arg(long, env = "BUSK_MEDIA_LISTEN", value_name = "ADDRESS:PORT")]
    pub media_listen: Option<SocketAddr>,
    /// Addresses told to browsers for media, when they are not the machine's own
    #[arg(
        long,
        env = "BUSK_MEDIA_ADVERTISE",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub media_advertise: Option<Vec<IpAddr>>,
    /// Cameras and viewers by WebRTC at most; further ones are told to try again [default: 10000]
    #[arg(long, env = "BUSK_MEDIA_SESSIONS_MAX", value_name = "NUMBER")]
    pub media_sessions_max: Option<usize>,
    /// Where encoders arrive by RTMP; `off` for nowhere [default: 0.0.0.0:1935]
    #[arg(long, env = "BUSK_RTMP_LISTEN", value_name = "ADDRESS:PORT")]
    pub rtmp_listen: Option<String>,
    /// Where encoders arrive by RTMPS, when there is a certificate; `off` for nowhere [default: 0.0.0.0:1936]
    #[arg(long, env = "BUSK_RTMPS_LISTEN", value_name = "ADDRESS:PORT")]
    pub rtmps_listen: Option<String>,
    /// Where bots arrive by IRC; `off` for nowhere [default: off]
    #[arg(long, env = "BUSK_IRC_LISTEN", value_name = "ADDRESS:PORT")]
    pub irc_listen: Option<String>,
    /// Where bots arrive by IRC over TLS, when there is a certificate; `off` for nowhere [default: off]
    #[arg(long, env = "BUSK_IRCS_LISTEN", value_name = "ADDRESS:PORT")]
    pub ircs_listen: Option<String>,
    /// A certificate and those that vouch for it, in PEM; read again when it changes
    #[arg(long, env = "BUSK_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, env = "BUSK_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Networks, such as 10.1.2.0/24, that lives may be pushed into beside public addresses. Whoever has a channel
    /// can have this server connect there [default: none]
    #[arg(
        long,
        env = "BUSK_RESTREAM_PRIVATE_NETWORKS",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub restream_private_networks: Option<Vec<String>>,
    /// Networks that webhooks may lead into beside public addresses, by http:// too. Whoever has a channel can have
    /// this server connect there [default: none]
    #[arg(
        long,
        env = "BUSK_WEBHOOK_PRIVATE_NETWORKS",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub webhook_private_networks: Option<Vec<String>>,
    /// Whom e-mail is handed to: smtps://user:password@host or smtp://…, which begins TLS by STARTTLS [default: none]
    #[arg(long, env = "BUSK_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<Secret>,
    /// Whom e-mail is from, such as live@example.org
    #[arg(long, env = "BUSK_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Networks that push services may be in beside public addresses, by http:// too. Whoever has an account can have
    /// this server connect there [default: none]
    #[arg(
        long,
        env = "BUSK_PUSH_PRIVATE_NETWORKS",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub push_private_networks: Option<Vec<String>>,
    /// Where /metrics is served [default: 127.0.0.1:8082]
    #[arg(long, env = "BUSK_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where recordings are kept beside this machine: an S3 bucket. Keys are read from the same place
    #[arg(long, env = "BUSK_S3_BUCKET", value_name = "NAME")]
    pub s3_bucket: Option<String>,
    /// The service, when it is not Amazon's
    #[arg(long, env = "BUSK_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// [default: us-east-1]
    #[arg(long, env = "BUSK_S3_REGION", value_name = "NAME")]
    pub s3_region: Option<String>,
    /// What all keys begin with
    #[arg(long, env = "BUSK_S3_PREFIX", value_name = "TEXT")]
    pub s3_prefix: Option<String>,
    #[arg(
        long,
        env = "BUSK_S3_ACCESS_KEY_ID",
        value_name = "ID",
        hide_env_values = true
    )]
    pub s3_access_key_id: Option<String>,
    #[arg(
        long,
        env = "BUSK_S3_SECRET_ACCESS_KEY",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub s3_secret_access_key: Option<Secret>,
    /// With it, Stripe takes payments in place of the sandbox: sk_test_…, sk_live_…, or a restricted key, rk_…
    #[arg(
        long,
        env = "BUSK_STRIPE_SECRET_KEY",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub stripe_secret_key: Option<Secret>,
    /// What Stripe signs events with, whsec_…: of the account's webhook, of that of connected accounts, and both the
    /// old and the new one while one is changed
    #[arg(
        long,
        env = "BUSK_STRIPE_WEBHOOK_SECRETS",
        value_name = "SECRET",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub stripe_webhook_secrets: Option<Vec<Secret>>,
    /// Where Stripe is asked [default: https://api.stripe.com]
    #[arg(long, env = "BUSK_STRIPE_URL", value_name = "URL")]
    pub stripe_url: Option<String>,
    /// Whether sign-ins, sign-ups and guests are limited per address; turn it off behind a proxy that
    /// shows one address for everyone, or for a load test [default: true]
    #[arg(long, env = "BUSK_ADDRESS_LIMITS", value_name = "BOOL")]
    pub address_limits: Option<bool>,
    /// HTTP connections at most; further ones wait [default: 8192]
    #[arg(long, env = "BUSK_CONNECTIONS_MAX", value_name = "NUMBER")]
    pub connections_max: Option<usize>,
}

/// What is not to be read in any log.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    pub database: Database,
    pub http_listen: SocketAddr,
    pub https: Option<TlsListen>,
    /// None: made of the port that HTTP is served on.
    pub public_url: Option<String>,
    pub media_listen: SocketAddr,
    pub media_advertise: Vec<IpAddr>,
    pub media_sessions_max: usize,
    pub rtmp_listen: Option<SocketAddr>,
    pub rtmps: Option<TlsListen>,
    pub irc_listen: Option<SocketAddr>,
    pub ircs: Option<TlsListen>,
    pub restream_private_networks: Vec<Network>,
    pub webhook_private_networks: Vec<Network>,
    /// None: there are no letters.
    pub relay: Option<Relay>,
    pub push_private_networks: Vec<Network>,
    pub metrics_listen: SocketAddr,
    pub s3: Option<S3Config>,
    /// None: the sandbox takes payments.
    pub stripe: Option<StripeConfig>,
    pub address_limits: bool,
    pub connections_max: usize,
}

/// People, encoders, or bots, by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsListen {
    pub listen: SocketAddr,
    pub files: TlsFiles,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {why}")]
    File { path: String, why: String },
    #[error("database_url must be sqlite:PATH or postgres://…")]
    DatabaseUrl,
    #[error("s3_bucket needs s3_access_key_id and s3_secret_access_key")]
    S3Keys,
    #[error(transparent)]
    Stripe(#[from] StripeConfigError),
    #[error("stripe_webhook_secrets and stripe_url need stripe_secret_key")]
    StripeKey,
    #[error("rtmp_listen must be ADDRESS:PORT or off")]
    RtmpListen,
    #[error("rtmps_listen must be ADDRESS:PORT or off")]
    RtmpsListen,
    #[error("irc_listen and ircs_listen must be ADDRESS:PORT or off")]
    IrcListen,
    #[error("https_listen must be ADDRESS:PORT or off")]
    HttpsListen,
    #[error("https_listen needs tls_certificate and tls_key")]
    HttpsTls,
    #[error("https_listen needs public_url, which begins with https://")]
    HttpsPublicUrl,
    #[error("ircs_listen needs tls_certificate and tls_key")]
    IrcsTls,
    #[error("tls_certificate and tls_key go together: one of them is missing")]
    TlsFiles,
    #[error("rtmps_listen needs tls_certificate and tls_key")]
    RtmpsTls,
    #[error("restream_private_networks: {0} is not an address or a network, such as 10.1.2.0/24")]
    RestreamPrivateNetworks(String),
    #[error("webhook_private_networks: {0} is not an address or a network, such as 10.1.2.0/24")]
    WebhookPrivateNetworks(String),
    #[error("push_private_networks: {0} is not an address or a network, such as 10.1.2.0/24")]
    PushPrivateNetworks(String),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("smtp_url and mail_from go together: one of them is missing")]
    Mail,
    #[error("public_url must be http://… or https://… without a path")]
    PublicUrl,
}

impl Settings {
    /// Reads a TOML file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let file = |why: String| ConfigError::File {
            path: path.display().to_string(),
            why,
        };
        let text = std::fs::read_to_string(path).map_err(|error| file(error.to_string()))?;
        toml::from_str(&text).map_err(|error| file(error.to_string()))
    }

    /// The file that was named, or `busk.toml` here when it is there, or nothing.
    pub fn from_file_or_default(named: Option<&Path>) -> Result<Self, ConfigError> {
        match named {
            Some(path) => Self::from_file(path),
            None if Path::new(FILE).is_file() => Self::from_file(Path::new(FILE)),
            None => Ok(Self::default()),
        }
    }

    /// These settings, and `other`'s where nothing is set.
    pub fn or(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            database_url: self.database_url.or(other.database_url),
            http_listen: self.http_listen.or(other.http_listen),
            https_listen: self.https_listen.or(other.https_listen),
            public_url: self.public_url.or(other.public_url),
            media_listen: self.media_listen.or(other.media_listen),
            media_advertise: self.media_advertise.or(other.media_advertise),
            media_sessions_max: self.media_sessions_max.or(other.media_sessions_max),
            rtmp_listen: self.rtmp_listen.or(other.rtmp_listen),
            rtmps_listen: self.rtmps_listen.or(other.rtmps_listen),
            irc_listen: self.irc_listen.or(other.irc_listen),
            ircs_listen: self.ircs_listen.or(other.ircs_listen),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            restream_private_networks: self.restream_private_networks.or(other.restream_private_networks),
            webhook_private_networks: self.webhook_private_networks.or(other.webhook_private_networks),
            smtp_url: self.smtp_url.or(other.smtp_url),
            mail_from: self.mail_from.or(other.mail_from),
            push_private_networks: self.push_private_networks.or(other.push_private_networks),
            metrics_listen: self.metrics_listen.or(other.metrics_listen),
            s3_bucket: self.s3_bucket.or(other.s3_bucket),
            s3_endpoint: self.s3_endpoint.or(other.s3_endpoint),
            s3_region: self.s3_region.or(other.s3_region),
            s3_prefix: self.s3_prefix.or(other.s3_prefix),
            s3_access_key_id: self.s3_access_key_id.or(other.s3_access_key_id),
            s3_secret_access_key: self.s3_secret_access_key.or(other.s3_secret_access_key),
            stripe_secret_key: self.stripe_secret_key.or(other.stripe_secret_key),
            stripe_webhook_secrets: self.stripe_webhook_secrets.or(other.stripe_webhook_secrets),
            stripe_url: self.stripe_url.or(other.stripe_url),
            address_limits: self.address_limits.or(other.address_limits),
            connections_max: self.connections_max.or(other.connections_max),
        }
    }

    /// Fills in the defaults and checks what was given.
    pub fn check(self) -> Result<Config, ConfigError> {
        let everywhere = |port| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        let data_dir = self.data_dir.unwrap_or_else(|| "busk-data".into());
        let database = match self.database_url {
            Some(url) => Database::parse(&url).ok_or(ConfigError::DatabaseUrl)?,
            None => Database::Sqlite(data_dir.join("busk.db")),
        };
        if self.public_url.as_deref().is_some_and(|url| !is_origin(url)) {
            return Err(ConfigError::PublicUrl);
        }
        let s3 = match (self.s3_bucket, self.s3_access_key_id, self.s3_secret_access_key) {
            (None, ..) => None,
            (Some(bucket), Some(access_key_id), Some(secret_access_key)) => Some(S3Config {
                // Services that are not Amazon's have the bucket in the path.
                path_style: self.s3_endpoint.is_some(),
                endpoint: self.s3_endpoint,
                region: self.s3_region.unwrap_or_else(|| "us-east-1".into()),
                bucket,
                prefix: self.s3_prefix.unwrap_or_default().trim_matches('/').to_owned(),
                access_key_id,
                secret_access_key: secret_access_key.0,
            }),
            _ => return Err(ConfigError::S3Keys),
        };
        let stripe = stripe(
            self.stripe_secret_key,
            self.stripe_webhook_secrets,
            self.stripe_url,
        )?;
        let rtmp_listen = listen_or_off(self.rtmp_listen.as_deref(), everywhere(1935))
            .map_err(|_| ConfigError::RtmpListen)?;
        let rtmps_listen = listen_or_off(self.rtmps_listen.as_deref(), everywhere(1936))
            .map_err(|_| ConfigError::RtmpsListen)?;
        let irc_listen = listen_if_said(self.irc_listen.as_deref()).map_err(|_| ConfigError::IrcListen)?;
        let ircs_listen = listen_if_said(self.ircs_listen.as_deref()).map_err(|_| ConfigError::IrcListen)?;
        let https_listen = https_listen(self.https_listen.as_deref(), self.public_url.as_deref())?;
        let needs = [
            (self.rtmps_listen.and(rtmps_listen), ConfigError::RtmpsTls),
            (ircs_listen, ConfigError::IrcsTls),
            (https_listen, ConfigError::HttpsTls),
        ];
        let files = tls_files(self.tls_certificate, self.tls_key, needs)?;
        let by_tls = |listen: Option<SocketAddr>| {
            let files = files.clone()?;
            listen.map(|listen| TlsListen { listen, files })
        };
        let restream_private_networks = networks(
            self.restream_private_networks,
            ConfigError::RestreamPrivateNetworks,
        )?;
        let webhook_private_networks =
            networks(self.webhook_private_networks, ConfigError::WebhookPrivateNetworks)?;
        Ok(Config {
            data_dir,
            database,
            http_listen: self.http_listen.unwrap_or(everywhere(8080)),
            https: by_tls(https_listen),
            public_url: self.public_url,
            media_listen: self.media_listen.unwrap_or(everywhere(8081)),
            media_advertise: self.media_advertise.unwrap_or_default(),
            media_sessions_max: self.media_sessions_max.unwrap_or(10_000).max(1),
            s3,
            stripe,
            rtmp_listen,
            rtmps: by_tls(rtmps_listen),
            irc_listen,
            ircs: by_tls(ircs_listen),
            restream_private_networks,
            webhook_private_networks,
            relay: relay(self.smtp_url, self.mail_from)?,
            push_private_networks: networks(self.push_private_networks, ConfigError::PushPrivateNetworks)?,
            metrics_listen: self
                .metrics_listen
                .unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8082)),
            address_limits: self.address_limits.unwrap_or(true),
            connections_max: self.connections_max.unwrap_or(8_192).max(1),
        })
    }
}

/// Cookies and origins are the public address's: it must be the encrypted one.
fn https_listen(text: Option<&str>, public_url: Option<&str>) -> Result<Option<SocketAddr>, ConfigError> {
    let listen = listen_if_said(text).map_err(|_| ConfigError::HttpsListen)?;
    match (listen, public_url) {
        (Some(_), None) => Err(ConfigError::HttpsPublicUrl),
        (Some(_), Some(url)) if !url.starts_with("https://") => Err(ConfigError::HttpsPublicUrl),
        (listen, _) => Ok(listen),
    }
}

/// The certificate, and the refusal when it is missing where it is needed.
fn tls_files<const N: usize>(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    needs: [(Option<SocketAddr>, ConfigError); N],
) -> Result<Option<TlsFiles>, ConfigError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => {
            let missed = needs.into_iter().find(|(listen, _)| listen.is_some());
            missed.map_or(Ok(None), |(_, error)| Err(error))
        }
        _ => Err(ConfigError::TlsFiles),
    }
}

fn networks(
    texts: Option<Vec<String>>,
    wrong: fn(String) -> ConfigError,
) -> Result<Vec<Network>, ConfigError> {
    let texts = texts.unwrap_or_default().into_iter();
    texts
        .map(|text| text.trim().parse().map_err(|_| wrong(text)))
        .collect()
}

fn relay(url: Option<Secret>, from: Option<String>) -> Result<Option<Relay>, ConfigError> {
    match (url, from) {
        (None, None) => Ok(None),
        (Some(url), Some(from)) => Ok(Some(Relay::parse(&url.0, &from)?)),
        _ => Err(ConfigError::Mail),
    }
}

fn stripe(
    key: Option<Secret>,
    webhook_secrets: Option<Vec<Secret>>,
    url: Option<String>,
) -> Result<Option<StripeConfig>, ConfigError> {
    let Some(key) = key else {
        return match (webhook_secrets, url) {
            (None, None) => Ok(None),
            _ => Err(ConfigError::StripeKey),
        };
    };
    let secrets = webhook_secrets.unwrap_or_default().into_iter();
    let secrets = secrets.map(|secret| secret.0.trim().to_owned()).collect();
    Ok(Some(StripeConfig::new(key.0, secrets, url)?))
}

fn listen_or_off(text: Option<&str>, default: SocketAddr) -> Result<Option<SocketAddr>, AddrParseError> {
    match text {
        None => Ok(Some(default)),
        Some("off") => Ok(None),
        Some(address) => address.parse().map(Some),
    }
}

/// None where nothing is said.
fn listen_if_said(text: Option<&str>) -> Result<Option<SocketAddr>, AddrParseError> {
    match text {
        None | Some("off") => Ok(None),
        Some(address) => address.parse().map(Some),
    }
}

/// Scheme, host and port, and nothing after them.
fn is_origin(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else {
        return false;
    };
    let scheme = matches!(url.scheme_str(), Some("http" | "https"));
    scheme && url.host().is_some() && url.path_and_query().is_none_or(|rest| rest == "/")
}

#[cfg(test)]
mod tests;
