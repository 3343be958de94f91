//! The pages of the experiments: the index by question ([`index`]), each at its own address
//! ([`one`]), and what they found of the two articles' claims ([`claims`]). What is shown of a
//! result comes from [`crate::experiments::html`]; E21 and E22 run in the visitor's own browser and
//! have only their text here.

mod claims;
mod index;
mod one;

use std::collections::BTreeMap;

use actix_web::{http::Method, web};

use crate::{
    lab_api::MainLane,
    saved::{document::Document, folder::Folder, of_experiments::Kept},
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/claims")
                .route(web::get().to(claims::page))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/experiments")
                .route(web::get().to(index::page))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/experiments/{id}")
                .route(web::get().to(one::page))
                .default_service(wrong_method(&[Method::GET])),
        );
}

/// Seconds as people say them.
pub(super) fn about(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

/// What the folder of saved results has of experiments, newest first; nothing where it cannot be
/// read, which the list of runs says.
pub(super) async fn kept(main: &web::Data<MainLane>) -> Vec<Kept> {
    on_disk(main, |saved| saved.of_experiments().unwrap_or_default()).await
}

/// Looks into the folder without holding up the worker.
pub(super) async fn on_disk<T: Send + Default + 'static>(
    main: &web::Data<MainLane>,
    look: impl FnOnce(&Folder) -> T + Send + 'static,
) -> T {
    let main = main.clone();
    let looked = web::block(move || look(&main.saved)).await;
    looked.unwrap_or_else(|error| {
        tracing::error!(%error, "saved results could not be looked at");
        T::default()
    })
}

/// A saved result, where it is one that can be read and of this experiment.
pub(super) fn read(saved: &Folder, kept: &Kept) -> Option<crate::experiments::CarriedOut> {
    match saved.read(&kept.id) {
        Ok(Document::Experiment(done)) if done.id == kept.experiment => Some(*done),
        _ => None,
    }
}

/// What came out of an experiment.
struct Carried {
    done: crate::experiments::CarriedOut,
    began: String,
}

/// By the experiment.
type Results = BTreeMap<String, Carried>;

/// The newest result of each experiment that can be read: one that was stopped early counts where
/// there is no other.
fn newest(saved: &Folder, kept: &[Kept]) -> Results {
    let mut all = Results::new();
    let (partial, whole): (Vec<&Kept>, Vec<&Kept>) = kept.iter().partition(|kept| kept.partial);
    for kept in whole.into_iter().chain(partial) {
        if all.contains_key(&kept.experiment) {
            continue;
        }
        if let Some(done) = read(saved, kept) {
            let began = kept.began();
            all.insert(kept.experiment.clone(), Carried { done, began });
        }
    }
    all
}
