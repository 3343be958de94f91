//! What a pass is called, and the channels of its rows.

/// The name of a pass of a run.
pub fn pass(run_started_us: u64, number: usize) -> String {
    format!("run-{run_started_us}-{number:02}")
}

/// The channel of the `index`th row in a pass of this name: as long for every row, so that none has
/// more bytes for its name.
pub fn channel(name: &str, index: usize) -> String {
    format!("{name}-{index:02}")
}
