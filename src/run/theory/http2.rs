//! A poll whose fields are sent once.

/// # A poll over HTTP/2, in steady state
///
/// HPACK (RFC 7541) keeps a table of what was sent before: every field that did not change is one
/// byte (§6.1), and a poll's request has only such: `fields_up` bytes. The answer's status is one
/// byte of the static table; of its fields all but the date are repeated, and the date is a literal
/// with an indexed name (§6.2.1): one byte of index, one of length, and 29 characters of about 6
/// bits each by the Huffman code (Appendix B), 22 bytes. Each side has a frame header of 9 bytes
/// (RFC 9113 §4.1). TLS, which browsers insist on, adds 22 bytes a record (RFC 8446 §5.2), one each
/// way. No body: the answer is 304.
pub fn h2_unchanged_poll_bytes(fields_up: u32, repeated_fields_down: u32) -> u32 {
    const FRAME_HEADER: u32 = 9;
    const TLS_RECORD: u32 = 22;
    const STATUS: u32 = 1;
    const DATE: u32 = 24;
    2 * (FRAME_HEADER + TLS_RECORD) + fields_up + STATUS + repeated_fields_down + DATE
}
