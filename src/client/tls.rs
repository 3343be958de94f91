//! TLS to a server that is elsewhere: whom the clients trust, and the handshake.
//!
//! What is counted on such a connection is what passes inside of it, as on a lane that speaks TLS;
//! the kernel counts records, so there the two are not compared. Not here: session resumption
//! statistics, client certificates.

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Where systems keep the certificates that they trust; the first that exists counts.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Whose certificates are good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// What the system trusts; `SSL_CERT_FILE` names another file, as elsewhere.
    #[default]
    System,
    /// Those in a PEM file, and no others.
    File(PathBuf),
    /// Mozilla's, compiled in: what goes out of a container does not depend on its files.
    BuiltIn,
    /// Anybody's: for a lab that made its own certificate.
    Anything,
}

/// Why a server's certificate could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file of certificates cannot be read.
    #[error("ca is {path}, which has no certificate that can be used: {why}")]
    BadFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// No file with the system's certificates is where systems have one.
    #[error(
        "ca is not set and the system has no file of certificates; name one with --ca FILE, or \
         trust anybody with --insecure"
    )]
    NoSystemFile,
    /// A host that is neither a name nor an address.
    #[error("target names {host:?}, which no certificate can be for")]
    BadName {
        /// As it was given.
        host: String,
    },
}

/// How to speak TLS to one server.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tls({:?})", self.name)
    }
}

impl Tls {
    /// `host`: without a port.
    pub fn new(host: &str, trust: &Trust) -> Result<Self, TrustError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| TrustError::BadName {
            host: host.to_owned(),
        })?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config(trust)?)),
            name,
        })
    }

    /// Does the handshake. Errors: the certificate is not trusted, or the peer speaks no TLS.
    pub async fn connect(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), socket).await
    }

    /// A local address whose connections go on, through TLS, to `to`: for a side that must write
    /// without waiting for what comes back. Lives as long as the process, on a thread of its own.
    pub fn bridge(&self, to: SocketAddr) -> io::Result<SocketAddr> {
        let tls = self.clone();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let serve = |runtime: tokio::runtime::Runtime| {
                runtime.block_on(async {
                    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
                    let _ = sender.send(listener.local_addr());
                    let tasks = tokio::task::LocalSet::new();
                    tasks
                        .run_until(async {
                            loop {
                                let (near, _) = listener.accept().await?;
                                let tls = tls.clone();
                                tokio::task::spawn_local(async move {
                                    // What fails here ends the near side, whose user says so.
                                    let _ = tls.pass_on(near, to).await;
                                });
                            }
                        })
                        .await
                })
            };
            let ended: io::Result<()> = runtime.and_then(serve);
            if let Err(error) = ended {
                let _ = sender.send(Err(error));
            }
        });
        receiver
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that speaks TLS ended at once")))
    }

    async fn pass_on(&self, mut near: TcpStream, to: SocketAddr) -> io::Result<()> {
        let far = TcpStream::connect(to).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let mut far = self.connect(far).await?;
        tokio::io::copy_bidirectional(&mut near, &mut far).await?;
        Ok(())
    }
}

/// How to judge the certificates of those who are spoken to.
pub fn config(trust: &Trust) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default versions");
    let roots = match trust {
        Trust::Anything => {
            return Ok(builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
                .with_no_client_auth());
        }
        Trust::System => roots(&system_file()?)?,
        Trust::File(path) => roots(path)?,
        Trust::BuiltIn => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn system_file() -> Result<PathBuf, TrustError> {
    if let Some(named) = std::env::var_os("SSL_CERT_FILE") {
        return Ok(named.into());
    }
    let mut files = SYSTEM_FILES.iter().map(PathBuf::from);
    files
        .find(|path| path.exists())
        .ok_or(TrustError::NoSystemFile)
}

fn roots(path: &Path) -> Result<RootCertStore, TrustError> {
    let bad = |why: String| TrustError::BadFile {
        path: path.display().to_string(),
        why,
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        // Systems keep some that no library takes; the others do.
        let _ = roots.add(certificate);
    }
    match roots.is_empty() {
        true => Err(bad("there is none in it".to_owned())),
        false => Ok(roots),
    }
}

/// Takes every certificate; the handshake's signature is still checked, so that who answers is who
/// showed the certificate.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_trusted_names_its_field() {
        let missing = Trust::File("/nowhere/ca.pem".into());
        let error = Tls::new("example.org", &missing).unwrap_err().to_string();
        assert!(error.contains("ca is /nowhere/ca.pem"), "{error}");
        let error = Tls::new("a b", &Trust::Anything).unwrap_err().to_string();
        assert!(error.contains("target"), "{error}");
        for host in ["example.org", "127.0.0.1", "[::1]"] {
            assert!(Tls::new(host, &Trust::Anything).is_ok(), "{host}");
        }
    }
}
