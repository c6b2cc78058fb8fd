//! TLS over a connection, with certificates checked against the machine's authorities.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::ConnectError;

/// Whom to trust. Cheap to clone; made once, since it reads the machine's certificates.
#[derive(Clone)]
pub struct Tls(Option<TlsConnector>);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("this machine has no certificate authorities (package ca-certificates, or SSL_CERT_FILE)")]
    NoAuthorities,
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// Trusts nobody: nobody can be connected to with encryption, others can.
    pub fn none() -> Self {
        Self(None)
    }

    /// Trusts the authorities that this machine trusts. Blocks while their files are read.
    pub fn of_machine() -> Result<Self, TlsError> {
        Self::trusting(rustls_native_certs::load_native_certs().certs)
    }

    /// Trusts these authorities alone. Those that cannot be read are passed over.
    pub fn trusting(
        authorities: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities);
        if roots.is_empty() {
            return Err(TlsError::NoAuthorities);
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Some(TlsConnector::from(Arc::new(config)))))
    }

    pub(crate) async fn wrap(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let connector = self.0.as_ref().ok_or(ConnectError::NoAuthorities)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectError::Certificate)?;
        let wrapped = connector.connect(name, stream).await;
        wrapped.map_err(|error| match is_about_certificate(&error) {
            true => ConnectError::Certificate,
            false => ConnectError::Tls,
        })
    }
}

fn is_about_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
