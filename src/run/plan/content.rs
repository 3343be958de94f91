//! What a plan publishes: data of a size, or somebody's own messages.

use super::{Plan, PlanError, Sample, payload};
use crate::demo::payloads::Content;

impl Plan {
    /// What is published.
    pub fn content(&self) -> Result<Content, PlanError> {
        if let Some(payloads) = self.sample.payloads() {
            return Ok(Content::Own(payloads));
        }
        if self.payload.as_os_str().is_empty() {
            return Ok(Content::Sized(self.size));
        }
        payload::read(&self.payload)
            .map(Content::Own)
            .map_err(|source| PlanError::BadPayload {
                path: self.payload.display().to_string(),
                source,
            })
    }

    /// With the mean size of what is published for its size.
    pub(super) fn with_real_size(mut self) -> Result<Self, PlanError> {
        if !self.payload.as_os_str().is_empty() || self.sample != Sample::None {
            self.size = self.content()?.mean_bytes().round() as usize;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_files_messages_count_with_their_own_sizes_and_a_bad_line_is_named() {
        let name = format!("pushlab-messages-{}.jsonl", std::process::id());
        let path = std::env::temp_dir().join(name);
        let plan = |text: &str| {
            fs::write(&path, text).unwrap();
            let plan = Plan {
                payload: path.clone(),
                ..Plan::default()
            };
            plan.check().and_then(|()| plan.with_real_size())
        };
        let plan_of_two = plan("{\"text\":\"hi\"}\n\n\"hello\"\n").unwrap();
        // {"n":1,"text":"hi"} and {"n":2,"data":"hello"}: 19 and 22 bytes.
        assert_eq!(plan_of_two.size, 21);
        let content = plan_of_two.content().unwrap();
        assert_eq!((content.one_cycle(), content.largest_bytes()), (1..=2, 22));
        let refused = plan("1\nno\n").unwrap_err().to_string();
        assert!(
            refused.starts_with("payload is ") && refused.contains("line 2"),
            "{refused}"
        );
        fs::remove_file(&path).unwrap();
        assert!(
            plan_of_two
                .content()
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }
}
