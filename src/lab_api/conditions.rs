//! Network conditions over HTTP: what there is, what holds, and changing it.
//!
//! ```text
//! GET    /api/conditions           {"catalogue":[…],"presets":[…],"lanes":[…]}
//! GET    /api/conditions/{lane}    {"lanes":[…]}, as the two below answer
//! PUT    /api/conditions/{lane}    {"conditions":"train tunnel","seed":7,"from_us":…}
//! DELETE /api/conditions/{lane}
//! ```
//!
//! `{lane}` may be `all`. `seed` is 1 unless given. `from_us`, in µs since the Unix epoch, is when
//! what happens at instants of its own (tunnels, cuts) begins to count; now, unless given. The
//! main lane has no conditions, so that they can always be lifted.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::{Deserialize, Serialize};

use super::no_store;
use crate::{
    catalogue::{self, LANES},
    error::{Code, Refusal},
    lab::Lab,
    lane::{
        LaneId,
        conditions::{self, Conditions, Key, Kind, LaneConditions, UNSET, presets},
    },
    registry::LaneWorker,
    transport::{http_api, wrong_method},
};

/// In place of a lane's name.
const ALL: &str = "all";

pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/conditions")
                .route(web::get().to(get))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/api/conditions/{lane}")
                .route(web::get().to(get_lanes))
                .route(web::put().to(put))
                .route(web::delete().to(delete))
                .default_service(wrong_method(&[Method::GET, Method::PUT, Method::DELETE])),
        );
}

/// A kind of condition as JSON.
#[derive(Serialize)]
struct KindView {
    name: &'static str,
    meaning: &'static str,
    example: &'static str,
    keys: Vec<KeyView>,
}

#[derive(Serialize)]
struct KeyView {
    name: &'static str,
    meaning: &'static str,
    /// As text; `null` where there is none.
    default: Option<&'static str>,
    /// It must be given.
    required: bool,
    unit: &'static str,
    /// Ends of the range, as text; `null` for a choice.
    least: Option<String>,
    most: Option<String>,
    choices: &'static [&'static str],
}

impl KindView {
    fn of(kind: &&'static Kind) -> Self {
        Self {
            name: kind.name,
            meaning: kind.meaning,
            example: kind.example,
            keys: kind.keys.iter().map(KeyView::of).collect(),
        }
    }
}

impl KeyView {
    fn of(key: &'static Key) -> Self {
        let ends = key.range.ends();
        Self {
            name: key.name,
            meaning: key.meaning,
            default: Some(key.default).filter(|text| !text.is_empty() && *text != UNSET),
            required: key.default.is_empty(),
            unit: key.range.unit(),
            least: ends.map(|(least, _)| least.to_string()),
            most: ends.map(|(_, most)| most.to_string()),
            choices: key.range.choices(),
        }
    }
}

/// What holds for a lane.
#[derive(Serialize)]
struct LaneView {
    lane: &'static str,
    label: &'static str,
    conditions: Option<InEffectView>,
}

#[derive(Serialize)]
struct InEffectView {
    /// As it was written.
    text: String,
    /// With presets taken apart.
    apart: String,
    seed: u64,
    since_us: u64,
    from_us: u64,
    /// Connections under them.
    connections: usize,
}

impl LaneView {
    fn of(lane: LaneId, conditions: &LaneConditions) -> Self {
        Self {
            lane: lane.0,
            label: catalogue::lane(lane.0).map_or(lane.0, |known| known.label),
            conditions: conditions.in_effect().map(|it| {
                let (since_us, from_us) = it.times_of_day_us();
                InEffectView {
                    text: it.conditions.to_string(),
                    apart: format!("{:#}", it.conditions),
                    seed: it.seed,
                    since_us,
                    from_us,
                    connections: conditions.open(),
                }
            }),
        }
    }
}

fn lanes(lab: &Lab, wanted: &[LaneId]) -> Vec<LaneView> {
    let mut views: Vec<_> = lab
        .conditions
        .lanes()
        .filter(|(lane, _)| wanted.contains(lane))
        .map(|(lane, conditions)| LaneView::of(lane, conditions))
        .collect();
    let place = |name: &str| LANES.iter().position(|lane| lane.id.0 == name);
    views.sort_by_key(|view| place(view.lane));
    views
}

async fn get(worker: web::Data<LaneWorker>) -> HttpResponse {
    #[derive(Serialize)]
    struct View {
        catalogue: Vec<KindView>,
        presets: &'static [presets::Preset],
        lanes: Vec<LaneView>,
    }
    let lab = &worker.lab;
    let all = lab.lanes_with_conditions();
    no_store().json(View {
        catalogue: conditions::ALL.iter().map(KindView::of).collect(),
        presets: presets::ALL,
        lanes: lanes(lab, &all),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    conditions: String,
    #[serde(default = "first_seed")]
    seed: u64,
    from_us: Option<u64>,
}

fn first_seed() -> u64 {
    1
}

/// What now holds for the lanes that were asked about.
#[derive(Serialize)]
struct Now {
    lanes: Vec<LaneView>,
}

async fn get_lanes(
    lane: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let lab = &worker.lab;
    let chosen = match &**lane {
        // None, on one port: pages ask again and again, and that is no mistake of theirs.
        ALL => lab.lanes_with_conditions(),
        name => choose(lab, name)?,
    };
    Ok(no_store().json(Now {
        lanes: lanes(lab, &chosen),
    }))
}

async fn put(
    request: HttpRequest,
    lane: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let lab = &worker.lab;
    let chosen = choose(lab, &lane)?;
    let body = http_api::body(&request, payload, lab.config.body_max_bytes).await?;
    let bad = |why: String| Refusal::new(Code::BadConditions, why);
    let wanted: Wanted =
        http_api::read_json(&body).map_err(|error| bad(format!("no conditions: {error}")))?;
    let conditions: Conditions = wanted
        .conditions
        .parse()
        .map_err(|error: conditions::BadConditions| bad(error.to_string()))?;
    for lane in &chosen {
        lab.conditions
            .put(*lane, conditions.clone(), wanted.seed, wanted.from_us);
    }
    Ok(no_store().json(Now {
        lanes: lanes(lab, &chosen),
    }))
}

async fn delete(
    request: HttpRequest,
    lane: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let lab = &worker.lab;
    let chosen = choose(lab, &lane)?;
    chosen.iter().for_each(|lane| lab.conditions.clear(*lane));
    Ok(no_store().json(Now {
        lanes: lanes(lab, &chosen),
    }))
}

/// The lanes that a request is about.
fn choose(lab: &Lab, name: &str) -> Result<Vec<LaneId>, Refusal> {
    let known = lab.lanes_with_conditions();
    let refuse = |why: String| Err(Refusal::new(Code::NoConditionsHere, why));
    if known.is_empty() {
        return refuse(
            "with --single-port every lane is on the main lane's port, which has no conditions"
                .to_owned(),
        );
    }
    if name == ALL {
        return Ok(known);
    }
    if name == LaneId::MAIN.0 {
        return refuse("the main lane has no conditions, so that it stays within reach".to_owned());
    }
    match known.iter().find(|lane| lane.0 == name) {
        Some(lane) => Ok(vec![*lane]),
        None => {
            let names: Vec<_> = known.iter().map(|lane| lane.0).collect();
            Err(Refusal::new(
                Code::UnknownLane,
                format!(
                    "there is no lane {name:?}; choose all, {}",
                    names.join(", ")
                ),
            ))
        }
    }
}
