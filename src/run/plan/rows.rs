//! The rows that a plan's result has: the chosen lanes, each with resume, without, or both, and the
//! variants that are named.

use super::{Plan, PlanError, Resume, out_of_range};
use crate::{
    catalogue::{LANES, Lane, Resuming, VARIANTS, lane, variant},
    codec::compressed::Coding,
    run::{destination::Peer, lanes::Row},
};

impl Plan {
    /// The lines that the result will have.
    pub fn rows(&self) -> Result<Vec<Row>, PlanError> {
        let destination = self.destination()?;
        let peer = destination.peer();
        let mut chosen: Vec<(&'static Lane, Option<Coding>)> = Vec::new();
        let mut variants = Vec::new();
        for full_name in self.lanes.split(',').map(str::trim) {
            let (name, coding) = coded(full_name);
            let is_spoken = |lane: &str| peer.is_none_or(|peer| peer.lanes().contains(&lane));
            if let (Some(variant), None) = (variant(name), peer) {
                let row = Row::of_variant(variant);
                variants.push(coding.map_or(row.clone(), |coding| row.coded(coding)));
                continue;
            }
            match lane(name) {
                _ if name == "all" => chosen.extend(
                    LANES
                        .iter()
                        .filter(|lane| {
                            peer.is_none_or(|peer| peer.usual_lanes().contains(&lane.id.0))
                        })
                        .map(|lane| (*lane, None)),
                ),
                Some(_) if peer.is_some() && coding.is_some() => {
                    let expected = format!(
                        "{full_name:?}: what a server at {destination} compresses it is not asked for; name {name}"
                    );
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
                Some(lane) if is_spoken(name) => chosen.push((lane, coding)),
                Some(_) => {
                    let lanes = peer.map_or_else(Vec::new, Peer::lanes).join(", ");
                    let expected =
                        format!("a server at {destination} has no lane {name}; choose of {lanes}");
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
                None => {
                    let lanes = LANES.iter().map(|lane| lane.id.0);
                    let variants = VARIANTS.iter().map(|variant| variant.id);
                    let known: Vec<_> = lanes.chain(variants).collect();
                    let known = known.join(", ");
                    let expected = format!(
                        "{full_name:?} is no lane; choose all or some of {known}; and what comes in answers to requests also with -gzip, -br or -zstd"
                    );
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        for (lane, coding) in chosen {
            let resumes: &[bool] = match (self.resume, lane.resuming) {
                // Positions are this lab's, whatever the protocol.
                _ if peer.is_some() => &[false],
                // A protocol that cannot is measured as it is.
                (Resume::Yes, Resuming::ByProtocol) => &[true],
                (Resume::Yes, Resuming::ByExtension) | (Resume::No, _) => &[false],
                (Resume::Both, Resuming::ByProtocol) => &[true, false],
                (Resume::Both, Resuming::ByExtension) => &[false, true],
            };
            for mut row in resumes.iter().map(|resume| Row::new(lane, *resume)) {
                if let Some(coding) = coding {
                    row = row.coded(coding);
                }
                if peer.is_some() {
                    // No other row can be meant.
                    row.name.clone_from(&row.lane);
                }
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
        }
        for row in variants {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Of lanes that there are; `all` is every one.
    pub(super) fn any_lane(&self, is_fit: fn(&Lane) -> bool) -> bool {
        let mut named = self.lanes.split(',').map(str::trim);
        named.any(|name| {
            let (name, _) = coded(name);
            let of_variant = || variant(name).map(|variant| variant.lane);
            name == "all" || lane(name).or_else(of_variant).is_some_and(is_fit)
        })
    }

    /// Of lanes that there are.
    pub(super) fn all_lanes(&self, is_fit: fn(&Lane) -> bool) -> bool {
        let mut named = self.lanes.split(',').map(str::trim);
        named.all(|name| {
            let (name, _) = coded(name);
            let of_variant = || variant(name).map(|variant| variant.lane);
            lane(name).or_else(of_variant).is_some_and(is_fit)
        })
    }
}

/// `sse-gzip`: a lane or a variant, and what its answers are compressed with. What comes over a
/// WebSocket is in no answer.
fn coded(name: &str) -> (&str, Option<Coding>) {
    let found = name
        .rsplit_once('-')
        .and_then(|(before, coding)| Some((before, Coding::exactly(coding)?)))
        .filter(|(before, _)| {
            let of_variant = variant(before).map(|variant| variant.lane);
            lane(before)
                .or(of_variant)
                .is_some_and(|lane| !lane.upgrades)
        });
    match found {
        Some((before, coding)) => (before, Some(coding)),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan;

    #[test]
    fn a_row_names_what_it_is_compressed_with() {
        let plan =
            plan("resume = 'both'\nlanes = 'sse-gzip,sse,sse-bare-br,short-poll-zstd'").unwrap();
        let rows = plan.rows().unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "sse-gzip",
                "sse-no-resume-gzip",
                "sse",
                "sse-no-resume",
                "short-poll-zstd",
                "short-poll-no-resume-zstd",
                "sse-bare-br",
            ]
        );
        assert!(rows[0].coding.is_some() && rows[2].coding.is_none());
        assert_eq!(rows[0].lane, "sse");
        for wrong in ["websocket-gzip", "sse-deflate", "gzip", "all-gzip", "-gzip"] {
            let plan = super::super::plan(&format!("lanes = '{wrong}'"));
            assert!(
                plan.is_err_and(|error| error.to_string().contains("-gzip")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn resume_both_makes_two_rows_where_the_protocol_can() {
        let rows = plan("resume = 'both'\nlanes = 'sse,channels,sse'")
            .unwrap()
            .rows()
            .unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(
            names,
            ["sse", "sse-no-resume", "channels", "channels-resume"]
        );
    }
}
