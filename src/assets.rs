//! Static files: embedded in the binary, or from a folder on disk (`--assets DIR`).
//!
//! What is embedded and how is in [`crate::packed`]. Third-party files are copied from npm packages by
//! `build.rs` and served below `/static/vendor`.
//!
//! May use: `error`, `transport`, `packed`.

use std::path::{Component, Path, PathBuf};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};

use crate::{
    error::{Code, Refusal},
    packed,
    transport::wrong_method,
};

/// Serves `/static/…`; `folder` replaces the lab's own files, and falls back to them.
pub fn configure(folder: &Path) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let folder = folder.to_path_buf();
    move |config| {
        config.app_data(web::Data::new(Folder(folder))).service(
            web::resource("/static/{path:.*}")
                .route(web::get().to(file))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

struct Folder(PathBuf);

async fn file(
    request: HttpRequest,
    path: web::Path<String>,
    folder: web::Data<Folder>,
) -> Result<HttpResponse, Refusal> {
    if let Some(response) = on_disk(&folder.0, &path, &request) {
        return Ok(response);
    }
    let embedded = match path.strip_prefix("vendor/") {
        Some(vendor) => packed::file(&format!("vendor/{vendor}")),
        None => packed::file(&format!("static/{path}")),
    };
    match embedded {
        Some(file) => Ok(embedded_response(&request, &path, file)),
        None => Err(Refusal::new(
            Code::UnknownPath,
            format!("there is no file /static/{path}"),
        )),
    }
}

/// The file from the folder, if one is named and has it. `actix-files` brings ranges and dates.
fn on_disk(folder: &Path, path: &str, request: &HttpRequest) -> Option<HttpResponse> {
    let inside = Path::new(path)
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    if folder.as_os_str().is_empty() || !inside {
        return None;
    }
    let file = actix_files::NamedFile::open(folder.join(path)).ok()?;
    file.metadata()
        .is_file()
        .then(|| file.into_response(request))
}

/// An embedded file with a strong ETag of its content (RFC 9110 §8.8.3).
fn embedded_response(request: &HttpRequest, path: &str, file: packed::File) -> HttpResponse {
    let etag = format!(
        "\"{}\"",
        file.sha256[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    );
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"));
    if known {
        return response.finish();
    }
    response
        .insert_header((header::CONTENT_TYPE, content_type(path)))
        .body(file.bytes)
}

/// Text is UTF-8 here, and says so.
fn content_type(path: &str) -> String {
    let ending = Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str());
    let guessed = actix_files::file_extension_to_mime(ending.unwrap_or_default());
    match guessed.type_() == "text" {
        true => format!("{guessed}; charset=utf-8"),
        false => guessed.to_string(),
    }
}
