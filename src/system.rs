//! What is asked of the operating system by another call on each: files for their owner alone,
//! files that are no links, how this program is told to stop and tells others.
//!
//! Linux is what the lab is measured on. macOS has the same calls for all that is here. On Windows
//! - a file's rights are those of its folder: the data folder is in the user's own profile, and
//!   nothing is tightened beyond that;
//! - a run that a page stops is ended at once, and what it had measured until then is lost, for
//!   there is no SIGTERM;
//! - a run that is killed leaves its lab behind (on macOS, too: `PR_SET_PDEATHSIG` is Linux's).
//!
//! Not here: what only Linux has and what is done without it, which stands where it is used:
//! [`crate::lane::tcp_info`] (packets are then modelled, and labelled so), [`crate::client::arrival`],
//! and `run/machine.rs` (nothing is pinned nor kept awake, and the report says so).
//!
//! May use: no other room.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    future::Future,
    io,
    path::Path,
    process::{Child, Command},
};

/// Options for a file that a stranger may have put there: neither a link out of the folder is
/// followed nor a pipe waited for whose writer never comes. Whether it is a plain file is to be
/// asked of what was opened.
pub fn reading_no_link() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    // The link itself is opened, which is then no plain file (CreateFileW).
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, 0x0020_0000);
    options
}

/// The same, but a link is followed: for files that are the user's own affair.
pub fn reading_no_pipe() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options
}

/// Whether a file of [`reading_no_link`] was not opened because it is a link.
pub fn is_a_link(error: &io::Error) -> bool {
    cfg!(unix) && error.raw_os_error() == Some(libc::ELOOP)
}

/// Options for a file that its owner reads and writes, and nobody else, if it is made by them
/// (0600).
pub fn for_its_owner() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "rights are Unix's"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes folders for their owner alone (0700).
pub fn folders_for_their_owner() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "rights are Unix's"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Closes a file to everybody but its owner, where others may read it.
#[cfg(unix)]
pub fn close_to_others(file: &File, metadata: &Metadata) -> io::Result<()> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => file.set_permissions(Permissions::from_mode(0o600)),
    }
}

/// Rights are the folder's; see the module.
#[cfg(not(unix))]
pub fn close_to_others(_file: &File, _metadata: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Whether every user of this machine may read a file; `false` where the system does not say.
pub fn is_readable_by_all(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// A file that may not grow any more (`ulimit -f`) is an error of the write, as a full disk is, and
/// not the program's end: what was half written is removed and said. To be called before any thread
/// is started.
pub fn take_limits_as_errors() {
    // SAFETY: nothing else runs yet, and ignoring a signal calls no code of ours (signal(2)).
    #[cfg(unix)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN)
    };
}

/// Tells a child to end in good order (SIGTERM). `false` where it is gone already. On Windows it is
/// ended at once.
pub fn tell_to_stop(child: &mut Child) -> bool {
    #[cfg(unix)]
    {
        let Ok(pid) = libc::pid_t::try_from(child.id()) else {
            return false;
        };
        // SAFETY: `kill` touches no memory. The number is this child's: it is waited for, which would
        // give the number free, only through the `&mut Child` that the caller lends.
        unsafe { libc::kill(pid, libc::SIGTERM) == 0 }
    }
    #[cfg(not(unix))]
    child.kill().is_ok()
}

/// Ctrl-C in a terminal is for this program alone, which then ends the child that it starts by this.
pub fn away_from_ctrl_c(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    // CREATE_NEW_PROCESS_GROUP (process creation flags of CreateProcessW).
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(command, 0x0000_0200);
}

/// Resolves at SIGINT, SIGTERM or SIGHUP, which a terminal sends when its window is closed; under
/// nohup, which has it ignored, SIGHUP stays ignored. The handlers are in place when this returns.
#[cfg(unix)]
pub fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = match is_ignored(libc::SIGHUP) {
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    Ok(async move {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hung_up => {}
        }
    })
}

/// Whether whoever started this program has a signal ignored.
#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a zeroed `sigaction` is valid memory for the call to fill in, and with a null new
    // action nothing is changed (sigaction(2)).
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Resolves at Ctrl-C or Ctrl-Break, when the console's window is closed, and when the machine shuts
/// down.
#[cfg(windows)]
pub fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut c, mut brk) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
    Ok(async move {
        tokio::select! {
            _ = c.recv() => {}
            _ = brk.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_link_is_told_from_a_file_and_new_files_are_their_owners() {
        let folder = std::env::temp_dir().join(format!("pushlab-system-{}", std::process::id()));
        folders_for_their_owner().create(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        let (file, link) = (folder.join("file"), folder.join("link"));
        for_its_owner()
            .write(true)
            .create_new(true)
            .open(&file)
            .unwrap();
        assert_eq!(mode(&file), 0o600);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(reading_no_link().open(&file).is_ok());
        let refused = reading_no_link().open(&link).unwrap_err();
        assert!(is_a_link(&refused), "{refused}");
        assert!(reading_no_pipe().open(&link).is_ok());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(is_readable_by_all(&file));
        let opened = File::open(&file).unwrap();
        close_to_others(&opened, &opened.metadata().unwrap()).unwrap();
        assert!(!is_readable_by_all(&file));
        fs::remove_dir_all(&folder).unwrap();
    }
}
