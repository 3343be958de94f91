//! What handlers and middlewares need of a request.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, dev::ServiceRequest};

use crate::lane::{meter::ConnectionMeter, seats::Seat};

/// What is known of the connection that a request came by; `None` where no lane accepted it, as in
/// tests.
pub trait OfConnection {
    /// Its meter.
    fn meter(&self) -> Option<Arc<ConnectionMeter>>;

    /// Its seat.
    fn seat(&self) -> Option<Arc<Seat>>;
}

/// The same, kept with a request that the lane has read itself. What actix-http has read keeps it
/// as data of the connection, which nobody else can set.
pub struct ReadHere {
    /// Of its connection.
    pub meter: Arc<ConnectionMeter>,
    /// Of its connection.
    pub seat: Option<Arc<Seat>>,
}

/// From where the one or the other keeps it.
fn kept<T: Clone + 'static>(
    request: &HttpRequest,
    here: impl FnOnce(&ReadHere) -> Option<T>,
) -> Option<T> {
    let by_connection = request.conn_data::<T>().cloned();
    by_connection.or_else(|| request.extensions().get::<ReadHere>().and_then(here))
}

impl OfConnection for HttpRequest {
    /// `None` for `HEAD`, too: the body that its answer leaves out must not be counted.
    fn meter(&self) -> Option<Arc<ConnectionMeter>> {
        match is_head(self) {
            true => None,
            false => kept(self, |here| Some(here.meter.clone())),
        }
    }

    fn seat(&self) -> Option<Arc<Seat>> {
        kept(self, |here| here.seat.clone())
    }
}

impl OfConnection for ServiceRequest {
    fn meter(&self) -> Option<Arc<ConnectionMeter>> {
        kept(self.request(), |here| Some(here.meter.clone()))
    }

    fn seat(&self) -> Option<Arc<Seat>> {
        self.request().seat()
    }
}

/// Marks a request that is routed as `GET` and was `HEAD`: nothing of the answer's body is sent.
pub struct AskedForHead;

/// Whether only the answer's head is requested.
pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().get::<AskedForHead>().is_some()
}
