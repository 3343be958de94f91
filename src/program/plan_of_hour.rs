//! Which plan of an hour `pushlab lesson play --plan` is about.

use std::path::Path;

use anyhow::Context;

use crate::{
    lesson_folder,
    lessons::{own::LESSONS, plans::Plan},
};

/// One of the lab's plans, or one of a file; or what is wrong with it.
pub fn chosen(name: &str) -> anyhow::Result<Result<Plan, String>> {
    if let Some(plan) = Plan::find(name) {
        return Ok(Ok(plan.clone()));
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "md") {
        let unknown = Plan::unknown(name);
        return Ok(Err(format!("{unknown}; a file of your own ends with .md")));
    }
    let text =
        lesson_folder::read(path).with_context(|| format!("the plan {name} cannot be read"))?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Plan::parse(&id, &text, &LESSONS).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(|it| format!("{name}:{it}")).collect();
        faults.join("\n")
    }))
}
