//! As much of the class's state as a stand-in acts on. What it does not know it leaves alone, so that
//! a newer lab's state is read as well.

use serde::Deserialize;

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct View {
    pub revision: u64,
    pub lesson: Option<Lesson>,
    pub groups: Vec<Group>,
    /// Grows whenever the phones are set up anew.
    pub set: u64,
    pub frozen: bool,
    pub muted: bool,
    /// Grows when every phone is to load its page again.
    pub reload: u64,
    pub me: Option<Me>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Lesson {
    pub id: String,
    pub step: usize,
    pub kind: String,
    pub guess: Option<Question>,
    pub locked: bool,
    pub round: u32,
    pub run: Option<Run>,
    pub ask: Option<Ask>,
}

/// What the class is asked to guess.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Question {
    #[serde(rename = "as")]
    pub kind: String,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub scale: String,
    pub options: Vec<String>,
    pub many: bool,
    pub x: Vec<f64>,
    pub items: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ask {
    pub options: Vec<String>,
    /// It is over: the answer is shown.
    pub right: Option<usize>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Which run of the class it is.
    pub number: u64,
    /// Times of day, µs; 0 or none: not known yet.
    pub measured_from_us: Option<u64>,
    pub ends_us: Option<u64>,
}

impl Run {
    /// From when to when is measured.
    pub fn window(&self) -> Option<(u64, u64)> {
        let from_us = self.measured_from_us.filter(|at| *at > 0)?;
        let ends_us = self.ends_us.filter(|at| *at > from_us)?;
        Some((from_us, ends_us))
    }
}

/// What some of the phones follow.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Group {
    #[serde(default)]
    pub group: usize,
    pub lane: String,
    #[serde(default)]
    pub poll_interval_ms: Option<u64>,
    /// Data without the lab's envelope.
    #[serde(default)]
    pub bare: bool,
    /// It goes on from where it was.
    #[serde(default = "yes")]
    pub recovery: bool,
    #[serde(default = "class")]
    pub channel: String,
}

fn yes() -> bool {
    true
}

fn class() -> String {
    "class".to_owned()
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Me {
    pub id: String,
    pub group: Option<usize>,
}

impl View {
    /// What this phone follows; `None`: nothing.
    pub fn own_group(&self) -> Option<&Group> {
        let own = self.me.as_ref()?.group?;
        self.groups.iter().find(|group| group.group == own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_for_what_a_phone_does() {
        let view: View = serde_json::from_str(
            r#"{"revision":17,"class":"8f3a09c1","lesson":{"id":"x","step":2,"kind":"guess",
                "guess":{"as":"number","question":"?","min":0,"max":60,"unit":"","scale":"linear"},
                "locked":false,"round":1,"run":null,"new":{"x":1}},
                "groups":[{"group":0,"lane":"sse","share":1,"poll_interval_ms":null},
                          {"group":1,"lane":"short-poll","poll_interval_ms":500,"channel":"class"}],
                "me":{"id":"p7","group":1,"guess":null}}"#,
        )
        .unwrap();
        assert_eq!(view.own_group().unwrap().lane, "short-poll");
        let lesson = view.lesson.unwrap();
        assert_eq!(lesson.guess.unwrap().max, Some(60.0));
        assert!(lesson.run.is_none());
        let nobody = View {
            me: None,
            ..serde_json::from_str(r#"{"groups":[{"lane":"sse"}]}"#).unwrap()
        };
        assert!(nobody.own_group().is_none());
    }

    #[test]
    fn a_window_is_known_once_it_has_two_ends() {
        let run = |from, ends| Run {
            number: 1,
            measured_from_us: from,
            ends_us: ends,
        };
        assert_eq!(run(Some(3), Some(9)).window(), Some((3, 9)));
        assert_eq!(run(Some(0), Some(9)).window(), None);
        assert_eq!(run(None, Some(9)).window(), None);
        assert_eq!(run(Some(9), Some(9)).window(), None);
    }
}
