//! The presenter's tools: freeze, mute, dark, the door, timer, a page for all, one phone, reload.

use serde::Deserialize;

use super::{Class, ClassError, participant::ParticipantId, state::Timer};

/// Of the timer.
pub const TIMER_MAX_S: u32 = 3600;
/// Of an address that everybody is sent to.
const PAGE_MAX_BYTES: usize = 512;

/// What the presenter changes with one call; what is not there stays.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tools {
    /// Whether the picture stands still, and nothing is taken meanwhile.
    #[serde(default)]
    pub frozen: Option<bool>,
    /// Whether nothing is taken from phones.
    #[serde(default)]
    pub muted: Option<bool>,
    /// Whether the wall is dark.
    #[serde(default)]
    pub dark: Option<bool>,
    /// Whether nobody else is let in.
    #[serde(default)]
    pub closed: Option<bool>,
    /// 0 ends it.
    #[serde(default)]
    pub timer_s: Option<u32>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "given_or_null")]
    pub page: Option<Option<String>>,
    /// Whose phone the wall shows; `Some(None)`: nobody's any more.
    #[serde(default, deserialize_with = "given_or_null")]
    pub show: Option<Option<ParticipantId>>,
}

/// Tells `null` from what is not there.
fn given_or_null<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Class {
    /// All of them or none.
    pub fn tools(&mut self, tools: Tools, now_us: u64) -> Result<(), ClassError> {
        if tools.timer_s.is_some_and(|seconds| seconds > TIMER_MAX_S) {
            return Err(ClassError::BadTool("the timer has 0 to 3600 seconds"));
        }
        if let Some(Some(page)) = &tools.page
            && !is_page(page)
        {
            return Err(ClassError::BadTool(
                "the page is a path of this lab, as in /chat?room=class",
            ));
        }
        if let Some(Some(id)) = tools.show {
            self.participant_mut(id)?;
        }
        self.frozen = tools.frozen.unwrap_or(self.frozen);
        self.muted = tools.muted.unwrap_or(self.muted);
        self.dark = tools.dark.unwrap_or(self.dark);
        self.closed = tools.closed.unwrap_or(self.closed);
        if let Some(seconds) = tools.timer_s {
            self.timer = (seconds > 0).then(|| Timer {
                ends_us: now_us.saturating_add(u64::from(seconds) * 1_000_000),
                seconds,
            });
        }
        if let Some(page) = tools.page {
            self.page_number += u64::from(page.is_some());
            self.page = page;
        }
        if let Some(show) = tools.show {
            self.show = show;
        }
        self.changed();
        Ok(())
    }

    /// All phones load themselves again.
    pub fn reload_phones(&mut self) {
        self.reload += 1;
        self.changed();
    }
}

/// A path of this lab that is no presenter's.
pub(super) fn is_page(page: &str) -> bool {
    page.starts_with('/')
        && !page.starts_with("//")
        && !page.starts_with("/presenter")
        && page.len() <= PAGE_MAX_BYTES
        && page
            .chars()
            .all(|letter| !letter.is_control() && letter != '\\' && !letter.is_whitespace())
}
