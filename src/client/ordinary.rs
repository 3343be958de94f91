//! An ordinary HTTP client, for the requests that nobody measures: webhooks, and `pushlab trigger`.
//!
//! Not here: HTTP/2, cookies, compression, proxies.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use awc::{
    Client, ClientRequest, Connector,
    http::{Method, header},
};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::tls::{self, Trust};

/// A client that gives a server `patience` to begin its answer, connecting included, and goes where
/// it is sent at most `redirects` times. It stays on its thread.
pub fn client(trust: &Trust, patience: Duration, redirects: u8) -> Result<Client, tls::TrustError> {
    let mut tls = tls::config(trust)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = Connector::new()
        .rustls_0_23(Arc::new(tls))
        .timeout(patience)
        .handshake_timeout(patience);
    Ok(Client::builder()
        .connector(connector)
        .timeout(patience)
        .max_redirects(redirects)
        .add_default_header(("User-Agent", concat!("pushlab/", env!("CARGO_PKG_VERSION"))))
        .finish())
}

/// A request to that address. A name and a password in it become a header, as browsers have it.
pub fn request(client: &Client, method: Method, url: &Url) -> ClientRequest {
    let mut bare = url.clone();
    // These fail only where there is no host, and so no name and no password either.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.set_fragment(None);
    let request = match (url.host(), url.scheme()) {
        // The TLS connector takes no address in brackets for a name. No certificate that is checked
        // is for this one; a lab's own, which it signed itself, is not checked.
        (Some(Host::Ipv6(ip)), "https") => {
            let _ = bare.set_host(Some("localhost"));
            let port = url.port_or_known_default().unwrap_or(443);
            client
                .request(method, bare.as_str())
                .address(SocketAddr::from((ip, port)))
                .insert_header((header::HOST, format!("[{ip}]:{port}")))
        }
        _ => client.request(method, bare.as_str()),
    };
    if bare.username() == url.username() && url.password().is_none() {
        return request;
    }
    let plain = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    request.basic_auth(
        plain(url.username()),
        plain(url.password().unwrap_or_default()),
    )
}
