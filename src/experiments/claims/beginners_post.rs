//! Article A, "Pusher vs Socket.io".

use super::{
    Claim,
    Shown::{ByExperiments, NotTestable, OnPage},
};

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "A1",
        text: "Without WebSockets you poll, \"which is inefficient and slow\".",
        theory: "Slow by half the interval, yes. Inefficient only while events are rarer than polls; \
            under a high load polling carries more than push that writes one by one.",
        shown: ByExperiments,
    },
    Claim {
        id: "A2",
        text: "Push sends \"instantly without the browser asking\".",
        theory: "After one way through the network and whatever queue or proxy is on it, on an event \
            stream as on a WebSocket.",
        shown: ByExperiments,
    },
    Claim {
        id: "A3",
        text: "Socket.io \"uses WebSockets\".",
        theory: "Half of it: by default it begins with long polling and then upgrades, and a plain \
            WebSocket client cannot join, since its packets are a protocol of their own.",
        shown: ByExperiments,
    },
    Claim {
        id: "A4",
        text: "With Socket.io you handle \"reconnects and edge cases\" yourself.",
        theory: "Its client reconnects by itself. Getting what was missed meanwhile is another thing, \
            and has to be switched on.",
        shown: ByExperiments,
    },
    Claim {
        id: "A5",
        text: "Socket.io gives control of auth, events, rooms and routing; Pusher gives less.",
        theory: "True of the interfaces: Socket.IO has acknowledgements, middleware and rooms of the \
            server's making, Channels has name prefixes and client events.",
        shown: OnPage {
            address: "/chat",
            what: "The same chat runs over both, and each lane shows its code beside the other's.",
        },
    },
    Claim {
        id: "A6",
        text: "Scaling Socket.io takes several servers, shared state and something like Redis.",
        theory: "True of broadcasts across servers: without a backplane half of two servers' clients \
            hear nothing. Its polling also needs requests to stay with one server.",
        shown: ByExperiments,
    },
    Claim {
        id: "A7",
        text: "With a hosted service, \"if traffic spikes, your app usually keeps working\".",
        theory: "The vendor's servers cannot be tested here. Any server sheds something under a spike: \
            connections, old messages or its clients' patience.",
        shown: ByExperiments,
    },
    Claim {
        id: "A8",
        text: "One call of trigger(channel, event, data) reaches everyone on the channel.",
        theory: "It is one signed HTTP request, and the fan-out is the server's: everybody who is \
            subscribed at that moment, nobody who is away.",
        shown: OnPage {
            address: "/console",
            what: "The console sends that call, signed, and its feed shows what became of it.",
        },
    },
    Claim {
        id: "A9",
        text: "io.emit reaches all connected clients.",
        theory: "The sender, too, unless it is left out; Channels leaves it out by its socket id.",
        shown: ByExperiments,
    },
    Claim {
        id: "A10",
        text: "You \"send your first event in under an hour\".",
        theory: "With a server that runs already it is a matter of minutes with either; what takes \
            hours comes after the first event.",
        shown: NotTestable(
            "It is about a person at work, not about a server; time yourself with the README's first \
             lines.",
        ),
    },
    Claim {
        id: "A11",
        text: "A common mistake is to ignore security and authorisation.",
        theory: "A private channel without a signature must be refused, and so must a forged one; a \
            WebSocket from another site is let in unless the server looks at its Origin.",
        shown: OnPage {
            address: "/console",
            what: "The console explains a signature step by step, and the lab refuses a wrong one.",
        },
    },
    Claim {
        id: "A12",
        text: "It is like a restaurant and a delivery service: the difference is who is responsible, \
            not speed.",
        theory: "Who restarts, who resumes and who stores is somebody's work with either; the lab can \
            show what has to be done, not who does it for what price.",
        shown: ByExperiments,
    },
];
