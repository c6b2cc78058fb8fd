//! What a client of the load speaks over: TCP, or TLS on it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::Fallible;

/// What the server's certificate is for.
pub const NAME: &str = "bench.test";

/// How clients come.
#[derive(Clone, Default)]
pub struct Manner {
    /// By TLS, to this address.
    pub tls: Option<(SocketAddr, Arc<ClientConfig>)>,
    /// They offer to have messages compressed.
    pub deflate: bool,
}

impl Manner {
    /// By TLS to who has this certificate.
    pub fn encrypted(address: SocketAddr, certificate: Vec<u8>) -> Fallible<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate))?;
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Some((address, Arc::new(config))),
            deflate: false,
        })
    }

    pub fn wire(&self, stream: TcpStream) -> Fallible<Wire> {
        let session = match &self.tls {
            Some((_, config)) => Some(ClientConnection::new(
                config.clone(),
                ServerName::try_from(NAME)?,
            )?),
            None => None,
        };
        Ok(Wire {
            stream,
            session: session.map(Box::new),
        })
    }
}

pub struct Wire {
    stream: TcpStream,
    session: Option<Box<ClientConnection>>,
}

impl Wire {
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else {
            return self.stream.read(buffer);
        };
        loop {
            match session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if session.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            session.process_new_packets().map_err(io::Error::other)?;
            while session.wants_write() {
                session.write_tls(&mut self.stream)?;
            }
        }
    }

    /// What a client says is little: the kernel takes it at once. In a handshake it waits for its end.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(session) = &mut self.session else {
            return self.stream.write_all(bytes);
        };
        session.writer().write_all(bytes)?;
        while session.wants_write() {
            session.write_tls(&mut self.stream)?;
        }
        Ok(())
    }

    /// Whether a read of `count` bytes, of those that were `wanted`, has left nothing.
    pub fn is_emptied_by(&self, count: usize, wanted: usize) -> bool {
        self.session.is_none() && count < wanted
    }
}
