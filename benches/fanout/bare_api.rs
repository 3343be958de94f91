//! The role `bare-api`: the least that actix-web can do with a POST, and the measure of the HTTP API.
//! One worker, one route for every path, an empty handler that answers `{}` as JSON. The body is read
//! and not looked at: actix-web closes a connection on which an answer leaves some of it unread.
//!
//! Deliberately not here: middleware, logging, state, signatures.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use actix_web::{App, HttpResponse, HttpServer, rt, web};
use serde_json::json;

/// Runs the role until it is killed. Prints the same first line as `pushlab serve --json`.
pub fn run() -> io::Result<()> {
    rt::System::new().block_on(async {
        let app = || App::new().default_service(web::post().to(empty));
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", server.addrs()[0]);
        println!("{}", json!({"listening": [{"lane": "main", "url": url}]}));
        io::stdout().flush()?;
        server.run().await
    })
}

async fn empty(_body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body("{}")
}
