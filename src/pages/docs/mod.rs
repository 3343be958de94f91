//! `/docs`: the book of `docs/`, embedded, in the lab's own frame. What a chapter is called and what
//! stands before and after it says `docs/SUMMARY.md` ([`book`]); how its Markdown becomes HTML,
//! [`markup`].
//!
//! The same files are read on GitHub and built by mdBook (`mdbook build docs`), so that links in them
//! are relative. Those to pages of a running lab begin with [`markup::A_LAB`], which is cut off here.

mod book;
mod markup;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use askama::Template;

use self::book::{Book, Chapter, FIRST};
use super::{Page, render};
use crate::{
    error::{Code, Refusal},
    packed,
    registry::LaneWorker,
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/docs")
                .route(web::get().to(first))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/docs/{path:.*}")
                .route(web::get().to(further))
                .default_service(wrong_method(&[Method::GET])),
        );
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    page: Page,
    book: Book,
    /// Which of the book's chapters.
    at: usize,
    /// As HTML.
    text: String,
}

impl Docs {
    fn is_here(&self, chapter: &Chapter) -> bool {
        chapter.file == self.book.chapters[self.at].file
    }

    fn before(&self) -> Option<&Chapter> {
        self.book.chapters.get(self.at.checked_sub(1)?)
    }

    fn after(&self) -> Option<&Chapter> {
        self.book.chapters.get(self.at + 1)
    }
}

/// `GET /docs`.
async fn first(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    chapter(&request, &worker, FIRST)
}

/// `GET /docs/lanes/sse`, `GET /docs/compare.png`. A file's own name leads to the chapter, too: it is
/// what is seen in the repository.
async fn further(
    request: HttpRequest,
    path: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    if path.ends_with(".png") {
        return picture(&path);
    }
    let name = path.strip_suffix(".md").unwrap_or(&path);
    let file = format!("{name}.md");
    if name == path.as_str() && file != FIRST {
        return chapter(&request, &worker, &file);
    }
    match chapter_address(&file) {
        Some(address) => Ok(HttpResponse::MovedPermanently()
            .insert_header((header::LOCATION, address))
            .finish()),
        None => Err(unknown(&path)),
    }
}

fn chapter(
    request: &HttpRequest,
    worker: &web::Data<LaneWorker>,
    file: &str,
) -> Result<HttpResponse, Refusal> {
    let book = Book::read(&text_of("SUMMARY.md").ok_or_else(|| unknown("SUMMARY.md"))?);
    let at = book.chapters.iter().position(|known| known.file == file);
    let (Some(at), Some(markdown)) = (at, text_of(file)) else {
        return Err(unknown(file.trim_end_matches(".md")));
    };
    let title = format!("{} · Docs", book.chapters[at].title);
    let page = Docs {
        page: Page::new(request, &worker.lab, "docs", title),
        text: markup::to_html(&markdown, file),
        book,
        at,
    };
    Ok(render(request, page))
}

fn chapter_address(file: &str) -> Option<String> {
    let book = Book::read(&text_of("SUMMARY.md")?);
    let known = book.chapters.into_iter().find(|known| known.file == file);
    known.map(|known| known.address)
}

fn picture(path: &str) -> Result<HttpResponse, Refusal> {
    let file = packed::file(&format!("docs/{path}")).ok_or_else(|| unknown(path))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/png"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(file.bytes))
}

fn text_of(file: &str) -> Option<String> {
    String::from_utf8(packed::file(&format!("docs/{file}"))?.bytes.into()).ok()
}

fn unknown(path: &str) -> Refusal {
    Refusal::new(
        Code::UnknownPath,
        format!("there is no chapter /docs/{path}"),
    )
    .with_hint("All chapters are listed on /docs.")
}
