//! What is the same in everybody's state, made once for each revision of the class: a hundred phones
//! are told of a change by a hundred states, and the lesson in them is one.

use std::{cell::RefCell, fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::state::LessonView;

/// The lesson as all see it, with its JSON. Cheap to clone.
#[derive(Clone)]
pub struct SharedLesson(Arc<Made>);

struct Made {
    view: LessonView,
    /// `None` where it cannot be made: then whoever writes the view is told why.
    json: Option<Box<RawValue>>,
}

impl SharedLesson {
    /// Keeps the view beside the JSON that is made of it once for all who ask.
    pub fn new(view: LessonView) -> Self {
        let json = to_raw_value(&view).ok();
        Self(Arc::new(Made { view, json }))
    }
}

impl Deref for SharedLesson {
    type Target = LessonView;

    fn deref(&self) -> &LessonView {
        &self.0.view
    }
}

impl PartialEq for SharedLesson {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for SharedLesson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Serialize for SharedLesson {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0.json {
            Some(json) => json.serialize(to),
            None => self.0.view.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for SharedLesson {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        LessonView::deserialize(from).map(Self::new)
    }
}

/// The newest that was made. It is no part of what a class is: clones make their own.
#[derive(Default)]
pub struct Newest(RefCell<Option<(u64, Option<SharedLesson>)>>);

impl Newest {
    /// Of this revision; made now where nobody has looked at it yet.
    pub fn of(
        &self,
        revision: u64,
        make: impl FnOnce() -> Option<LessonView>,
    ) -> Option<SharedLesson> {
        let mut newest = self.0.borrow_mut();
        match &*newest {
            Some((known, lesson)) if *known == revision => lesson.clone(),
            _ => {
                let lesson = make().map(SharedLesson::new);
                *newest = Some((revision, lesson.clone()));
                lesson
            }
        }
    }
}

impl Clone for Newest {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Newest {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Newest(…)")
    }
}
