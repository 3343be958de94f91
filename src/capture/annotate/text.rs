//! The text of an HTTP head, as parts need it: lines and fields, by position.

/// Where the line from `at` ends, its end included, and where its content does.
pub(super) fn line(bytes: &[u8], at: usize) -> (usize, usize) {
    let rest = &bytes[at.min(bytes.len())..];
    match memchr::memchr(b'\n', rest) {
        None => (bytes.len(), bytes.len()),
        Some(length) => {
            let content = at + length;
            let without = match rest[..length].last() {
                Some(b'\r') => content - 1,
                _ => content,
            };
            (without, content + 1)
        }
    }
}

/// First position of `byte` in `from..to`.
pub(super) fn find(bytes: &[u8], byte: u8, from: usize, to: usize) -> Option<usize> {
    let to = to.min(bytes.len());
    let from = from.min(to);
    memchr::memchr(byte, &bytes[from..to]).map(|at| from + at)
}

/// The value of a header field in a head; names compare without case.
pub(super) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let mut at = line(head, 0).1;
    while at < head.len() {
        let (content, next) = line(head, at);
        let field = &head[at..content];
        if let Some(colon) = memchr::memchr(b':', field)
            && field[..colon].eq_ignore_ascii_case(name.as_bytes())
        {
            return std::str::from_utf8(&field[colon + 1..]).ok().map(str::trim);
        }
        at = next;
    }
    None
}

/// Method and target of a request's head.
pub(super) fn request_line(head: &[u8]) -> Option<(&str, &str)> {
    let line = std::str::from_utf8(&head[..line(head, 0).0]).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let target = rest.rsplit_once(' ').map_or(rest, |(target, _)| target);
    Some((method, target))
}

/// The status of an answer's head.
pub(super) fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(&head[..line(head, 0).0]).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}
