//! What `pushlab class` prints: how phones come in, how the class is led, and what to do when phones do
//! not come. The QR code is above the rest, which is in sight on a terminal of 24 lines.

use crate::{
    lab_api::way_in::{ForPhones, phone_address},
    qr::Qr,
};

/// What is printed.
pub struct Banner<'a> {
    /// Of the class.
    pub code: &'a str,
    /// The likeliest first.
    pub phones: &'a [ForPhones],
    /// This machine's address of the main lane, without a path.
    pub here: &'a str,
    /// What unlocks the presenter's browser, unless no token is needed.
    pub presenter: Option<&'a str>,
    /// What a firewall has to let in, from and to.
    pub ports: (u16, u16),
    pub is_tls: bool,
    pub fingerprint: Option<&'a str>,
    /// Why the class is not in the data folder.
    pub not_kept: Option<&'a str>,
    /// Whether colours may be printed.
    pub colours: bool,
}

/// Other addresses than the first; more than these have virtual networks, not phones.
const OTHERS_MAX: usize = 4;

impl Banner<'_> {
    /// The whole of it, with the empty line at its beginning.
    pub fn text(&self) -> String {
        let mut lines = vec![String::new()];
        let first = self.phones.first().filter(|phones| phones.is_likely);
        if let Some(phones) = first
            && let Ok(qr) = Qr::of(&phone_address(&phones.url, self.code))
        {
            lines.extend(qr.half_blocks(self.colours));
            lines.push(String::new());
        }
        lines.extend(self.ways());
        lines.push(String::new());
        lines.extend(self.advice());
        if let Some(why) = self.not_kept {
            lines.push(format!(
                "This class is not kept: the data folder cannot be written ({why})."
            ));
            lines.push(
                "When the lab stops, what it did is gone. Start it with --data-dir FOLDER, another one."
                    .to_owned(),
            );
        }
        lines.join("\n")
    }

    fn ways(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let label = |says: &str, address: &str| format!("{says:<27}{address}");
        for (n, phones) in self.phones.iter().take(1 + OTHERS_MAX).enumerate() {
            let says = match (n, phones.is_likely) {
                (0, true) => "Phones open:",
                (_, true) => "or, in another network:",
                (_, false) => "hardly:",
            };
            let mut line = label(says, &format!("{}/join", phones.url));
            let on = [phones.interface.as_str(), phones.says];
            let on: Vec<_> = on.into_iter().filter(|text| !text.is_empty()).collect();
            line.push_str(&format!("  ({})", on.join(", ")));
            lines.push(line);
        }
        let more = self.phones.len().saturating_sub(1 + OTHERS_MAX);
        if more > 0 {
            lines.push(label("", &format!("and {more} more, on the page /join")));
        }
        lines.push(label("The class's code:", self.code));
        let presenter = match self.presenter {
            Some(address) => address.to_owned(),
            None => format!("{}/presenter/class", self.here),
        };
        lines.push(label("You lead the class, open:", &presenter));
        if self.presenter.is_none() {
            lines.push(
                "--no-token: whoever is in this network leads the class, sees secrets, starts runs and sets"
                    .to_owned(),
            );
            lines.push("conditions. Leave it out, and only who has your address leads.".to_owned());
        }
        lines.push(label("On the projector:", &format!("{}/wall", self.here)));
        if let Some(fingerprint) = self.fingerprint {
            lines.push(format!("TLS certificate, SHA-256: {fingerprint}"));
        }
        lines
    }

    fn advice(&self) -> Vec<String> {
        if self.phones.is_empty() {
            return vec![
                "This machine has no address that phones could open: it is in no network, or --host keeps"
                    .to_owned(),
                "to the loopback. Join a Wi-Fi or switch a hotspot on, and look at /join again.".to_owned(),
            ];
        }
        let ports = match self.ports {
            (first, last) if first == last => format!("TCP port {first}"),
            (first, last) => format!("TCP ports {first} to {last}"),
        };
        let typed = match self.is_tls {
            true => "4. https:// typed out; the phone's warning is to be gone past.",
            false => "4. http:// typed out, not https://.",
        };
        vec![
            "If a phone waits for ever: 1. this Wi-Fi may keep devices apart: use a hotspot."
                .to_owned(),
            format!("2. The firewall has to let in {ports}. 3. VPNs off, here and there."),
            format!("{typed} 5. Stand-ins for the phones: on the page that leads."),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones(n: u8, is_likely: bool) -> ForPhones {
        ForPhones {
            url: format!("http://192.168.1.{n}:8080"),
            ip: format!("192.168.1.{n}"),
            interface: format!("wlan{n}"),
            says: "private network",
            is_likely,
        }
    }

    fn banner(phones: &[ForPhones]) -> Banner<'_> {
        Banner {
            code: "K4T7",
            phones,
            here: "http://127.0.0.1:8080",
            presenter: Some("http://127.0.0.1:8080/presenter/unlock/t"),
            ports: (8080, 8093),
            is_tls: false,
            fingerprint: None,
            not_kept: None,
            colours: false,
        }
    }

    #[test]
    fn it_says_that_the_class_is_not_kept() {
        let phones = [phones(7, true)];
        let kept = banner(&phones);
        assert!(!kept.text().contains("not kept"));
        let why = Some("Read-only file system (os error 30)");
        let text = Banner {
            not_kept: why,
            ..kept
        }
        .text();
        assert!(
            text.contains("This class is not kept: the data folder cannot be written (Read-only")
        );
        assert!(text.contains("--data-dir"), "{text}");
    }

    #[test]
    fn it_says_that_everybody_leads_without_a_token() {
        let phones = [phones(7, true)];
        let with_token = banner(&phones);
        assert!(!with_token.text().contains("--no-token"));
        let without = Banner {
            presenter: None,
            ..with_token
        };
        let text = without.text();
        assert!(text.contains("--no-token: whoever is in this network leads the class"));
        assert!(
            text.contains("http://127.0.0.1:8080/presenter/class"),
            "{text}"
        );
    }

    #[test]
    fn it_says_how_phones_and_the_teacher_come_in() {
        let text = banner(&[phones(7, true), phones(8, true), phones(9, false)]).text();
        for part in [
            "Phones open:               http://192.168.1.7:8080/join  (wlan7, private network)\n",
            "or, in another network:    http://192.168.1.8:8080/join",
            "hardly:                    http://192.168.1.9:8080/join",
            "The class's code:          K4T7\n",
            "You lead the class, open:  http://127.0.0.1:8080/presenter/unlock/t\n",
            "On the projector:          http://127.0.0.1:8080/wall\n",
            "TCP ports 8080 to 8093",
            "█",
        ] {
            assert!(text.contains(part), "{part}\nin\n{text}");
        }
        let qr = Qr::of("http://192.168.1.7:8080/phone?code=K4T7").unwrap();
        let first: Vec<_> = text.lines().skip(1).take(5).collect();
        assert_eq!(first, qr.half_blocks(false)[..5]);
        let below = text.lines().skip_while(|line| !line.starts_with("Phones"));
        assert!(below.count() < 20, "{text}");
    }

    #[test]
    fn an_address_that_no_phone_can_use_is_in_no_code() {
        let text = banner(&[phones(9, false)]).text();
        assert!(!text.contains('█') && text.contains("hardly:"), "{text}");
        let none = banner(&[]).text();
        assert!(!none.contains('█') && none.contains("no address"), "{none}");
        let many: Vec<_> = (1..9).map(|n| phones(n, true)).collect();
        assert!(banner(&many).text().contains("and 3 more"));
    }
}
