//! Certificates that vouch for themselves, as files hold them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// In PEM.
pub struct SelfSigned {
    pub certificate: String,
    pub key: String,
}

impl SelfSigned {
    pub fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a name can be certified");
        Self {
            certificate: pem("CERTIFICATE", made.cert.der()),
            key: pem("PRIVATE KEY", &made.signing_key.serialize_der()),
        }
    }
}

/// One and its key in files, as an operator keeps them.
pub struct Files {
    folder: tempfile::TempDir,
    name: String,
    /// The certificate that is there now.
    pub pem: String,
}

impl Files {
    pub fn of(name: &str) -> Self {
        let mut files = Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            name: name.to_owned(),
            pem: String::new(),
        };
        files.renew();
        files
    }

    /// Puts another pair in their place.
    pub fn renew(&mut self) {
        let SelfSigned { certificate, key } = SelfSigned::of(&self.name);
        self.pem = certificate;
        for (name, text) in [("privkey.pem", &key), ("fullchain.pem", &self.pem)] {
            std::fs::write(self.folder.path().join(name), text).expect("files can be written");
        }
    }

    /// A file's path, for a flag.
    pub fn flag(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}
