//! A text as a QR code (ISO/IEC 18004), for pages and for terminals. Made here: a class has no
//! internet, and no other site learns the address.
//!
//! May use: no other room.

use std::fmt::Write;

use qrcodegen::{DataTooLong, QrCode, QrCodeEcc};

/// Light modules around the code: the standard asks for four.
const QUIET: i32 = 4;

/// See the module.
pub struct Qr(QrCode);

impl Qr {
    /// The smallest code that holds the text, with as much error correction as fits into it for free.
    /// `Err`: more than 2,953 bytes.
    pub fn of(text: &str) -> Result<Self, DataTooLong> {
        QrCode::encode_text(text, QrCodeEcc::Low).map(Self)
    }

    /// An SVG that names itself; as large as its style sheet says. Its dark modules are
    /// `currentColor`, black unless a style sheet says otherwise, on white in the dark mode, too:
    /// many readers do not take an inverted code.
    ///
    /// ```text
    /// <svg class="qr" viewBox="0 0 37 37" role="img" color="#000"><title>…</title><path fill="#fff" …/>
    /// <path fill="currentColor" d="M4 4h7v1h-7z…"/></svg>
    /// ```
    pub fn svg(&self, title: &str) -> String {
        let side = self.side();
        let mut path = String::new();
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let run = (x..side).take_while(|x| self.is_dark(*x, y)).count() as i32;
                if run > 0 {
                    let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
                }
                x += run.max(1);
            }
        }
        let title = title
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"qr\" viewBox=\"0 0 {side} {side}\" \
             role=\"img\" color=\"#000\" shape-rendering=\"crispEdges\"><title>{title}</title>\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/>\
             <path fill=\"currentColor\" d=\"{path}\"/></svg>"
        )
    }

    /// Lines of half blocks, two rows of modules in each, dark modules drawn; where `colours` is set,
    /// black on white whatever the terminal's colours are.
    pub fn half_blocks(&self, colours: bool) -> Vec<String> {
        let side = self.side();
        // Black and white of the 256 colours are never themed.
        let (on, off) = match colours {
            true => ("\x1b[38;5;16;48;5;231m", "\x1b[0m"),
            false => ("", ""),
        };
        let block = |x, y| match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        let line = |y| (0..side).map(|x| block(x, y)).collect::<String>();
        let rows = (0..side).step_by(2);
        rows.map(|y| format!("{on}{}{off}", line(y))).collect()
    }

    /// Modules on a side, those around included.
    pub fn side(&self) -> i32 {
        self.0.size() + 2 * QUIET
    }

    /// Whether a module is dark, from the corner of the quiet zone; beyond it all are light.
    fn is_dark(&self, x: i32, y: i32) -> bool {
        self.0.get_module(x - QUIET, y - QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "http://192.168.178.120:8080/phone?code=K4T7";

    /// Modules that the path of an SVG draws.
    fn drawn(svg: &str) -> Vec<(i32, i32)> {
        let path = svg
            .rsplit("d=\"")
            .next()
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let numbers = |text: &str| -> Vec<i32> {
            let parts = text.split(|c: char| !c.is_ascii_digit());
            let parts = parts.filter(|part| !part.is_empty());
            parts.map(|part| part.parse().unwrap()).collect()
        };
        let runs = path.split('M').filter(|run| !run.is_empty()).map(numbers);
        runs.flat_map(|run| (0..run[2]).map(move |n| (run[0] + n, run[1])))
            .collect()
    }

    #[test]
    fn the_picture_has_the_crates_modules_and_a_quiet_zone() {
        let qr = Qr::of(ADDRESS).unwrap();
        let svg = qr.svg("To join <b>");
        let side = qr.side();
        assert_eq!(side, qr.0.size() + 8);
        assert!(svg.contains(&format!("viewBox=\"0 0 {side} {side}\"")));
        assert!(svg.contains("role=\"img\"") && svg.contains("<title>To join &lt;b&gt;</title>"));
        assert!(svg.contains("fill=\"#fff\"") && svg.contains("fill=\"currentColor\""));
        let drawn = drawn(&svg);
        for y in 0..side {
            for x in 0..side {
                let is_dark = qr.0.get_module(x - 4, y - 4);
                assert_eq!(drawn.contains(&(x, y)), is_dark, "{x} {y}");
            }
        }
        let is_inside = |n: &i32| (4..side - 4).contains(n);
        assert!(drawn.iter().all(|(x, y)| is_inside(x) && is_inside(y)));
    }

    #[test]
    fn a_terminal_shows_two_rows_in_a_line() {
        let qr = Qr::of(ADDRESS).unwrap();
        let lines = qr.half_blocks(false);
        assert_eq!(lines.len() as i32, (qr.side() + 1) / 2);
        for (row, line) in lines.iter().enumerate() {
            let letters: Vec<char> = line.chars().collect();
            assert_eq!(letters.len() as i32, qr.side());
            for (x, letter) in letters.into_iter().enumerate() {
                let (x, y) = (x as i32 - 4, row as i32 * 2 - 4);
                let upper = matches!(letter, '█' | '▀');
                let lower = matches!(letter, '█' | '▄');
                assert_eq!(upper, qr.0.get_module(x, y), "{x} {y}");
                assert_eq!(lower, qr.0.get_module(x, y + 1), "{x} {y}");
            }
        }
        let coloured = qr.half_blocks(true);
        assert!(
            coloured[0].starts_with("\x1b[38;5;16;48;5;231m ") && coloured[0].ends_with("\x1b[0m")
        );
    }

    #[test]
    fn an_address_fits_a_small_code_and_a_book_does_not() {
        assert!(Qr::of(ADDRESS).unwrap().0.size() <= 29, "version 3");
        assert!(Qr::of(&"x".repeat(3_000)).is_err());
    }
}
