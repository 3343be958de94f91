//! The server's certificate: read from two PEM files, or made at start for those who have none.
//!
//! Only HTTP/1.1 is offered (ALPN): HTTP/2 would put all requests of a lane on one connection, and
//! so change what the lab compares. Not here: client certificates, and reading the files anew
//! while the server runs.
//!
//! May use: `config`, `reach`, `system`.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem, pem::PemObject},
};
use sha2::{Digest, Sha256};

use crate::{config::Config, reach, system};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate without its key, or a key without its certificate.
    #[error("--tls-cert and --tls-key go together: give both, or --tls-self-signed alone")]
    HalfGiven,
    /// A PEM file cannot be read.
    #[error("the {what} {path} cannot be read: it must be a PEM file")]
    Unreadable {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file has no certificate.
    #[error("{path} holds no certificate: a PEM file with BEGIN CERTIFICATE is expected")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key is not the certificate's.
    #[error("the certificate {cert} and the key {key} do not go together")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// A certificate of one's own cannot be made.
    #[error("no certificate could be made")]
    SelfSigned(#[source] rcgen::Error),
    /// The certificate cannot be served with.
    #[error("the certificate that was made cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// What lanes speak TLS with.
pub struct Identity {
    /// What each handshake begins with.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the server's own certificate, as browsers show it.
    pub fingerprint: String,
}

/// What the settings ask for; `None`: no TLS.
pub fn identity(config: &Config) -> Result<Option<Identity>, TlsError> {
    let (cert, key) = (&config.tls_cert, &config.tls_key);
    let is_given = |path: &Path| !path.as_os_str().is_empty();
    match (is_given(cert), is_given(key), config.tls_self_signed) {
        (false, false, false) => Ok(None),
        (true, true, false) => from_files(cert, key).map(Some),
        (false, false, true) => self_signed(&config.host).map(Some),
        _ => Err(TlsError::HalfGiven),
    }
}

fn from_files(cert: &Path, key: &Path) -> Result<Identity, TlsError> {
    let unreadable = |what, path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Unreadable { what, path, source }
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(unreadable("certificate", cert))?;
    if chain.is_empty() {
        let path = cert.to_owned();
        return Err(TlsError::NoCertificate { path });
    }
    if system::is_readable_by_all(key) {
        tracing::warn!(
            key = %key.display(),
            "every user of this machine can read the TLS key: close it with chmod 600"
        );
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable("key", key))?;
    with(chain, private).map_err(|source| TlsError::Mismatch {
        cert: cert.to_owned(),
        key: key.to_owned(),
        source,
    })
}

/// For this machine by all its names and addresses. Clients must be told to trust it.
fn self_signed(host: &str) -> Result<Identity, TlsError> {
    let names: Vec<_> = own_names(host).into_iter().collect();
    let (certificate, key) = make(names).map_err(TlsError::SelfSigned)?;
    with(vec![certificate], key).map_err(TlsError::Unusable)
}

fn make(
    names: Vec<String>,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "pushlab");
    // A day of leeway for clocks; longer than this, some clients refuse it.
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + 397 * DAY).into();
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok((certificate, key.into()))
}

fn own_names(host: &str) -> BTreeSet<String> {
    let fixed = ["localhost", "127.0.0.1", "::1", host];
    let machine = sysinfo::System::host_name();
    let addresses = reach::interfaces().into_iter();
    let addresses = addresses.map(|seen| seen.ip.to_string());
    fixed
        .into_iter()
        .map(str::to_owned)
        .chain(machine)
        .chain(addresses)
        .filter(|name| is_name(name))
        .collect()
}

/// Whether a certificate can be for it: an address that is somebody's, or a host name.
fn is_name(name: &str) -> bool {
    match name.parse::<IpAddr>() {
        Ok(address) => !address.is_unspecified(),
        Err(_) => {
            let is_host_byte = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
            !name.is_empty() && name.bytes().all(is_host_byte)
        }
    }
}

fn with(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Identity, rustls::Error> {
    let fingerprint = fingerprint(&chain[0]);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity {
        config: Arc::new(config),
        fingerprint,
    })
}

fn fingerprint(certificate: &[u8]) -> String {
    let bytes = Sha256::digest(certificate);
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

impl TlsError {
    /// Whether the settings are to be changed; the exit code says so.
    pub fn is_of_settings(&self) -> bool {
        !matches!(self, Self::SelfSigned(_) | Self::Unusable(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_every_user_can_read_is_warned_of_of() {
        use std::{fs, os::unix::fs::PermissionsExt};
        let path = std::env::temp_dir().join(format!("pushlab-key-{}", std::process::id()));
        fs::write(&path, "key").unwrap();
        for (mode, is_warned_of) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(system::is_readable_by_all(&path), is_warned_of, "{mode:o}");
        }
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_certificate_is_for_the_machine_by_all_its_names() {
        let names = own_names("0.0.0.0");
        for name in ["localhost", "127.0.0.1", "::1"] {
            assert!(names.contains(name), "{names:?}");
        }
        assert!(!names.contains("0.0.0.0"));
        assert!(own_names("lab.example").contains("lab.example"));
    }

    #[test]
    fn no_settings_no_tls_and_half_of_them_an_error() {
        let mut config = Config::default();
        assert!(identity(&config).unwrap().is_none());
        config.tls_cert = "cert.pem".into();
        assert!(matches!(identity(&config), Err(TlsError::HalfGiven)));
        config.tls_key = "/nowhere/key.pem".into();
        let error = identity(&config).err().unwrap().to_string();
        assert!(error.contains("cert.pem"), "{error}");
        config.tls_self_signed = true;
        assert!(matches!(identity(&config), Err(TlsError::HalfGiven)));
    }

    #[test]
    fn a_made_certificate_can_be_served_with() {
        let made = self_signed("127.0.0.1").unwrap();
        assert_eq!(made.fingerprint.len(), 32 * 3 - 1);
        assert_eq!(made.config.alpn_protocols, [b"http/1.1"]);
    }
}
