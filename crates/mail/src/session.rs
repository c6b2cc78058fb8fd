//! A connection to the relay, over which letters are handed one after the other (RFC 5321, RFC 6409).

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use busk_outward::{Connection, Dns, Reach, Tls, connect, open};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::relay::Security;
use crate::{Address, Letter, Relay};

/// For one command and its answer. A relay that looks a letter over takes its time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of an answer, read at most, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// Why a letter was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Later it may be: the relay is away, busy, or the connection broke.
    #[error("{0}")]
    Later(String),
    /// The relay will not have it, now or later.
    #[error("the relay refuses it: {0}")]
    Never(String),
}

/// An open session with the relay, which knows who we are.
pub struct Session {
    stream: BufReader<Box<dyn Connection>>,
    from: Address,
}

/// What the relay answered.
struct Answer {
    code: u16,
    text: String,
}

impl Answer {
    fn refusal(self) -> SubmitError {
        let said = format!("{} {}", self.code, self.text);
        match self.code {
            500..600 => SubmitError::Never(said),
            _ => SubmitError::Later(said),
        }
    }
}

fn broken(error: &io::Error) -> SubmitError {
    SubmitError::Later(format!("the connection to the relay broke: {error}"))
}

impl Session {
    /// Connects, and signs in where there is something to sign in with.
    pub async fn open(relay: &Relay, tls: &Tls) -> Result<Self, SubmitError> {
        // The operator's own relay may be anywhere.
        let reach = Reach::anywhere();
        let to = (relay.host.as_str(), relay.port);
        let absent = |error: busk_outward::ConnectError| SubmitError::Later(format!("the relay: {error}"));
        let stream: Box<dyn Connection> = match relay.security {
            Security::Tls => open(to, &reach, &Dns, Some(tls), PATIENCE)
                .await
                .map_err(absent)?,
            Security::Local => open(to, &reach, &Dns, None, PATIENCE).await.map_err(absent)?,
            Security::StartTls => {
                let stream = connect(to, &reach, &Dns, PATIENCE).await.map_err(absent)?;
                let mut stream = BufReader::new(stream);
                greeted(&mut stream).await?;
                hello(&mut stream, &relay.from).await?;
                asked(&mut stream, "STARTTLS\r\n", 220).await?;
                // What came before the encryption was put there by somebody else (RFC 3207 §6).
                if !stream.buffer().is_empty() {
                    return Err(SubmitError::Later("the relay spoke before the encryption".into()));
                }
                let wrapped = timeout(PATIENCE, tls.wrap(stream.into_inner(), &relay.host)).await;
                let late = |_| SubmitError::Later("the relay took too long".into());
                Box::new(wrapped.map_err(late)?.map_err(absent)?)
            }
        };
        let mut stream = BufReader::new(stream);
        if relay.security != Security::StartTls {
            greeted(&mut stream).await?;
        }
        hello(&mut stream, &relay.from).await?;
        if let Some((user, password)) = &relay.login {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            // A wrong password is the operator's to mend: letters wait for it.
            let signed_in = asked(&mut stream, &format!("AUTH PLAIN {secret}\r\n"), 235).await;
            signed_in.map_err(|error| SubmitError::Later(format!("signing in at the relay: {error}")))?;
        }
        Ok(Self {
            stream,
            from: relay.from.clone(),
        })
    }

    /// Hands one letter over; the session goes on whatever comes of it, unless the connection broke.
    pub async fn send(&mut self, letter: &Letter) -> Result<(), SubmitError> {
        let sent = self.submit(letter).await;
        if let Err(SubmitError::Never(_)) = &sent {
            // Whatever the relay still held of it.
            asked(&mut self.stream, "RSET\r\n", 250).await?;
        }
        sent
    }

    async fn submit(&mut self, letter: &Letter) -> Result<(), SubmitError> {
        let stream = &mut self.stream;
        asked(stream, &format!("MAIL FROM:<{}>\r\n", self.from), 250).await?;
        asked(stream, &format!("RCPT TO:<{}>\r\n", letter.to), 250).await?;
        asked(stream, "DATA\r\n", 354).await?;
        // A line that begins with a dot gets another (RFC 5321 §4.5.2).
        let mut text = letter.written(&self.from).replace("\r\n.", "\r\n..");
        text.push_str(".\r\n");
        asked(stream, &text, 250).await.map(drop)
    }

    /// Says goodbye; nobody waits for an answer.
    pub async fn quit(mut self) {
        let _ = timeout(PATIENCE, self.stream.write_all(b"QUIT\r\n")).await;
    }
}

async fn greeted<S: Connection>(stream: &mut BufReader<S>) -> Result<(), SubmitError> {
    expect(answer(stream).await?, 220).map(drop)
}

async fn hello<S: Connection>(stream: &mut BufReader<S>, from: &Address) -> Result<(), SubmitError> {
    asked(stream, &format!("EHLO {}\r\n", from.domain()), 250)
        .await
        .map(drop)
}

/// Sends a command and reads its answer, which must have this code.
async fn asked<S: Connection>(
    stream: &mut BufReader<S>,
    command: &str,
    code: u16,
) -> Result<Answer, SubmitError> {
    let written = timeout(PATIENCE, async {
        stream.write_all(command.as_bytes()).await?;
        stream.flush().await
    });
    let written = written.await;
    let late = |_| SubmitError::Later("the relay took too long".into());
    written.map_err(late)?.map_err(|error| broken(&error))?;
    expect(answer(stream).await?, code)
}

fn expect(answer: Answer, code: u16) -> Result<Answer, SubmitError> {
    if answer.code == code {
        Ok(answer)
    } else {
        Err(answer.refusal())
    }
}

/// Reads an answer of one line or several (RFC 5321 §4.2.1).
async fn answer<S: Connection>(stream: &mut BufReader<S>) -> Result<Answer, SubmitError> {
    let odd = || SubmitError::Later("what the relay says is no SMTP".into());
    let mut left = stream.take(ANSWER_BYTES_MAX);
    loop {
        let mut line = String::new();
        let read = timeout(PATIENCE, left.read_line(&mut line)).await;
        let late = |_| SubmitError::Later("the relay took too long".into());
        read.map_err(late)?.map_err(|error| broken(&error))?;
        if !line.ends_with('\n') {
            return Err(SubmitError::Later("the relay hung up".into()));
        }
        let (code, rest) = line.split_at_checked(3).ok_or_else(odd)?;
        let code = code.parse().map_err(|_| odd())?;
        if !rest.starts_with('-') {
            let text = rest.trim().chars().take(200).collect();
            return Ok(Answer { code, text });
        }
    }
}

#[cfg(test)]
mod tests;
