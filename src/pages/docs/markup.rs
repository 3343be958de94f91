//! A chapter's Markdown as HTML: headings that can be linked to, tables and code that scroll by
//! themselves, links as this server has them. HTML in it is shown as it is written; comments, which
//! mark what a test has made, are left out.

use std::collections::HashMap;

use pulldown_cmark::{Alignment, CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::book::address_of;

/// How chapters write a page of the lab, so that a link works in the repository, too.
pub const A_LAB: &str = "http://127.0.0.1:8080";

/// `file` is the chapter's own, below `docs/`: links are relative to it.
pub fn to_html(markdown: &str, file: &str) -> String {
    let options = Options::ENABLE_TABLES;
    let mut out: Vec<Event<'_>> = Vec::new();
    let mut anchors = Anchors::default();
    // Where the heading began, while it is open; and the words of the last one.
    let mut heading: Option<usize> = None;
    let mut below = "this page".to_owned();
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Html(text) if text.trim_start().starts_with("<!--") => {}
            Event::Html(text) | Event::InlineHtml(text) => out.push(Event::Text(text)),
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(Tag::Heading { .. }) => heading = Some(out.len()),
            Event::End(TagEnd::Heading(level)) => {
                let inside = out.split_off(heading.take().unwrap_or(out.len()));
                below = words(&inside);
                let id = escaped(&anchors.next(&below));
                // A heading that is a link itself has no link to itself around it.
                let leads_away =
                    |event: &Event<'_>| matches!(event, Event::Start(Tag::Link { .. }));
                let (open, close) = match inside.iter().any(leads_away) {
                    true => (String::new(), ""),
                    false => (format!("<a href=\"#{id}\">"), "</a>"),
                };
                out.push(made(format!("<{level} id=\"{id}\">{open}")));
                out.extend(inside);
                out.push(made(format!("{close}</{level}>\n")));
            }
            // Its columns' alignment would come as style attributes, which the page's policy refuses.
            Event::Start(Tag::Table(columns)) => {
                out.push(made(format!(
                    "<div class=\"table-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table: {}\">",
                    escaped(&below)
                )));
                let columns = columns.iter().map(|_| Alignment::None).collect();
                out.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                out.push(Event::End(TagEnd::Table));
                out.push(made("</div>\n".to_owned()));
            }
            Event::Start(Tag::CodeBlock(_)) => out.push(made(format!(
                "<pre tabindex=\"0\" role=\"region\" aria-label=\"Example: {}\"><code>",
                escaped(&below)
            ))),
            Event::End(TagEnd::CodeBlock) => out.push(made("</code></pre>\n".to_owned())),
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => out.push(Event::Start(Tag::Link {
                link_type,
                dest_url: CowStr::from(leads_to(&dest_url, file)),
                title,
                id,
            })),
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => out.push(Event::Start(Tag::Image {
                link_type,
                dest_url: CowStr::from(leads_to(&dest_url, file)),
                title,
                id,
            })),
            other => out.push(other),
        }
    }
    let mut text = String::new();
    html::push_html(&mut text, out.into_iter());
    text
}

fn made(html: String) -> Event<'static> {
    Event::Html(CowStr::from(html))
}

fn words(events: &[Event<'_>]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
        _ => None,
    });
    texts.collect()
}

/// Anchors as GitHub and mdBook make them, so that a link to one holds in all three.
#[derive(Default)]
struct Anchors(HashMap<String, usize>);

impl Anchors {
    fn next(&mut self, heading: &str) -> String {
        let letters = heading.trim().chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            _ if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
            _ => None,
        });
        let name: String = letters.flat_map(char::to_lowercase).collect();
        let earlier = self.0.entry(name.clone()).or_default();
        *earlier += 1;
        match *earlier {
            1 => name,
            more => format!("{name}-{}", more - 1),
        }
    }
}

/// A link of a chapter as this server has it. What is neither the web's nor the book's leads nowhere.
fn leads_to(link: &str, file: &str) -> String {
    if let Some(page) = link.strip_prefix(A_LAB) {
        return if page.is_empty() { "/" } else { page }.to_owned();
    }
    if link.starts_with('#') || link.starts_with("https://") || link.starts_with("http://") {
        return link.to_owned();
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, format!("#{anchor}")),
        None => (link, String::new()),
    };
    if path.contains(':') || path.starts_with('/') {
        return "#".to_owned();
    }
    let mut steps: Vec<&str> = file.split('/').collect();
    steps.pop();
    for step in path.split('/') {
        match step {
            "." | "" => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    format!("{}{anchor}", address_of(&steps.join("/")))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_and_never_done_and_comments_are_left_out() {
        let html = to_html(
            "<script>alert(1)</script>\n\n<!-- made: x -->\n\nA <b onclick=x>word</b>.\n",
            "a.md",
        );
        assert!(!html.contains("<script") && !html.contains("<b "), "{html}");
        assert!(
            html.contains("&lt;script&gt;") && !html.contains("made"),
            "{html}"
        );
    }

    #[test]
    fn headings_are_anchors_as_elsewhere() {
        let html = to_html("# What it *costs*: `a/b`\n\n## Twice\n\n## Twice\n", "a.md");
        for part in [
            "<h1 id=\"what-it-costs-ab\"><a href=\"#what-it-costs-ab\">What it <em>costs</em>: <code>a/b</code></a></h1>",
            "<h2 id=\"twice\">",
            "<h2 id=\"twice-1\">",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn links_are_those_of_this_server() {
        let of = |link: &str| leads_to(link, "lanes/sse.md");
        assert_eq!(of("../measuring.md#a-b"), "/docs/measuring#a-b");
        assert_eq!(of("websocket.md"), "/docs/lanes/websocket");
        assert_eq!(of("../README.md"), "/docs");
        assert_eq!(of("../compare.png"), "/docs/compare.png");
        assert_eq!(of("#here"), "#here");
        assert_eq!(
            of("http://127.0.0.1:8080/experiments/E2"),
            "/experiments/E2"
        );
        assert_eq!(of("https://a.example/x"), "https://a.example/x");
        for bad in [
            "javascript:alert(1)",
            "//a.example/",
            "/etc",
            "data:text/html,x",
        ] {
            assert_eq!(of(bad), "#", "{bad}");
        }
    }

    #[test]
    fn what_is_wide_scrolls_by_itself() {
        let html = to_html(
            "## Sizes\n\n| a | b |\n|---|---|\n| 1 | <2> |\n\n```text\n<x>\n```\n",
            "a.md",
        );
        assert!(
            html.contains("aria-label=\"Table: Sizes\"><table>"),
            "{html}"
        );
        assert!(html.contains("&lt;2&gt;"), "{html}");
        assert!(html.contains("<code>&lt;x&gt;\n</code></pre>"), "{html}");
    }
}
