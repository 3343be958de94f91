//! Whether a result is kept, and where: from the command line.

use std::path::PathBuf;

use super::{
    folder::{CannotSave, Folder},
    timings::Timings,
};
use crate::config;

/// Where the result goes when it is there.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Keep {
    /// Save the result here, where /runs of a lab with the same folder lists it [default: pushlab
    /// in $XDG_DATA_HOME, ~/.local/share or ~/Library/Application Support; without a home,
    /// ./pushlab-data]
    #[arg(long, value_name = "DIR", env = "PUSHLAB_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Do not save the result
    #[arg(long)]
    pub no_save: bool,
}

impl Keep {
    /// How long things took; nothing is made for it.
    pub fn timings(&self) -> Timings {
        let data = self.data_dir.clone().unwrap_or_default();
        Timings::read(&config::data_folder(&data))
    }

    /// The folder, where the result is to be kept; tried out, so that what would fail after the
    /// run is said before it.
    pub fn folder(&self) -> Result<Option<Folder>, CannotSave> {
        if self.no_save {
            return Ok(None);
        }
        let data = self.data_dir.clone().unwrap_or_default();
        let folder = Folder::of(&config::data_folder(&data));
        folder.prepare()?;
        Ok(Some(folder))
    }
}
