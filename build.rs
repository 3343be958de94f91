//! Prepares what the binary embeds and says about itself, before rustc runs.
//!
//! - **Third-party JavaScript** is never committed: `package-lock.json` names it,
//!   `npm ci` brings it into `node_modules/` when what is there is not what the lock
//!   file names, and the few files of [`VENDOR`] are copied into `$OUT_DIR/vendor`.
//!   Where they are there already, neither Node nor npm is needed.
//! - **What is served as it is** ([`PACKED`]) becomes one compressed file for a release
//!   build, a quarter of its size; `src/packed.rs` unpacks it. Debug builds read the folders.
//! - **Facts for the fairness statement** become environment variables of the
//!   compilation: `PUSHLAB_GIT_REVISION`, `PUSHLAB_RUSTC`, `PUSHLAB_VERSIONS`.
//!
//! It reads lock files by plain text search: both formats are written by one program
//! each, one field a line. It downloads nothing itself and bundles or minifies nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// npm package, file inside it, name under `/static/vendor/`.
const VENDOR: &[(&str, &str, &str)] = &[
    ("uplot", "dist/uPlot.esm.js", "uPlot.esm.js"),
    ("uplot", "dist/uPlot.min.css", "uPlot.min.css"),
    ("uplot", "LICENSE", "uPlot.LICENSE.txt"),
    ("pusher-js", "dist/web/pusher.min.js", "pusher.min.js"),
    ("pusher-js", "LICENCE", "pusher.LICENSE.txt"),
    (
        "pusher-js",
        "dist/web/pusher.min.js.LICENSE.txt",
        "pusher.min.js.LICENSE.txt",
    ),
    (
        "socket.io-client",
        "dist/socket.io.esm.min.js",
        "socket.io.esm.min.js",
    ),
    ("socket.io-client", "LICENSE", "socket.io.LICENSE.txt"),
];

/// Folders whose files are served as they are: what `src/packed.rs` calls each, and where it is.
/// Empty: `$OUT_DIR/vendor`.
const PACKED: &[(&str, &str)] = &[("static", "static"), ("docs", "docs"), ("vendor", "")];

/// Crates whose versions decide what the lab measures, named beside every result.
const MEASURED_CRATES: &[&str] = &["actix-web", "actix-http", "tokio"];

/// What makes this script run again. Folders are watched as a whole: askama tracks the files it has
/// read, but not a file added later.
const WATCHED: &[&str] = &[
    "build.rs",
    "package.json",
    "package-lock.json",
    "Cargo.lock",
    "src",
    "static",
    "templates",
    "docs",
];

fn main() {
    // Paths that do not exist are left out: cargo would run this on every build.
    for path in WATCHED.iter().filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo::rustc-check-cfg=cfg(packed)");
    if let Err(message) = copy_vendor().and_then(|()| pack()) {
        println!("cargo::error={message}");
        return;
    }
    if takes_short_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo:rustc-env=PUSHLAB_GIT_REVISION={}", git_revision());
    println!("cargo:rustc-env=PUSHLAB_RUSTC={}", rustc_version());
    println!("cargo:rustc-env=PUSHLAB_VERSIONS={}", crate_versions());
}

/// Fills `$OUT_DIR/vendor` from `node_modules/`. An error is one line that says what
/// to do, since it is all a newcomer sees of a failed build.
fn copy_vendor() -> Result<(), String> {
    let packages = locked_packages()?;
    if !packages.iter().all(|package| package.is_installed()) {
        npm_ci()?;
    }
    if let Some(package) = packages.iter().find(|package| !package.is_installed()) {
        return Err(format!(
            "node_modules/{} is not version {} as package-lock.json says, even after `npm ci`; delete node_modules and build again",
            package.name, package.version
        ));
    }
    let vendor = out_dir().join("vendor");
    // Emptied first, so that a file taken off the list is not embedded for ever.
    let _ = fs::remove_dir_all(&vendor);
    fs::create_dir_all(&vendor)
        .map_err(|error| format!("cannot create {}: {error}", vendor.display()))?;
    for (package, file, name) in VENDOR {
        let source = Path::new("node_modules").join(package).join(file);
        fs::copy(&source, vendor.join(name)).map_err(|error| {
            format!(
                "cannot copy {}: {error}; delete node_modules and build again",
                source.display()
            )
        })?;
    }
    Ok(())
}

fn out_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
}

/// Makes `$OUT_DIR/packed.zlib` of all files of [`PACKED`], and `$OUT_DIR/packed.list` with a line
/// for each: where it begins is where the one before it ends.
fn pack() -> Result<(), String> {
    if env::var("PROFILE").as_deref() != Ok("release") {
        return Ok(());
    }
    println!("cargo::rustc-cfg=packed");
    let (mut list, mut bytes) = (String::new(), Vec::new());
    for (name, folder) in PACKED {
        let folder = match *folder {
            "" => out_dir().join("vendor"),
            folder => PathBuf::from(folder),
        };
        let mut files = Vec::new();
        files_below(&folder, &mut files)
            .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        files.sort();
        for file in files {
            let text = fs::read(&file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            let below = file.strip_prefix(&folder).expect("it was found there");
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            list.push_str(&format!("{name}/{}\t{}\n", parts.join("/"), text.len()));
            bytes.extend(text);
        }
    }
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&bytes, LEVEL);
    for (name, contents) in [
        ("packed.zlib", &packed[..]),
        ("packed.list", list.as_bytes()),
    ] {
        let path = out_dir().join(name);
        fs::write(&path, contents)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

/// Of 10: the last two take twice as long for one hundredth.
const LEVEL: u8 = 8;

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => files_below(&path, found)?,
            false => found.push(path),
        }
    }
    Ok(())
}

/// A package of [`VENDOR`] and the version the lock file gives it.
struct LockedPackage {
    name: &'static str,
    version: String,
}

impl LockedPackage {
    /// By version, not by file time: a fresh checkout makes the lock file newer than
    /// a `node_modules/` that is right, and `npm ci` without a network would remove it.
    fn is_installed(&self) -> bool {
        let folder = Path::new("node_modules").join(self.name);
        let Ok(manifest) = fs::read_to_string(folder.join("package.json")) else {
            return false;
        };
        quoted_after(&manifest, "\"version\":") == Some(self.version.as_str())
    }
}

fn locked_packages() -> Result<Vec<LockedPackage>, String> {
    let lock = fs::read_to_string("package-lock.json")
        .map_err(|error| format!("cannot read package-lock.json: {error}"))?;
    let mut names: Vec<&'static str> = VENDOR.iter().map(|(package, _, _)| *package).collect();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let version = lock
                .split_once(&format!("\"node_modules/{name}\": {{"))
                .and_then(|(_, entry)| quoted_after(entry, "\"version\":"))
                .ok_or_else(|| {
                    format!("package-lock.json does not name {name}; run `npm install {name}`")
                })?;
            Ok(LockedPackage {
                name,
                version: version.to_owned(),
            })
        })
        .collect()
}

/// What brings the packages, by hand.
const NPM_CI: &str = "npm ci --omit=dev --ignore-scripts";

/// Brings `node_modules/`, run-time packages only: test tools are the test command's.
fn npm_ci() -> Result<(), String> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm)
        .args(["ci", "--omit=dev", "--ignore-scripts", "--prefer-offline"])
        .args(["--no-audit", "--no-fund", "--loglevel=error"])
        .output()
        .map_err(|_| {
            format!(
                "the pages embed three npm packages that are not in node_modules, and npm, which brings them, was not found: install Node.js 20.19 or newer (Debian: apt-get install nodejs npm) and run `{NPM_CI}`; or run that in this folder on another machine and copy its node_modules here"
            )
        })?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr);
    let code = log
        .lines()
        .find_map(|line| line.split_once("error code ").map(|(_, code)| code.trim()))
        .unwrap_or("no error code");
    Err(format!(
        "`npm ci` failed ({code}): it needs the npm registry once; connect and run `{NPM_CI}`, or run that in this folder on another machine and copy its node_modules here"
    ))
}

/// Whether relocations may be written in their short form (DT_RELR), which saves 0.6 MB of 13: where
/// the C library that it is built with, and so will be run with, can read that, from glibc 2.36 on.
/// `packaging/build-static` asks for it by itself: musl's is part of Rust.
fn takes_short_relocations() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    let is_native = env::var("HOST").is_ok_and(|host| is("TARGET", &host));
    if !is_native || !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return false;
    }
    let version = run("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_default();
    let minor = version.strip_prefix("glibc 2.").map(str::parse::<u32>);
    matches!(minor, Some(Ok(minor)) if minor >= 36)
}

/// The commit this is built from, `-dirty` if tracked files differ from it; "unknown"
/// outside a repository, before the first commit and without git.
fn git_revision() -> String {
    // A commit rewrites a file under refs/heads, a checkout rewrites HEAD.
    for name in ["HEAD", "refs/heads", "packed-refs"] {
        let path = run("git", &["rev-parse", "--git-path", name]);
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let describe = ["describe", "--always", "--dirty", "--abbrev=12"];
    run("git", &[&describe[..], &["--exclude=*"]].concat()).unwrap_or_else(|| "unknown".to_owned())
}

fn rustc_version() -> String {
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC");
    run(&rustc, &["--version"]).unwrap_or_else(|| "unknown".to_owned())
}

/// For example "actix-web 4.18.1, actix-http 3.20.0, tokio 1.54.1".
fn crate_versions() -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let version_of = |name: &str| {
        lock.split_once(&format!("name = \"{name}\"\n"))
            .and_then(|(_, entry)| quoted_after(entry, "version ="))
            .unwrap_or("unknown")
    };
    MEASURED_CRATES
        .iter()
        .map(|name| format!("{name} {}", version_of(name)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first quoted text after `key`: `"1.6.32"` after `"version":`.
fn quoted_after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key)?.1.split('"').nth(1)
}

/// First line a command printed, if it succeeded and printed one.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let line = String::from_utf8(output.stdout)
        .ok()?
        .lines()
        .next()?
        .to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}
