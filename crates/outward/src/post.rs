//! One HTTP request, posted to an address that was checked. No more of the answer is read than whether it was taken, and
//! a redirect is followed nowhere: whoever moves, changes the address.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::{Address, Dns, Reach, Tls, open};

/// Of a header, read at most, in bytes.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    /// How long the other side wants to be left alone (RFC 9110 §10.2.3), where it says so in seconds.
    pub retry_after: Option<Duration>,
}

/// Posts, within `time_max`; the text says for people why nothing was answered.
pub async fn post(
    address: &Address,
    reach: &Reach,
    tls: &Tls,
    (headers, body): (HeaderMap, Bytes),
    time_max: Duration,
) -> Result<Answer, String> {
    let answered = timeout(time_max, exchange(address, reach, tls, (headers, body), time_max)).await;
    let late = |_| format!("Nothing was answered within {} seconds.", time_max.as_secs());
    answered.map_err(late)?
}

async fn exchange(
    address: &Address,
    reach: &Reach,
    tls: &Tls,
    (headers, body): (HeaderMap, Bytes),
    time_max: Duration,
) -> Result<Answer, String> {
    let mut request = Request::post(&address.path)
        .header(header::HOST, &address.authority)
        .header(header::CONNECTION, "close")
        .body(Full::new(body))
        .map_err(|_| "The address cannot be asked for.".to_owned())?;
    request.headers_mut().extend(headers);

    let tls = address.encrypted.then_some(tls);
    let to = (address.host.as_str(), address.port);
    let connection = open(to, reach, &Dns, tls, time_max).await;
    let connection = connection.map_err(|error| error.to_string())?;
    let broken = |_| "What was answered is no HTTP.".to_owned();
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_BYTES_MAX)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(broken)?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // The answer may have come before the end, as may none.
        _ = connection => answer.await,
    };
    // The rest of it is of no interest: the connection is dropped with it.
    let answer = answer.map_err(|_| "It hung up without an answer.".to_owned())?;
    let seconds = answer.headers().get(header::RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Ok(Answer {
        status: answer.status(),
        retry_after: seconds.map(Duration::from_secs),
    })
}
