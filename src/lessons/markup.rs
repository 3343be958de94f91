//! Markdown of a lesson as HTML. What is HTML in it is shown as it is written; pictures become their
//! text, and of links only addresses of this lab and of the web stay: a lesson is a file that somebody
//! was given.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Elements in each other that a page is given: with more of them a browser lays it out for ever.
pub const NESTING_MAX: usize = 16;

/// How many elements stand in each other.
pub fn nesting(markdown: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for event in Parser::new_ext(markdown, Options::empty()) {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// What is deeper in others than [`NESTING_MAX`] is there, without its element.
fn flat<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
    let mut depth = 0_usize;
    events.filter(move |event| match event {
        Event::Start(_) => {
            depth += 1;
            depth <= NESTING_MAX
        }
        Event::End(_) => {
            depth = depth.saturating_sub(1);
            depth < NESTING_MAX
        }
        _ => true,
    })
}

/// Headings begin at the third level: page and step have the first two.
pub fn to_html(markdown: &str) -> String {
    let mut open_links: Vec<bool> = Vec::new();
    let parser = flat(Parser::new_ext(markdown, Options::empty()));
    let events = parser.filter_map(move |event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            ..
        }) => {
            let is_kept = is_harmless(&dest_url);
            open_links.push(is_kept);
            is_kept.then_some(Event::Start(Tag::Link {
                link_type,
                dest_url,
                title: CowStr::Borrowed(""),
                id: CowStr::Borrowed(""),
            }))
        }
        Event::End(TagEnd::Link) => open_links
            .pop()
            .unwrap_or(false)
            .then_some(Event::End(TagEnd::Link)),
        Event::Start(Tag::Heading { level, .. }) => Some(Event::Start(Tag::Heading {
            level: below(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        })),
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(below(level)))),
        other => Some(other),
    });
    let mut text = String::new();
    html::push_html(&mut text, events);
    text
}

/// Source text with its file and the numbers of its lines.
pub fn code_to_html(path: &str, lines: &[(usize, &str)]) -> String {
    let (Some((first, _)), Some((last, _))) = (lines.first(), lines.last()) else {
        return String::new();
    };
    // Files of pages are served as they are, and can be read whole.
    let address = path.strip_prefix("static/").map(|_| format!("/{path}"));
    let name = match address {
        Some(address) => format!("<a href=\"{address}\">{}</a>", escaped(path)),
        None => escaped(path),
    };
    let mut html = format!(
        "<figure class=\"lesson-code\"><figcaption>{name}, lines {first} to {last}</figcaption>\
         <pre tabindex=\"0\" role=\"region\" aria-label=\"Source text\"><code>"
    );
    for (number, line) in lines {
        html.push_str(&format!(
            "<span class=\"lesson-line-number\">{number:>4}  </span>{}\n",
            escaped(line)
        ));
    }
    html.push_str("</code></pre></figure>\n");
    html
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

/// Of this lab, of this page, or of the web; `//host/` is the web's and has to say so.
fn is_harmless(address: &str) -> bool {
    let is_of_the_lab =
        address.starts_with('/') && !address.starts_with("//") && !address.contains('\\');
    is_of_the_lab
        || address.starts_with('#')
        || address.starts_with("https://")
        || address.starts_with("http://")
}

/// Where its links lead.
pub fn links(markdown: &str) -> Vec<String> {
    let parser = Parser::new_ext(markdown, Options::empty());
    let addresses = parser.filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    });
    addresses.collect()
}

/// Its links: what is said, and where each leads; those alone that [`to_html`] keeps.
pub fn named_links(markdown: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    for event in Parser::new_ext(markdown, Options::empty()) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) if is_harmless(&dest_url) => {
                is_open = true;
                found.push((String::new(), dest_url.into_string()));
            }
            Event::End(TagEnd::Link) => is_open = false,
            Event::Text(part) | Event::Code(part) if is_open => {
                if let Some((said, _)) = found.last_mut() {
                    said.push_str(&part);
                }
            }
            _ => {}
        }
    }
    found
}

/// The words of a Markdown text.
pub fn words(markdown: &str) -> usize {
    plain(markdown).split_whitespace().count()
}

/// The longest sentence of a text, and its words.
pub fn longest_sentence(markdown: &str) -> (usize, String) {
    let text = plain(markdown);
    let sentences = text.split_inclusive(['.', '?', '!', ':', ';']);
    // A point within a number or an address ends nothing.
    let mut all: Vec<String> = Vec::new();
    let mut begins_anew = true;
    for part in sentences {
        let goes_on = !begins_anew && !part.starts_with(char::is_whitespace);
        match all.last_mut().filter(|_| goes_on) {
            Some(last) => last.push_str(part),
            None => all.push(part.trim().to_owned()),
        }
        begins_anew = false;
    }
    let counted = all
        .into_iter()
        .map(|text| (text.split_whitespace().count(), text));
    counted.max_by_key(|(words, _)| *words).unwrap_or_default()
}

/// Text alone; a paragraph or an item ends a sentence.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    for event in Parser::new_ext(markdown, Options::empty()) {
        match event {
            Event::Text(part) | Event::Code(part) | Event::Html(part) | Event::InlineHtml(part) => {
                text.push_str(&part);
            }
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::Heading(_)) => {
                let has_ended = text.ends_with(['.', '?', '!', ':', ';']);
                text.push_str(if has_ended { " " } else { ". " });
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_and_never_done() {
        let text = to_html("<script>alert(1)</script>\n\nA <b onclick=x>word</b>.\n");
        assert!(!text.contains("<script") && !text.contains("<b "), "{text}");
        assert!(
            text.contains("&lt;script&gt;") && text.contains("&lt;b onclick=x&gt;"),
            "{text}"
        );
    }

    #[test]
    fn links_lead_to_this_lab_or_the_web_and_pictures_are_their_words() {
        let link = |address: &str| to_html(&format!("[here]({address})"));
        assert!(link("/compare?a=1").contains("href=\"/compare?a=1\""));
        assert!(link("https://a.example/").contains("<a "));
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//a.example/",
            "ftp://a/",
        ] {
            assert!(!link(bad).contains("<a"), "{bad}");
            assert!(link(bad).contains("here"), "{bad}");
        }
        let picture = to_html("![a cat](https://a.example/cat.png)");
        assert_eq!(picture, "<p>a cat</p>\n");
        assert_eq!(to_html("# Big"), "<h3>Big</h3>\n");
    }

    #[test]
    fn a_text_s_elements_are_so_many_in_each_other_at_most() {
        let deep = format!("{} deep", ">".repeat(60_000));
        assert_eq!(nesting(&deep), 60_001);
        let text = to_html(&deep);
        assert!(text.contains("deep"), "it is there");
        assert_eq!(text.matches("<blockquote>").count(), NESTING_MAX);
        assert_eq!(text.matches("</blockquote>").count(), NESTING_MAX);
        assert!(nesting("> - *one **two** [three](/)*") < NESTING_MAX);
    }

    #[test]
    fn links_are_listed_with_their_words() {
        let found = named_links(
            "Try [four *events*](/compare?a=1), then [it](javascript:x) and [`E7`](/experiments/E7).",
        );
        let pair = |said: &str, to: &str| (said.to_owned(), to.to_owned());
        assert_eq!(
            found,
            [
                pair("four events", "/compare?a=1"),
                pair("E7", "/experiments/E7")
            ]
        );
    }

    #[test]
    fn sentences_are_counted_to_their_point_and_numbers_stay_whole() {
        assert_eq!(words("One *two* `three`."), 3);
        let (count, text) = longest_sentence("It is 0.5 s. So it is not long at all.");
        assert_eq!((count, text.as_str()), (7, "So it is not long at all."));
        assert_eq!(longest_sentence(""), (0, String::new()));
    }
}
