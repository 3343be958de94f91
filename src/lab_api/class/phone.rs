//! What a phone says: it joins, and from then on its cookie says who it is.
//!
//! ```text
//! POST /api/class/join    {"code":"K4T7"}            → {"id":"p7","name":"Quiet Otter"} and a cookie
//! POST /api/class/name    {"name":"Ada"}             → {"name":"Ada"}
//! POST /api/class/guess   {"step":2,"guess":{"number":12.5}}     → 204
//! POST /api/class/answer  {"step":6,"choice":2}                  → 204
//! POST /api/class/report  {"visible":true,"state":"open",…}      → 204, every 2 s
//! ```
//!
//! A guess is of the step that `GET /api/class` names (else 409 `step_is_over`): `{"number":12.5}`,
//! `{"choices":[1]}`, `{"curve":[1,2,3]}`, `{"order":[2,1,3]}` or `{"unknown":true}`, as the step asks
//! (else 422 `bad_guess`). While the presenter keeps the door closed, whoever is not in is not let in (403
//! `door_closed`). While the presenter mutes or freezes the class, names, guesses and answers
//! are refused (409 `class_muted`, `class_frozen`), and reports are taken.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};

use super::{body, refusals::no_class, who};
use crate::{
    access::from_own_page,
    class::{Class, ClassError, ParticipantId, Report, guess::Guess},
    clock,
    error::{Code, Refusal},
    lab_api::{MainLane, class_room::now, no_store},
    registry::LaneWorker,
};

#[derive(Serialize)]
struct Joined {
    id: ParticipantId,
    name: String,
}

#[derive(Deserialize)]
struct Join {
    #[serde(default)]
    code: String,
    /// The key of the lab's stand-ins, and of nobody else ([`crate::access::own_key`]).
    #[serde(default)]
    stand_in: Option<String>,
}

pub async fn join(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    from_own_page(&request)?;
    let asked: Join = body(&request, payload, "{\"code\":\"K4T7\"}").await?;
    let room = &main.class;
    if let Ok(id) = who::phone(&request, room) {
        may_ask(&main, id)?;
        let again = |class: &Class| {
            class.participant(id).map(|one| Joined {
                id,
                name: one.name.clone(),
            })
        };
        if let Some(joined) = room.look(again).flatten() {
            return Ok(no_store().json(joined));
        }
    }
    let address = worker.lab.client_address(&request);
    let now_us = clock::now_us();
    // The right code is let in, whoever else mistypes behind the same address.
    let is_code = room.look(|class| class.is_code(&asked.code));
    if !is_code.ok_or_else(no_class)? {
        if !room.budgets.may_try(address, now_us) {
            return Err(Refusal::new(
                Code::TooManyWrongCodes,
                "too many wrong codes came from this address",
            ));
        }
        room.budgets.note_wrong_code(address, now_us);
        return Err(Refusal::new(
            Code::WrongClassCode,
            "this is not the code of the class",
        ));
    }
    let stands_in = worker.lab.stand_ins_key.is(asked.stand_in.as_deref());
    room.look(|class| class.lets_in(stands_in))
        .ok_or_else(no_class)??;
    let is_led = request.headers().contains_key(header::AUTHORIZATION)
        && worker.lab.presenter.is_shown(&request);
    if !is_led && !room.budgets.may_join(address, now_us) {
        return Err(Refusal::new(
            Code::TooManyJoin,
            "too many phones join from this address at once",
        ));
    }
    let token = who::new_token();
    let joined = room.change(|class| {
        // Another class may have begun since.
        if !class.is_code(&asked.code) {
            return Err(Refusal::new(
                Code::WrongClassCode,
                "this is not the code of the class",
            ));
        }
        class.lets_in(stands_in)?;
        let own = class.id().to_owned();
        let joined = class.join(who::hash(&token), rand::random(), now())?;
        let joined = Joined {
            id: joined.id,
            name: joined.name.clone(),
        };
        if stands_in {
            class.stands_in(joined.id)?;
        }
        Ok((own, joined))
    });
    let (class, joined) = joined.ok_or_else(no_class)??;
    room.note_address(joined.id, &request, address);
    let cookie = who::cookie(&class, &token, worker.lab.config.is_tls());
    Ok(no_store()
        .insert_header((header::SET_COOKIE, cookie))
        .json(joined))
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

pub async fn name(
    request: HttpRequest,
    payload: web::Payload,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Named {
        name: String,
    }
    let id = speaks(&request, &main)?;
    let asked: Name = body(&request, payload, "{\"name\":\"Ada\"}").await?;
    let name = by(&request, &main, id, |class| {
        class.rename(id, &asked.name).map(str::to_owned)
    })?;
    Ok(no_store().json(Named { name }))
}

#[derive(Deserialize)]
struct Guessed {
    step: usize,
    guess: Guess,
}

pub async fn guess(
    request: HttpRequest,
    payload: web::Payload,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let id = speaks(&request, &main)?;
    let like = "{\"step\":2,\"guess\":{\"number\":12.5}}, with \"choices\", \"curve\", \"order\" or \
                \"unknown\":true as the step asks";
    let asked: Guessed = body(&request, payload, like).await?;
    by(&request, &main, id, |class| {
        class.guess(id, asked.step, asked.guess)
    })?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
struct Answered {
    step: usize,
    choice: usize,
}

pub async fn answer(
    request: HttpRequest,
    payload: web::Payload,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let id = speaks(&request, &main)?;
    let asked: Answered = body(&request, payload, "{\"step\":6,\"choice\":2}").await?;
    by(&request, &main, id, |class| {
        class.answer(id, asked.step, asked.choice)
    })?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn report(
    request: HttpRequest,
    payload: web::Payload,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let id = speaks(&request, &main)?;
    let asked: Report = body(&request, payload, "{\"visible\":true,\"state\":\"open\"}").await?;
    by(&request, &main, id, |class| class.report(id, asked, now()))?;
    Ok(HttpResponse::NoContent().finish())
}

/// The phone that speaks, within its budget.
fn speaks(request: &HttpRequest, main: &MainLane) -> Result<ParticipantId, Refusal> {
    from_own_page(request)?;
    let id = who::phone(request, &main.class)?;
    may_ask(main, id)?;
    Ok(id)
}

fn may_ask(main: &MainLane, id: ParticipantId) -> Result<(), Refusal> {
    match main.class.budgets.may_ask(id, clock::now_us()) {
        true => Ok(()),
        false => Err(Refusal::new(
            Code::TooFast,
            "a phone asks 20 times a second at most; wait a second",
        )
        .with_hint("Wait a second, then send the newest alone.")),
    }
}

/// Does it, if the phone is still the one whose cookie was shown: while its body came, the class may
/// have become another, in which another phone has this id.
fn by<T>(
    request: &HttpRequest,
    main: &MainLane,
    id: ParticipantId,
    act: impl FnOnce(&mut Class) -> Result<T, ClassError>,
) -> Result<T, Refusal> {
    let done = main.class.change(|class| {
        who::is_phone(request, class, id)?;
        class.heard_of(id, now());
        act(class).map_err(Refusal::from)
    });
    done.ok_or_else(no_class)?
}
