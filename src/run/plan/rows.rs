//! The rows that a plan's result has: the chosen lanes, each with resume, without, or both, and the
//! variants that are named.

use super::{Plan, PlanError, Resume, out_of_range};
use crate::{
    catalogue::{LANES, Lane, Resuming, VARIANTS, lane, variant},
    run::{
        destination::Peer,
        lanes::{Compressed, Row},
    },
};

impl Plan {
    /// The lines that the result will have.
    pub fn rows(&self) -> Result<Vec<Row>, PlanError> {
        let destination = self.destination()?;
        let peer = destination.peer();
        let of_sockets = Compressed::of_sockets(self.compress);
        let mut chosen: Vec<(&'static Lane, Option<Compressed>)> = Vec::new();
        let mut variants = Vec::new();
        for full_name in self.lanes.split(',').map(str::trim) {
            let (name, named) = divided(full_name);
            let compressed = |lane| named.or(of_sockets.filter(|how| how.is_of(lane)));
            let is_spoken = |lane: &str| peer.is_none_or(|peer| peer.lanes().contains(&lane));
            if let (Some(variant), None) = (variant(name), peer) {
                let row = Row::of_variant(variant);
                variants.push(match compressed(variant.lane) {
                    Some(compressed) => row.compressed(compressed),
                    None => row,
                });
                continue;
            }
            match lane(name) {
                _ if name == "all" => chosen.extend(
                    LANES
                        .iter()
                        .filter(|lane| {
                            peer.is_none_or(|peer| peer.usual_lanes().contains(&lane.id.0))
                        })
                        .map(|lane| (*lane, compressed(lane))),
                ),
                Some(_) if peer.is_some() && named.is_some() => {
                    let expected = format!(
                        "{full_name:?}: what a server at {destination} compresses it is not asked for; name {name}"
                    );
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
                Some(lane) if is_spoken(name) => chosen.push((lane, compressed(lane))),
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
                        "{full_name:?} is no lane; choose all or some of {known}; what comes in answers to requests also with -gzip, -br or -zstd, and the lab's own WebSockets with -deflate or -deflate-context"
                    );
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        for (lane, compressed) in chosen {
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
                if let Some(compressed) = compressed {
                    row = row.compressed(compressed);
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
            let (name, _) = divided(name);
            let of_variant = || variant(name).map(|variant| variant.lane);
            name == "all" || lane(name).or_else(of_variant).is_some_and(is_fit)
        })
    }

    /// Of lanes that there are.
    pub(super) fn all_lanes(&self, is_fit: fn(&Lane) -> bool) -> bool {
        let mut named = self.lanes.split(',').map(str::trim);
        named.all(|name| {
            let (name, _) = divided(name);
            let of_variant = || variant(name).map(|variant| variant.lane);
            lane(name).or_else(of_variant).is_some_and(is_fit)
        })
    }
}

/// `sse-gzip`, `websocket-deflate`: a lane or a variant, and how it is compressed, where it can be.
fn divided(name: &str) -> (&str, Option<Compressed>) {
    let (before, compressed) = Compressed::divided(name);
    let of_variant = variant(before).map(|variant| variant.lane);
    match (lane(before).or(of_variant), compressed) {
        (Some(lane), Some(how)) if how.is_of(lane) => (before, Some(how)),
        _ => (name, None),
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
        assert!(rows[0].coding().is_some() && rows[2].coding().is_none());
        assert_eq!(rows[0].lane, "sse");
        let wrong_names = [
            "websocket-gzip",
            "sse-deflate",
            "actix-ws-deflate",
            "websocket-context",
            "gzip",
            "all-gzip",
            "-gzip",
        ];
        for wrong in wrong_names {
            let plan = super::super::plan(&format!("lanes = '{wrong}'"));
            assert!(
                plan.is_err_and(|error| error.to_string().contains("-gzip")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn websockets_are_compressed_by_name_or_all_by_the_plan() {
        let names = |plan: &str| -> Vec<_> {
            let rows = super::super::plan(plan).unwrap().rows().unwrap();
            rows.into_iter().map(|row| row.name).collect()
        };
        assert_eq!(
            names(
                "lanes = 'websocket,websocket-deflate,channels-deflate-context,websocket-bare-deflate'"
            ),
            [
                "websocket",
                "websocket-deflate",
                "channels-deflate-context",
                "websocket-bare-deflate",
            ]
        );
        // What is named goes before what is said of all; what is no socket of the lab's stays as it is.
        assert_eq!(
            names(
                "compress = 'on'\nlanes = 'websocket,channels-deflate-context,sse,actix-ws,websocket-bare'"
            ),
            [
                "websocket-deflate",
                "channels-deflate-context",
                "sse",
                "actix-ws",
                "websocket-bare-deflate",
            ]
        );
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
