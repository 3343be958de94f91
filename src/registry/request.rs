//! What handlers and middlewares need of a request.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, dev::ServiceRequest};

use crate::lane::meter::ConnectionMeter;

/// The meter of the connection that a request came by.
pub trait OfConnection {
    /// The meter; `None` where no lane accepted the connection, as in tests.
    fn meter(&self) -> Option<&Arc<ConnectionMeter>>;
}

impl OfConnection for HttpRequest {
    /// `None` for `HEAD`, too: the body that its answer leaves out must not be counted.
    fn meter(&self) -> Option<&Arc<ConnectionMeter>> {
        self.conn_data().filter(|_| !is_head(self))
    }
}

impl OfConnection for ServiceRequest {
    fn meter(&self) -> Option<&Arc<ConnectionMeter>> {
        self.conn_data()
    }
}

/// Marks a request that is routed as `GET` and was `HEAD`: nothing of the answer's body is sent.
pub struct AskedForHead;

/// Whether only the answer's head is requested.
pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().get::<AskedForHead>().is_some()
}
