//! The HTTP of WHIP (RFC 9725) and WHEP: an offer is posted, an answer returns with the address of the
//! session, which is deleted at the end. Plain HTTP only: the client speaks to its own machine.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};

use super::ClientError;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Of a refusal's body, in what is shown.
const BODY_CHARS_MAX: usize = 500;

/// A WHIP or WHEP address, and what is shown there.
#[derive(Clone, Debug)]
pub struct Endpoint {
    url: Url,
    token: Option<String>,
    client: Client,
}

/// A session the server opened.
#[derive(Clone, Debug)]
pub struct Answered {
    pub sdp: String,
    /// Where the session is deleted, when the server said.
    resource: Option<Url>,
}

impl Endpoint {
    pub fn new(url: &str, token: Option<&str>) -> Result<Endpoint, ClientError> {
        let parsed = Url::parse(url).map_err(|_| ClientError::Address(url.into()))?;
        if parsed.scheme() != "http" || parsed.host_str().is_none() {
            return Err(ClientError::Address(url.into()));
        }
        // No pool: an idle connection would outlive the runtime that made it.
        let client = Client::builder()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()?;
        Ok(Endpoint {
            url: parsed,
            token: token.map(String::from),
            client,
        })
    }

    /// The address of ours that packets to the server leave from.
    pub async fn local_ip(&self) -> Result<IpAddr, ClientError> {
        let unreachable = || ClientError::Address(self.url.to_string());
        let host = self
            .url
            .host_str()
            .ok_or_else(unreachable)?
            .trim_matches(['[', ']'])
            .to_owned();
        let port = self.url.port_or_known_default().unwrap_or(80);
        let server = tokio::net::lookup_host((host, port))
            .await?
            .next()
            .ok_or_else(unreachable)?;
        // Connecting a UDP socket sends nothing; it only asks the routing table.
        let any: IpAddr = if server.is_ipv4() {
            [0, 0, 0, 0].into()
        } else {
            [0u16; 8].into()
        };
        let probe = UdpSocket::bind((any, 0))?;
        probe.connect(server)?;
        Ok(probe.local_addr()?.ip())
    }

    pub async fn post(&self, offer: String) -> Result<Answered, ClientError> {
        let mut request = self.client.post(self.url.clone()).body(offer);
        request = request
            .header(CONTENT_TYPE, "application/sdp")
            .header(ACCEPT, "application/sdp");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = request.send().await?;
        if response.status() != StatusCode::CREATED {
            let retry_after = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok());
            return Err(ClientError::Refused {
                status: response.status().as_u16(),
                retry_after_s: retry_after.and_then(|seconds| seconds.parse().ok()),
                body: response
                    .text()
                    .await
                    .unwrap_or_default()
                    .chars()
                    .take(BODY_CHARS_MAX)
                    .collect(),
            });
        }
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let resource = location.and_then(|location| self.url.join(location).ok());
        Ok(Answered {
            sdp: response.text().await?,
            resource,
        })
    }

    /// Ends a session. A server that is gone has ended it itself.
    pub async fn delete(&self, answered: &Answered) {
        let Some(resource) = &answered.resource else {
            return;
        };
        let mut request = self.client.delete(resource.clone());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Err(error) = request.send().await {
            tracing::debug!(%error, "the session was not deleted");
        }
    }
}
