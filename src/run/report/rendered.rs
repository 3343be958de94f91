//! Templates as text.

use askama::Template;

/// A template as text. Writing to memory does not fail, and neither does what these templates show.
pub fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
