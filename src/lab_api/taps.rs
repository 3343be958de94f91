//! `/api/taps`: what passes on a visitor's own connections, for the views of the wire.
//!
//! ```text
//! POST   /api/taps                     a channel that nobody was on, and a key: whoever has it reads
//! GET    /api/taps/own?after=N         what came since unit N, a line each
//! GET    /api/taps/own/exchanges/LANE/CONNECTION/EXCHANGE    one exchange, every byte explained
//! GET    /api/taps/own/capture.pcapng, capture.har           the same for other programs
//! DELETE /api/taps/own
//! ```
//! The key is in the header `Pushlab-Tap`, so that it is in no address. The presenter may name any
//! channel, and one device's address with it, and sees heads and framing there, but no payload.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};

use super::no_store;
use crate::{
    capture::{
        About, Direction, Ended, Hidden, Kind, Unit,
        annotate::{self, Context, LayerBytes, Part},
        har, pcap,
    },
    catalogue::{self, LANES, LaneId},
    channel::ChannelName,
    clock,
    error::{Code, Refusal},
    lab::Lab,
    lane::tap::{IDLE_US, LANE_BYTES_MAX, LaneKept, NotOpened, TAPS_MAX, Tap, Wanted},
    registry::LaneWorker,
    transport::http_api,
};

const KEY: &str = "pushlab-tap";
/// Units of a stream that are explained unless more are asked for, and at most.
const LAST_DEFAULT: usize = 50;
const LAST_MAX: usize = 200;

/// What the body of a request to open one may say.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    channel: Option<String>,
    /// One device's connections to that channel alone.
    address: Option<IpAddr>,
}

pub async fn open(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Opened<'a> {
        key: &'a str,
        channel: &'a str,
        /// Payloads of a channel that was named are not kept.
        hides_messages: bool,
        lane_bytes_max: usize,
        idle_s: u64,
    }
    let lab = &worker.lab;
    let body = http_api::body(&request, payload, lab.config.body_max_bytes).await?;
    let asked: Asked = match body.trim_ascii() {
        b"" => Asked::default(),
        body => http_api::read_json(body).map_err(|error| {
            Refusal::new(Code::BadJson, format!("no tap: {error}")).with_hint(
                "Send {}; the presenter may send {\"channel\":\"name\"}, and \"address\" for \
                     one device's connections alone.",
            )
        })?,
    };
    let named = asked
        .channel
        .as_deref()
        .map(ChannelName::parse)
        .transpose()?;
    if named.is_some() || asked.address.is_some() {
        lab.presenter.require(&request)?;
    }
    let tap = lab
        .meters
        .taps
        .open(
            named.as_ref().map(|channel| Wanted {
                channel: channel.as_str(),
                only: asked.address,
            }),
            lab.client_address(&request),
            clock::now_us(),
        )
        .map_err(|refused| match refused {
            NotOpened::AllTaken => Refusal::new(
                Code::TooManyTaps,
                format!("{TAPS_MAX} views of the wire are open already"),
            ),
            NotOpened::OfAVisitor => Refusal::new(
                Code::TapOfAVisitor,
                "a visitor looks at their own connections on this channel",
            ),
        })?;
    lab.meters.forget_taps();
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Opened {
            key: &tap.key,
            channel: &tap.channel,
            hides_messages: tap.hides_messages(),
            lane_bytes_max: LANE_BYTES_MAX,
            idle_s: IDLE_US / 1_000_000,
        }))
}

/// The tap whose key a request shows.
fn own(request: &HttpRequest, lab: &Lab) -> Result<Arc<Tap>, Refusal> {
    let key = request.headers().get(KEY).and_then(|key| key.to_str().ok());
    let key = key.unwrap_or_default();
    let found = lab.meters.taps.with_key(key, clock::now_us());
    lab.meters.forget_taps();
    found.ok_or_else(|| {
        Refusal::new(
            Code::UnknownTap,
            "no tap has this key: it ended, or gave way to a newer one of the same address",
        )
    })
}

pub async fn close(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let lab = &worker.lab;
    let tap = own(&request, lab)?;
    lab.meters.taps.close(&tap, clock::now_us());
    lab.meters.forget_taps();
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
pub struct Since {
    #[serde(default)]
    after: u64,
}

pub async fn read(
    request: HttpRequest,
    since: web::Query<Since>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Units<'a> {
        channel: &'a str,
        now_us: u64,
        next: u64,
        lanes: BTreeMap<&'static str, LaneKept>,
        units: Vec<Summary>,
    }
    let tap = own(&request, &worker.lab)?;
    let reading = tap.read(since.after);
    let units = reading.units.iter().map(|unit| {
        let heads = reading.heads.get(&unit.exchange_id());
        Summary::of(unit, &context(unit.lane, heads.map_or(&[], Vec::as_slice)))
    });
    let units: Vec<_> = units.collect();
    Ok(no_store().json(Units {
        channel: &tap.channel,
        now_us: clock::time_of_day_us(),
        next: reading.units.last().map_or(since.after, |unit| unit.n),
        lanes: reading
            .lanes
            .into_iter()
            .map(|(lane, kept)| (lane.0, kept))
            .collect(),
        units,
    }))
}

/// A unit in a line.
#[derive(Serialize)]
struct Summary {
    n: u64,
    lane: LaneId,
    connection: u32,
    exchange: u32,
    direction: Direction,
    kind: Kind,
    at: u64,
    first_us: u64,
    last_us: u64,
    /// Bytes on the wire, and how many of them were kept.
    size: usize,
    kept: usize,
    hidden: Vec<Hidden>,
    title: String,
    status: Option<u16>,
    method: Option<String>,
    /// Of a poll's answer.
    is_empty_answer: Option<bool>,
    /// Positions of the publications in it, where the protocol tells them.
    publications: Vec<u64>,
    /// The numbers that the comparison's source gives its events.
    numbers: Vec<u64>,
}

impl Summary {
    fn of(unit: &Unit, context: &Context<'_>) -> Self {
        let found = annotate::found_in(unit, context);
        Self {
            n: unit.n,
            lane: unit.lane,
            connection: unit.connection,
            exchange: unit.exchange,
            direction: unit.direction,
            kind: unit.kind,
            at: unit.at,
            first_us: unit.first_us,
            last_us: unit.last_us,
            size: unit.size,
            kept: unit.bytes.len(),
            hidden: unit.hidden.clone(),
            title: annotate::title_of(unit),
            status: annotate::status_of(unit),
            method: annotate::method_of(unit),
            is_empty_answer: annotate::is_empty_answer(unit, context),
            publications: found.publications,
            numbers: found.numbers,
        }
    }
}

/// What the heads of an exchange say of its other units.
fn context(lane: LaneId, heads: &[Unit]) -> Context<'_> {
    let of = |kind| {
        let mut found = heads.iter().rev().filter(move |head| head.kind == kind);
        found.next().map(|head| &head.bytes[..])
    };
    Context {
        // The API on the main lane speaks as the plain lanes do.
        lane: catalogue::lane(lane.0).unwrap_or(LANES[0]),
        request_head: of(Kind::RequestHead),
        answer_head: of(Kind::AnswerHead),
    }
}

#[derive(Deserialize)]
pub struct Last {
    last: Option<usize>,
    /// Up to the unit with this number; all, where nothing is said.
    upto: Option<u64>,
}

pub async fn exchange(
    request: HttpRequest,
    path: web::Path<(String, u32, u32)>,
    asked: web::Query<Last>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Explained {
        #[serde(flatten)]
        summary: Summary,
        hex: String,
        parts: Vec<Part>,
    }
    #[derive(Serialize)]
    struct Exchange {
        lane: String,
        connection: u32,
        exchange: u32,
        units: Vec<Explained>,
        /// Units between the heads and the last ones.
        left_out: usize,
        /// Of the units given.
        layers: BTreeMap<&'static str, LayerBytes>,
    }
    let tap = own(&request, &worker.lab)?;
    let (lane, connection, exchange) = path.into_inner();
    let mut units = tap.units(|unit| {
        unit.lane.0 == lane
            && unit.connection == connection
            && unit.exchange == exchange
            && (unit.is_head() || asked.upto.is_none_or(|upto| unit.n <= upto))
    });
    if units.is_empty() {
        return Err(Refusal::new(
            Code::UnknownExchange,
            format!("exchange {exchange} on connection {connection} of lane {lane} is not kept"),
        ));
    }
    let last = asked.last.unwrap_or(LAST_DEFAULT).min(LAST_MAX);
    let rest = units.iter().filter(|unit| !unit.is_head()).count();
    let mut left_out = rest.saturating_sub(last);
    let leave = left_out;
    units.retain(|unit| {
        let goes = !unit.is_head() && left_out > 0;
        left_out -= usize::from(goes);
        !goes
    });
    let heads: Vec<Unit> = units
        .iter()
        .filter(|unit| unit.is_head())
        .cloned()
        .collect();
    let mut layers = BTreeMap::from([
        ("up", LayerBytes::default()),
        ("down", LayerBytes::default()),
    ]);
    let units = units
        .iter()
        .map(|unit| {
            let context = context(unit.lane, &heads);
            let parts = annotate::annotate(unit, &context);
            let direction = match unit.direction {
                Direction::Up => "up",
                Direction::Down => "down",
            };
            *layers.entry(direction).or_default() += annotate::layers_of(&parts);
            Explained {
                summary: Summary::of(unit, &context),
                hex: unit
                    .bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                parts,
            }
        })
        .collect();
    Ok(no_store().json(Exchange {
        lane,
        connection,
        exchange,
        units,
        left_out: leave,
        layers,
    }))
}

/// Which units a download is of; all of them, where nothing is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    lane: Option<String>,
    connection: Option<u32>,
    exchange: Option<u32>,
}

impl Chosen {
    fn units(&self, tap: &Tap) -> Vec<Unit> {
        let is = |wanted: Option<u32>, number| wanted.is_none_or(|wanted| wanted == number);
        tap.units(|unit| {
            self.lane.as_deref().is_none_or(|lane| unit.lane.0 == lane)
                && is(self.connection, unit.connection)
                && is(self.exchange, unit.exchange)
        })
    }
}

/// What a download says of itself beside the units.
fn about(request: &HttpRequest, lab: &Lab, tap: &Tap, units: &[Unit]) -> About {
    let ends = tap.ends();
    let ended = units.iter().filter_map(|unit| {
        let us = *ends.get(&unit.connection)?;
        Some(((unit.lane, unit.connection), Ended { us, by: None }))
    });
    About {
        channel: tap.channel.to_string(),
        host: request.connection_info().host().to_owned(),
        is_tls: lab.config.is_tls(),
        ports: lab
            .addresses()
            .iter()
            .map(|at| (at.lane, at.port))
            .collect(),
        dropped_units: (tap.sizes().into_iter())
            .map(|(lane, kept)| (lane, kept.dropped_units))
            .collect(),
        ended: ended.collect(),
    }
}

fn download(name: &str, media: &str, body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_TYPE, media))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .body(body)
}

/// The units that a download is of, and what it says of itself beside them.
fn wanted(
    request: &HttpRequest,
    chosen: &Chosen,
    lab: &Lab,
) -> Result<(Vec<Unit>, About), Refusal> {
    let tap = own(request, lab)?;
    let units = chosen.units(&tap);
    let about = about(request, lab, &tap, &units);
    Ok((units, about))
}

pub async fn pcapng(
    request: HttpRequest,
    chosen: web::Query<Chosen>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let (units, about) = wanted(&request, &chosen, &worker.lab)?;
    let file = pcap::pcapng(&units, &about)
        .map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
    let media = "application/vnd.tcpdump.pcap";
    Ok(download("pushlab.pcapng", media, file))
}

pub async fn har(
    request: HttpRequest,
    chosen: web::Query<Chosen>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let (units, about) = wanted(&request, &chosen, &worker.lab)?;
    let file = har::har(&units, &about).to_string().into_bytes();
    Ok(download("pushlab.har", "application/json", file))
}
