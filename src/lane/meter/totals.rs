//! What is counted, declared once: the counter that a connection's thread writes, and the sum that
//! readers get.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::wire::Layers;

/// Declares the counters once: in the meter (atomic), in totals (plain), and the ways between.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        #[derive(Debug, Default)]
        pub struct Counters { $(pub $name: AtomicU64),+ }

        /// Sums since the start.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Totals { $($(#[$doc])* pub $name: u64),+ }

        impl Counters {
            /// In the order of declaration: parts before what they are parts of.
            pub fn read(&self) -> Totals {
                Totals { $($name: self.$name.load(Ordering::Acquire)),+ }
            }
        }

        impl Totals {
            /// Adds `other` to this.
            pub fn add(&mut self, other: &Totals) {
                $(self.$name += other.$name;)+
            }

            /// What came since `earlier`; saturating.
            pub fn since(&self, earlier: &Totals) -> Totals {
                Totals { $($name: self.$name.saturating_sub(earlier.$name)),+ }
            }
        }
    };
}

counters! {
    // Read in this order: what is counted last is read first, so that no reader sees a delivery
    // before its bytes.
    /// Answers to polls that carried no publication.
    empty_answers,
    /// Publications that the kernel took to the last byte.
    delivered,
    /// Of `bytes_up`, by layer; the rest is HTTP headers.
    framing_up,
    /// What the protocol says around the data.
    protocol_up,
    /// The lab's instants.
    lab_up,
    /// The data.
    payload_up,
    /// What compression took off the layers before.
    saved_up,
    /// Of `bytes_down`, by layer; the rest is HTTP headers.
    framing_down,
    /// What the protocol says around the data.
    protocol_down,
    /// The lab's instants.
    lab_down,
    /// The data.
    payload_down,
    /// What compression took off the layers before.
    saved_down,
    /// Calls that wrote to the socket.
    writes,
    /// Requests whose head was read.
    requests,
    /// Publications that clients sent.
    received,
    /// Publications that were queued for a subscriber and not delivered.
    drops,
    /// Application bytes read from the socket, all layers.
    bytes_up,
    /// Application bytes that the kernel took, all layers; with TLS, those whose record it took
    /// whole.
    bytes_down,
    /// Bytes on the socket where it speaks TLS: `bytes_up` and `bytes_down` encrypted, with the
    /// handshake and everything else of TLS. 0 without it.
    tls_up,
    /// As `tls_up`, the other way.
    tls_down,
    /// Connections that were accepted.
    connections_opened,
    /// TCP segments from the client, acknowledgements included; by `TCP_INFO`, or by the model.
    segments_up,
    /// TCP segments to the client.
    segments_down,
    /// Payload bytes that the kernel sent again.
    retransmitted_down,
}

impl Totals {
    /// All bytes that TCP carried, up and down: encrypted where there is TLS.
    pub fn carried(&self) -> (u64, u64) {
        (
            self.bytes_up.max(self.tls_up),
            self.bytes_down.max(self.tls_down),
        )
    }

    /// `bytes_up` by layer; what is missing from their sum is HTTP's heads.
    pub fn layers_up(&self) -> Layers {
        Layers {
            framing: self.framing_up,
            protocol: self.protocol_up,
            lab: self.lab_up,
            payload: self.payload_up,
            saved: self.saved_up,
        }
    }

    /// `bytes_down` by layer; what is missing from their sum is HTTP's heads.
    pub fn layers_down(&self) -> Layers {
        Layers {
            framing: self.framing_down,
            protocol: self.protocol_down,
            lab: self.lab_down,
            payload: self.payload_down,
            saved: self.saved_down,
        }
    }
}
