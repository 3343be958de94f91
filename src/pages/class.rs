//! The pages of a class: `/join` (how phones come in), `/phone` (a student's), `/wall` (the
//! projector's, read only) and `/presenter/class` (the wall with what only the presenter sees).
//!
//! What they show live is the state of the class, which their scripts ask `/api/class` for; what
//! only the presenter may do is below `/presenter/api/class`, where the presenter's cookie is sent.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use super::{Page, render};
use crate::{
    error::{Code, Refusal},
    lab_api::{
        MainLane,
        way_in::{self, ForPhones},
    },
    lessons::plans::{PLANS, Plan},
    qr::Qr,
    registry::LaneWorker,
    transport::wrong_method,
};

/// Before the lab's own API, whose scope takes every other address below `/presenter`.
pub fn configure(config: &mut web::ServiceConfig) {
    for (path, route) in [
        ("/join", web::get().to(join)),
        ("/join/qr.svg", web::get().to(picture)),
        ("/phone", web::get().to(phone)),
        ("/wall", web::get().to(wall)),
        ("/presenter/class", web::get().to(presenter)),
        ("/presenter/class/sequence", web::get().to(sequence)),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

#[derive(Template)]
#[template(path = "join.html")]
struct Join {
    page: Page,
    /// Of the class that is on.
    code: Option<String>,
    /// How many phones are in it.
    here: usize,
    /// Whether nobody else is let in.
    is_closed: bool,
    ways: Vec<Way>,
    /// Whether the lab lets nobody in but this machine.
    is_loopback: bool,
    /// What a firewall has to let in, from and to.
    ports: (u16, u16),
    scheme: &'static str,
    /// The certificate's, where lanes speak TLS.
    fingerprint: Option<String>,
    /// Whether the lab made the certificate itself.
    is_self_signed: bool,
    single_port: bool,
}

/// An address for phones, and its picture.
struct Way {
    phones: ForPhones,
    /// The QR code as SVG; only where a class is on.
    qr: Option<String>,
}

impl Join {
    /// Whether the address is one that phones are likely to reach, so that it may be shown unasked.
    fn is_reachable(&self) -> bool {
        self.ways.iter().any(|way| way.phones.is_likely)
    }
}

#[derive(Template)]
#[template(path = "phone.html")]
struct Phone {
    page: Page,
}

#[derive(Template)]
#[template(path = "wall.html")]
struct Wall {
    page: Page,
    /// Whether this is `/presenter/class`, for who leads.
    is_presenter: bool,
    /// That can be followed.
    plans: &'static [Plan],
}

/// `GET /join`: how phones come in, for the projector; on a phone, the way in.
async fn join(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    let lab = &worker.lab;
    main.way_in.note(lab.client_address(&request));
    let class = main.class_on();
    let code = class.as_ref().map(|class| class.code.clone());
    let way = |phones: ForPhones| Way {
        qr: code.as_deref().and_then(|code| drawn(&phones, Some(code))),
        phones,
    };
    let ways = main.way_in.for_phones_too(lab, &request);
    let page = Join {
        page: Page::new(&request, lab, "join", "Join the class"),
        is_closed: class.as_ref().is_some_and(|class| class.closed),
        here: class.map_or(0, |class| class.here),
        ways: ways.into_iter().map(way).collect(),
        code,
        is_loopback: main.way_in.is_loopback(),
        ports: way_in::ports(lab),
        scheme: lab.config.scheme(),
        fingerprint: main.way_in.tls_fingerprint.clone(),
        is_self_signed: lab.config.tls_self_signed,
        single_port: lab.config.single_port,
    };
    render(&request, page)
}

/// The QR code of an address; where no class is on, of the page that says so.
fn drawn(phones: &ForPhones, code: Option<&str>) -> Option<String> {
    let address = match code {
        Some(code) => way_in::phone_address(&phones.url, code),
        None => format!("{}/join", phones.url),
    };
    let qr = Qr::of(&address).ok()?;
    Some(qr.svg(&format!("QR code: {address}")))
}

#[derive(Deserialize)]
struct Of {
    /// As `GET /api/reach` names it; left out: the first of them.
    ip: Option<String>,
}

/// `GET /join/qr.svg?ip=192.168.1.7`: the QR code as a picture, for pages that have no address when
/// they are made.
async fn picture(
    request: HttpRequest,
    of: web::Query<Of>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let mut ways = main
        .way_in
        .for_phones_too(&worker.lab, &request)
        .into_iter();
    let found = match &of.ip {
        Some(ip) => ways.find(|phones| phones.ip == *ip),
        None => ways.next(),
    };
    let code = main.class_on().map(|class| class.code);
    let drawn = found.and_then(|phones| drawn(&phones, code.as_deref()));
    let svg = drawn.ok_or_else(|| {
        Refusal::new(
            Code::UnknownPath,
            "this machine has no such address for phones",
        )
        .with_hint("GET /api/reach lists them.")
    })?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/svg+xml"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(svg))
}

/// `GET /phone`, and `/phone?code=K4T7`, where the QR code leads to.
async fn phone(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    main.way_in.note(worker.lab.client_address(&request));
    let page = Page::new(&request, &worker.lab, "phone", "Class");
    render(&request, Phone { page })
}

/// `GET /wall`: for everybody to see, so it shows nothing that is the presenter's.
async fn wall(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "wall", "Wall");
    render(
        &request,
        Wall {
            page,
            is_presenter: false,
            plans: &[],
        },
    )
}

/// `GET /presenter/class`: refused without the presenter's token.
async fn presenter(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    require_presenter(&request, &worker)?;
    let page = Page::new(&request, &worker.lab, "presenter-class", "Lead the class");
    let wall = Wall {
        page,
        is_presenter: true,
        plans: &PLANS,
    };
    Ok(render(&request, wall))
}

#[derive(Template)]
#[template(path = "class-sequence.html")]
struct Sequence {
    page: Page,
}

/// `GET /presenter/class/sequence?phone=p7`: what one phone and the lab say to each other.
async fn sequence(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    require_presenter(&request, &worker)?;
    let page = Page::new(
        &request,
        &worker.lab,
        "presenter-class",
        "One phone's sequence",
    );
    Ok(render(&request, Sequence { page }))
}

fn require_presenter(request: &HttpRequest, worker: &LaneWorker) -> Result<(), Refusal> {
    if !worker.lab.presenter.is_shown(request) {
        let refusal = Refusal::new(
            Code::PresenterOnly,
            "this page leads the class, and needs the presenter's token",
        );
        return Err(refusal.with_hint(
            "Open the address that the lab printed in its terminal, which ends with \
             /presenter/unlock/TOKEN: it unlocks this browser and leads back here. Students go to \
             /join.",
        ));
    }
    Ok(())
}
