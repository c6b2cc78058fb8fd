//! TLS with the operator's certificate, read again when its files change.
//!
//! Invariant: a chain is only ever served with the key that belongs to it; files that make no such pair leave the
//! last one in place.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::stop::Stop;

/// How often it is looked whether the files are others.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and after it those that vouch for it.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{0}: {1}")]
    File(PathBuf, pem::Error),
    #[error("{0} holds no certificate in PEM")]
    NoCertificate(PathBuf),
    #[error("{0} holds no private key in PEM that is not encrypted")]
    NoKey(PathBuf),
    #[error("{0} and {1} do not belong together: {2}")]
    Pair(PathBuf, PathBuf, rustls::Error),
    #[error(transparent)]
    Setup(#[from] rustls::Error),
}

/// A certificate in use.
pub(crate) struct Tls {
    files: TlsFiles,
    /// Of the files that were read last, usable or not.
    stamp: Option<[Stamp; 2]>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl Tls {
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let stamp = stamp(files);
        let current = Arc::new(Current(RwLock::new(read(files, &provider)?)));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        Ok(Self {
            files: files.clone(),
            stamp,
            current,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Its connections begin with the certificate that is current then.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Reads the files if they are others than before. Connections that stand are not touched.
    fn renew(&mut self) -> Result<bool, TlsError> {
        let found = stamp(&self.files);
        if found == self.stamp {
            return Ok(false);
        }
        self.stamp = found;
        let key = read(&self.files, self.acceptor.config().crypto_provider())?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(true)
    }
}

/// Keeps the certificate fresh until it is time to stop.
pub(crate) async fn renew(mut tls: Tls, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.told() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let looked = tokio::task::spawn_blocking(move || {
            let renewed = tls.renew();
            (tls, renewed)
        });
        let Ok((looked, renewed)) = looked.await else {
            return;
        };
        tls = looked;
        match renewed {
            Ok(true) => tracing::info!("the TLS certificate was read again"),
            Ok(false) => {}
            Err(error) => tracing::warn!("the TLS certificate stays as it was: {error}"),
        }
    }
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// What changes when a file is written or another is put in its place.
type Stamp = (u64, i64, i64, u64);

fn stamp(files: &TlsFiles) -> Option<[Stamp; 2]> {
    let of = |path: &Path| {
        let found = path.metadata().ok()?;
        Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
    };
    Some([of(&files.certificate)?, of(&files.key)?])
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let TlsFiles { certificate, key } = files;
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| TlsError::File(certificate.clone(), error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate.clone()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(key.clone()),
        error => TlsError::File(key.clone(), error),
    })?;
    CertifiedKey::from_der(chain, private, provider)
        .map(Arc::new)
        .map_err(|error| TlsError::Pair(certificate.clone(), key.clone(), error))
}

#[cfg(test)]
mod tests {
    use busk_testkit::certificate::SelfSigned;

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn files(&self) -> TlsFiles {
            let path = |name| self.0.path().join(name);
            TlsFiles {
                certificate: path("fullchain.pem"),
                key: path("privkey.pem"),
            }
        }

        fn write(&self, certificate: &str, key: &str) {
            let files = self.files();
            std::fs::write(files.certificate, certificate).unwrap();
            std::fs::write(files.key, key).unwrap();
        }
    }

    fn pair() -> (String, String) {
        let SelfSigned { certificate, key } = SelfSigned::of("live.example.org");
        (certificate, key)
    }

    fn served(tls: &Tls) -> Vec<u8> {
        tls.current.0.read().unwrap().cert[0].to_vec()
    }

    #[test]
    fn files_that_make_no_pair_are_refused_by_name() {
        let folder = Folder::new();
        let ((certificate, key), (other, _)) = (pair(), pair());
        let refused = || match Tls::read(&folder.files()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("these files are no pair"),
        };
        assert!(refused().contains("fullchain.pem: "), "{}", refused());
        for (certificate, key, why) in [
            ("", &*key, "fullchain.pem holds no certificate"),
            (&*certificate, "", "privkey.pem holds no private key"),
            (&certificate, &certificate, "privkey.pem holds no private key"),
            (&other, &key, "do not belong together"),
            ("-----BEGIN CERTIFICATE-----\n!", &key, "fullchain.pem: "),
        ] {
            folder.write(certificate, key);
            assert!(refused().contains(why), "{why}: {}", refused());
        }
    }

    #[test]
    fn what_is_renewed_is_served_and_half_of_it_is_not() {
        let folder = Folder::new();
        let ((first, first_key), (second, second_key)) = (pair(), pair());
        folder.write(&first, &first_key);
        let mut tls = Tls::read(&folder.files()).unwrap();
        let before = served(&tls);
        assert!(!tls.renew().unwrap());
        // The certificate is there already, its key is not yet.
        folder.write(&format!("{second}\n"), &first_key);
        assert!(matches!(tls.renew(), Err(TlsError::Pair(..))));
        assert_eq!(served(&tls), before);
        // It is said once.
        assert!(!tls.renew().unwrap());
        folder.write(&second, &second_key);
        assert!(tls.renew().unwrap());
        assert_ne!(served(&tls), before);
        std::fs::remove_file(folder.files().key).unwrap();
        assert!(tls.renew().is_err());
        assert_ne!(served(&tls), before);
    }
}
