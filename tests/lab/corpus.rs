//! The corpus of awkward cases that fuzzing began with and found, fed to the codecs in every run:
//! nothing panics, and what is accepted comes back with the same meaning (`fuzz/properties.rs`).

#[path = "../../fuzz/properties.rs"]
mod properties;

use std::{fs, path::Path};

type Property = fn(&[u8]);

const CODECS: [(&str, Property); 6] = [
    ("engine", properties::engine),
    ("socketio", properties::socketio),
    ("channels", properties::channels),
    ("websocket", properties::websocket),
    ("event_stream", properties::event_stream),
    ("deflate", properties::deflate),
];

fn cases(codec: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let files = fs::read_dir(folder.join(codec)).expect("a folder for each codec");
    files
        .map(|file| {
            let file = file.unwrap();
            let name = file.file_name().to_string_lossy().into_owned();
            (name, fs::read(file.path()).unwrap())
        })
        .collect()
}

#[test]
fn the_corpus_breaks_no_codec() {
    for (codec, property) in CODECS {
        let cases = cases(codec);
        assert!(cases.len() > 10, "{codec} has {} cases", cases.len());
        for (name, bytes) in cases {
            println!("{codec}/{name}");
            property(&bytes);
        }
    }
}

/// Every case, cut short and with single bytes changed: what a fuzzer tries first.
#[test]
fn the_corpus_damaged_breaks_no_codec() {
    const CHANGES: [u8; 8] = [0, b'"', b'{', b'[', b',', b'9', 0x1E, 0xFF];
    for (codec, property) in CODECS {
        for (name, bytes) in cases(codec) {
            if bytes.len() > 512 {
                continue;
            }
            println!("{codec}/{name}");
            for at in 0..bytes.len() {
                property(&bytes[..at]);
                for change in CHANGES {
                    let mut damaged = bytes.clone();
                    damaged[at] = change;
                    property(&damaged);
                }
            }
        }
    }
}
