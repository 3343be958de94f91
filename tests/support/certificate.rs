//! A certificate for one test alone, in files, and clients that trust it.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ClientConfig, RootCertStore, WantsVerifier, crypto::ring, pki_types::CertificateDer};

use super::folder::Folder;

/// For `localhost` and `127.0.0.1`, signed by itself. Its files are removed with it.
pub struct Certificate {
    folder: Folder,
    certificate: CertificateDer<'static>,
}

impl Certificate {
    pub fn new() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = rcgen::KeyPair::generate().expect("a key can be made");
        let made = rcgen::CertificateParams::new(names).expect("these are names");
        let made = made.self_signed(&key).expect("it signs itself");
        let folder = Folder::new("certificate");
        folder.write("cert.pem", pem("CERTIFICATE", made.der()));
        folder.write("key.pem", pem("PRIVATE KEY", &key.serialize_der()));
        Self {
            folder,
            certificate: made.der().clone(),
        }
    }

    pub fn cert(&self) -> PathBuf {
        self.folder.file("cert.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.file("key.pem")
    }

    /// A client that trusts this certificate and no other.
    pub fn client(&self, alpn: &[&str]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.certificate.clone())
            .expect("it is a certificate");
        let mut config = builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

/// A client whose trust is still to be said.
pub fn builder() -> rustls::ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
