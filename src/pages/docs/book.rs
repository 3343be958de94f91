//! The book's chapters, as mdBook's `SUMMARY.md` lists them: links, and headings as names of parts.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The chapter that opens the book; at `/docs` itself.
pub const FIRST: &str = "README.md";

#[derive(Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Below `docs/`.
    pub file: String,
    pub address: String,
    pub title: String,
    /// The part that begins with it; empty where none does.
    pub begins: String,
}

pub struct Book {
    /// In the order in which they are read.
    pub chapters: Vec<Chapter>,
}

impl Book {
    pub fn read(summary: &str) -> Self {
        let mut chapters: Vec<Chapter> = Vec::new();
        let (mut in_heading, mut in_link) = (false, false);
        let mut part = String::new();
        for event in Parser::new_ext(summary, Options::empty()) {
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    in_heading = true;
                    part.clear();
                }
                Event::End(TagEnd::Heading(_)) => {
                    in_heading = false;
                    // The heading of the summary itself is no part's.
                    if chapters.is_empty() {
                        part.clear();
                    }
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    in_link = true;
                    let file = dest_url.trim_start_matches("./").to_owned();
                    chapters.push(Chapter {
                        address: address_of(&file),
                        file,
                        title: String::new(),
                        begins: std::mem::take(&mut part),
                    });
                }
                Event::End(TagEnd::Link) => in_link = false,
                Event::Text(text) | Event::Code(text) if in_heading => part.push_str(&text),
                Event::Text(text) | Event::Code(text) if in_link => {
                    if let Some(last) = chapters.last_mut() {
                        last.title.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        Self { chapters }
    }
}

/// Where a file of `docs/` is served: `lanes/sse.md` at `/docs/lanes/sse`.
pub fn address_of(file: &str) -> String {
    match file.strip_suffix(".md") {
        Some("README") => "/docs".to_owned(),
        Some(name) => format!("/docs/{name}"),
        None => format!("/docs/{file}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_have_their_parts_and_their_order() {
        let book = Book::read(
            "# Summary\n\n[About](README.md)\n\n# Lanes\n\n- [`sse`, a stream](lanes/sse.md)\n- [Two](./two.md)\n",
        );
        let chapter = |file: &str, address: &str, title: &str, begins: &str| Chapter {
            file: file.into(),
            address: address.into(),
            title: title.into(),
            begins: begins.into(),
        };
        assert_eq!(
            book.chapters,
            [
                chapter("README.md", "/docs", "About", ""),
                chapter("lanes/sse.md", "/docs/lanes/sse", "sse, a stream", "Lanes"),
                chapter("two.md", "/docs/two", "Two", ""),
            ]
        );
    }
}
