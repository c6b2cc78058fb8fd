//! The way to one client: its TCP stream, in the clear or with TLS over it (RFC 8446), by rustls.
//!
//! Nothing in here waits. With TLS, what is encrypted already goes first: so a client that takes nothing leaves at most
//! one [`PIECE`] here that no queue knows of.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;

use socket2::SockRef;
use tokio_rustls::rustls::ServerConnection;

/// Encrypted at once: what a TLS record holds (RFC 8446 §5.1).
const PIECE: usize = 16 * 1024;

pub(crate) struct Link<S> {
    stream: S,
    session: Option<Box<ServerConnection>>,
}

impl<S: Read + Write + AsFd> Link<S> {
    pub fn new(stream: S, session: Option<ServerConnection>) -> Self {
        let session = session.map(Box::new);
        Self { stream, session }
    }

    pub fn over<T>(self, stream: impl FnOnce(S) -> T) -> Link<T> {
        Link {
            stream: stream(self.stream),
            session: self.session,
        }
    }

    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The socket's options.
    pub fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.stream)
    }

    /// Whether something may have been taken from the stream that nobody has read: no event tells of that.
    pub fn holds_unread(&self) -> bool {
        self.session.is_some()
    }

    /// Whether a read of `count` bytes, of those that were `wanted`, has left nothing: what comes later is an event.
    pub fn is_emptied_by(&self, count: usize, wanted: usize) -> bool {
        self.session.is_none() && count < wanted
    }

    /// Reads once. `Interrupted` when something came that is not for us; none when the client has said all.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else {
            return self.stream.read(buffer);
        };
        match session.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        if session.read_tls(&mut self.stream)? == 0 {
            return Ok(0);
        }
        let understood = session.process_new_packets();
        // Answers of the protocol itself, and why it ends.
        match self.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            flushed => flushed?,
        }
        understood.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Err(io::ErrorKind::Interrupted.into())
    }

    /// Takes as much as can be written now. `WouldBlock` when that is nothing.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.session.is_none() {
            return self.stream.write(bytes);
        }
        let mut taken = 0;
        for piece in bytes.chunks(PIECE) {
            match self.flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => return Ok(taken),
                flushed => flushed?,
            }
            if let Some(session) = &mut self.session {
                taken += session.writer().write(piece)?;
            }
        }
        match self.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(taken),
            flushed => flushed.map(|()| taken),
        }
    }

    /// Writes what is encrypted already. `WouldBlock` when some of it is left.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        while session.wants_write() {
            match session.write_tls(&mut self.stream) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => drop(written?),
            }
        }
        Ok(())
    }

    /// Everything is said: nothing more will be written. A client that is gone already makes this fail, and is found
    /// gone by the next read.
    pub fn finish(&mut self) {
        if let Some(session) = &mut self.session {
            session.send_close_notify();
            let _ = self.flush();
        }
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}

impl<S: fmt::Debug> fmt::Debug for Link<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.session.is_some() { "TLS" } else { "TCP" };
        write!(f, "{kind} over {:?}", self.stream)
    }
}
