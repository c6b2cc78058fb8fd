//! The shell around the protocol: a stream of bytes, and the time that everything may take.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::protocol::{Event, Session};
use crate::{Door, Ended, Limits, ServeError, Sink, Unit};

const READ_BYTES: usize = 16 << 10;
/// For the encoder to read why the stream ended, before the connection is cut.
const PARTING: Duration = Duration::from_secs(1);

/// Serves one encoder on `stream` from its first byte to the end. When the returned future is dropped, so is the
/// connection.
pub async fn serve<S, D>(stream: S, door: &D, limits: Limits) -> Result<Ended, ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Door,
{
    let mut connection = Connection {
        stream,
        session: Session::new(limits),
        input: BytesMut::new(),
        limits,
    };
    let admission = timeout(limits.admission, connection.admission(door)).await;
    let outcome = match admission {
        Ok(Ok(sink)) => connection.publication(sink).await,
        Ok(Err(error)) => Err(error),
        Err(_) => Err(ServeError::TooSlow),
    };
    connection.part(&outcome).await;
    outcome
}

struct Connection<S> {
    stream: S,
    session: Session,
    input: BytesMut,
    limits: Limits,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// From the first byte to the door's answer.
    async fn admission<D: Door>(&mut self, door: &D) -> Result<D::Sink, ServeError> {
        loop {
            let event = self.next()?;
            self.flush().await.map_err(|_| ServeError::Left)?;
            match event {
                Some(Event::Publish { app, key }) => {
                    let sink = door.admit(&app, &key).await.map_err(ServeError::Refused)?;
                    self.session.admit();
                    return Ok(sink);
                }
                Some(Event::Unit(_) | Event::Over) => return Err(ServeError::Left),
                None if !self.read().await => return Err(ServeError::Left),
                None => {}
            }
        }
    }

    /// From there to the end. The sink goes with it.
    async fn publication(&mut self, mut sink: impl Sink) -> Result<Ended, ServeError> {
        let silence = self.limits.silence;
        let mut heard = Instant::now();
        loop {
            match self.next()? {
                Some(Event::Unit(unit)) => {
                    if matches!(unit, Unit::Picture(_) | Unit::Sound(_)) {
                        heard = Instant::now();
                    }
                    if sink.hear(unit).is_break() {
                        return Ok(Ended::BySink);
                    }
                }
                Some(Event::Publish { .. } | Event::Over) => return Ok(Ended::ByEncoder),
                None => {
                    // Bytes without pictures or sound, too, are silence.
                    let exchange = async { self.flush().await.is_ok() && self.read().await };
                    match timeout_at(heard + silence, exchange).await {
                        Ok(true) => {}
                        Ok(false) => return Ok(Ended::Lost),
                        Err(_) => return Ok(Ended::Silent),
                    }
                }
            }
        }
    }

    /// Lets the encoder read why it ended. Cut while it still sends, the connection would be reset, and what it
    /// had been told lost.
    async fn part(&mut self, outcome: &Result<Ended, ServeError>) {
        match outcome {
            Ok(Ended::Lost) | Err(ServeError::Left | ServeError::NotRtmp) => return,
            Ok(Ended::BySink) => self.session.stop(),
            Ok(Ended::ByEncoder | Ended::Silent) => {}
            Err(error) => self.session.part(error),
        }
        let parting = async {
            self.flush().await?;
            self.stream.shutdown().await?;
            let mut unread = [0; 4 << 10];
            while self.stream.read(&mut unread).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Nobody waits for what becomes of it.
        let _ = timeout(PARTING, parting).await;
    }

    /// Reading what strangers send must not be able to take anybody else down.
    fn next(&mut self) -> Result<Option<Event>, ServeError> {
        catch_unwind(AssertUnwindSafe(|| self.session.next(&mut self.input)))
            .unwrap_or(Err(ServeError::Panicked))
    }

    /// False when there is nothing more to come.
    async fn read(&mut self) -> bool {
        self.input.reserve(READ_BYTES);
        let mut room = (&mut self.stream).take(READ_BYTES as u64);
        matches!(room.read_buf(&mut self.input).await, Ok(count) if count > 0)
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        let out = self.session.take_out();
        if out.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&out).await?;
        self.stream.flush().await
    }
}
