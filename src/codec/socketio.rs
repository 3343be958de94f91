//! Socket.IO 5 packets (Socket.IO protocol v5, "Packet encoding"), above Engine.IO messages.
//!
//! ```text
//! packet = type [count "-"] [nsp ","] [id] [json]
//! 0{"token":"x"}   1   2["a",1]   2/admin,12["a",1]   3/admin,12["ok"]   4{"message":"no"}
//! 51-["a",{"_placeholder":true,"num":0}]  + one binary message
//! ```
//!
//! Reads what clients send ([`Assembler`]: packets and the attachments that follow them) and
//! writes what servers send. Arguments pass through as the JSON that they came as; only an event's
//! name is looked at, and, where attachments came, the placeholders. Not here: when a packet is
//! out of place (`protocol::socketio`).

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::{envelope, surrogates};

/// The namespace that is not named on the wire.
pub const MAIN: &str = "/";
/// Events that neither side may send (§ "Reserved event names").
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// Whether an event name belongs to the protocol itself.
pub fn is_reserved(event: &str) -> bool {
    RESERVED.contains(&event)
}

/// Bounds of what one client may have in the making.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Attachments of one packet.
    pub attachments_max: usize,
    /// Bytes of the attachments of one packet together.
    pub attachments_max_bytes: usize,
    /// Bytes of a namespace's name.
    pub namespace_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attachments_max: 10,
            attachments_max_bytes: 4 << 20,
            namespace_max_bytes: 256,
        }
    }
}

/// Arguments of an event or an acknowledgement: JSON as it came or is to go, with binary values
/// beside it, where the JSON has `{"_placeholder":true,"num":N}` in their place.
#[derive(Debug, Clone, Default)]
pub struct Args {
    json: Vec<Box<RawValue>>,
    attachments: Vec<Bytes>,
    /// None of it is the application's own data.
    is_envelope: bool,
}

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one argument. What cannot be JSON (a map with keys that are no strings) becomes null.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self.json
            .push(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()));
        self
    }

    /// Adds one argument that is JSON already.
    pub fn raw(mut self, json: &RawValue) -> Self {
        self.json.push(json.to_owned());
        self
    }

    /// Adds one binary argument.
    pub fn binary(mut self, bytes: impl Into<Bytes>) -> Self {
        let placeholder = self.attach(bytes);
        self.json(&placeholder)
    }

    /// Keeps a binary value and gives what stands for it anywhere inside an argument.
    pub fn attach(&mut self, bytes: impl Into<Bytes>) -> Value {
        self.attachments.push(bytes.into());
        serde_json::json!({"_placeholder": true, "num": self.attachments.len() - 1})
    }

    /// Counts all of it as envelope: positions, errors, what a protocol on Socket.IO adds.
    pub fn as_envelope(mut self) -> Self {
        self.is_envelope = true;
        self
    }

    /// Bytes of the JSON and of all attachments.
    pub fn len(&self) -> usize {
        self.json.len()
    }

    /// Whether there is no argument.
    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// An argument as the JSON that it is on the wire.
    pub fn get(&self, index: usize) -> Option<&RawValue> {
        self.json.get(index).map(|json| &**json)
    }

    /// An argument as a value of a type; `None` if it is missing or something else.
    pub fn read<T: DeserializeOwned>(&self, index: usize) -> Option<T> {
        serde_json::from_str(self.get(index)?.get()).ok()
    }

    /// An argument that is binary.
    pub fn bytes(&self, index: usize) -> Option<&Bytes> {
        let value: Value = self.read(index)?;
        self.attachments.get(placeholder(&value)?.ok()?)
    }

    /// Binary attachments, in the order of their placeholders.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// All but the first `n`, which must not be binary.
    pub fn skip(&self, n: usize) -> Self {
        Self {
            json: self.json.iter().skip(n).cloned().collect(),
            attachments: self.attachments.clone(),
            is_envelope: self.is_envelope,
        }
    }

    /// `[name, …]`, the arguments of an event as one list.
    pub fn as_list(&self, name: &str) -> Box<RawValue> {
        let mut list = Vec::new();
        encode_list(name, self, None, &mut list);
        // Made of a name and of what is JSON already.
        let list = String::from_utf8(list).ok();
        list.and_then(|list| RawValue::from_string(list).ok())
            .unwrap_or_else(|| RawValue::NULL.to_owned())
    }

    /// Bytes of the application's own data.
    pub fn payload_bytes(&self) -> usize {
        if self.is_envelope {
            return 0;
        }
        let json: usize = self.json.iter().map(|json| json.get().len()).sum();
        json + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }
}

impl From<Value> for Args {
    fn from(value: Value) -> Self {
        Self::new().json(&value)
    }
}

/// `Some` for an object that stands for a binary value; `Err` if it names none.
fn placeholder(value: &Value) -> Option<Result<usize, BadPacket>> {
    let object = value.as_object()?;
    if object.get("_placeholder") != Some(&Value::Bool(true)) {
        return None;
    }
    let number = object.get("num").and_then(Value::as_u64);
    Some(number.map(|n| n as usize).ok_or(BadPacket::Placeholder))
}

/// A packet that a client sent, with its attachments.
#[derive(Debug, Clone)]
pub struct Packet {
    /// `/` is the main one.
    pub namespace: Box<str>,
    /// What it says.
    pub body: Body,
}

/// What a packet says.
#[derive(Debug, Clone)]
pub enum Body {
    /// The auth data, an object; `None` if there was none.
    Connect(Option<Box<RawValue>>),
    /// `1`: the client leaves the namespace.
    Disconnect,
    /// `2` or `5`: an event, perhaps with attachments.
    Event {
        /// The event's name, the first of the array.
        name: Box<str>,
        /// The number to acknowledge it by, if that is wanted.
        id: Option<u64>,
        /// The arguments after the name.
        args: Args,
    },
    /// Without a number or arguments it answers nothing.
    Ack(Option<(u64, Args)>),
    /// An event whose JSON nests too deep, with the number to acknowledge it by: to be refused,
    /// for the connection is others' as well. Its attachments came and were not kept.
    TooDeep(Option<u64>),
}

/// Why a message is no packet, or none that a client may send here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// The first character is no packet type that a client sends.
    #[error("unknown packet type")]
    UnknownType,
    /// The number of attachments is no number, or without its dash.
    #[error("the number of attachments is missing or malformed")]
    Count,
    /// More attachments than a packet may have.
    #[error("too many attachments")]
    TooManyAttachments,
    /// The namespace is too long or does not end.
    #[error("a namespace's name is too long")]
    Namespace,
    /// The acknowledgement's id is no number, or too large.
    #[error("an acknowledgement's number is over 64 bits")]
    Id,
    /// What follows is no JSON array with a name first.
    #[error("the JSON is not complete, or not of the form that the type asks for")]
    Json,
    /// It nests deeper than the envelope's limit.
    #[error("the JSON nests too deep")]
    TooDeep,
    /// The event's name is one of the library's own (`connect`, `disconnect`, …).
    #[error("the event's name is reserved")]
    Reserved,
    /// A placeholder has no attachment, or is counted twice.
    #[error("a placeholder names no attachment")]
    Placeholder,
    /// Text came where an attachment was due.
    #[error("a text message came where an attachment was due")]
    AttachmentDue,
    /// A binary message came where none was due.
    #[error("a binary message came where none was due")]
    NoAttachmentDue,
}

/// A packet whose attachments are still to come.
#[derive(Debug)]
struct Pending {
    packet: Packet,
    missing: usize,
    bytes: usize,
}

/// Puts packets and their attachments together.
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    pending: Option<Pending>,
}

impl Assembler {
    /// An assembler that waits for no attachment.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pending: None,
        }
    }

    /// A text message came. `None`: its attachments are still to come.
    pub fn text(&mut self, text: &str) -> Result<Option<Packet>, BadPacket> {
        if self.pending.is_some() {
            return Err(BadPacket::AttachmentDue);
        }
        let (packet, attachments) = decode(text, &self.limits)?;
        if attachments == 0 {
            return Ok(Some(packet));
        }
        self.pending = Some(Pending {
            packet,
            missing: attachments,
            bytes: 0,
        });
        Ok(None)
    }

    /// A binary message came.
    pub fn binary(&mut self, bytes: Bytes) -> Result<Option<Packet>, BadPacket> {
        let pending = self.pending.as_mut().ok_or(BadPacket::NoAttachmentDue)?;
        pending.bytes += bytes.len();
        if pending.bytes > self.limits.attachments_max_bytes {
            return Err(BadPacket::TooManyAttachments);
        }
        if let Some(args) = args_mut(&mut pending.packet.body) {
            args.attachments.push(bytes);
        }
        pending.missing -= 1;
        if pending.missing > 0 {
            return Ok(None);
        }
        Ok(self.pending.take().map(|pending| pending.packet))
    }
}

fn args_mut(body: &mut Body) -> Option<&mut Args> {
    match body {
        Body::Event { args, .. } | Body::Ack(Some((_, args))) => Some(args),
        _ => None,
    }
}

/// A packet without its attachments, and how many follow.
fn decode(text: &str, limits: &Limits) -> Result<(Packet, usize), BadPacket> {
    let kind = *text.as_bytes().first().ok_or(BadPacket::UnknownType)?;
    let mut rest = text.get(1..).ok_or(BadPacket::UnknownType)?;
    let has_count = matches!(kind, b'5' | b'6');
    let attachments = if has_count {
        take_count(&mut rest, limits)?
    } else {
        0
    };
    let namespace = take_namespace(&mut rest, limits)?.into();
    let id = take_id(&mut rest)?;
    let json = surrogates::replace_lone(rest);
    if envelope::check_depth(json.as_bytes()).is_err() {
        let body = match kind {
            b'2' | b'5' => Body::TooDeep(id),
            // Nobody hears of it: whoever waits for it waits in vain.
            b'3' | b'6' => Body::Ack(None),
            _ => return Err(BadPacket::TooDeep),
        };
        return Ok((Packet { namespace, body }, attachments));
    }
    let body = match kind {
        b'0' => Body::Connect(auth(&json)?),
        b'1' if json.is_empty() => Body::Disconnect,
        b'2' | b'5' => event(&json, id)?,
        b'3' | b'6' => ack(&json, id)?,
        _ => return Err(BadPacket::UnknownType),
    };
    if attachments > 0 {
        check_placeholders(&json, attachments)?;
        if !matches!(body, Body::Event { .. } | Body::Ack(Some(_))) {
            return Err(BadPacket::Count);
        }
    }
    Ok((Packet { namespace, body }, attachments))
}

fn take_digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

fn take_count(rest: &mut &str, limits: &Limits) -> Result<usize, BadPacket> {
    let digits = take_digits(rest);
    *rest = rest.strip_prefix('-').ok_or(BadPacket::Count)?;
    if digits.is_empty() {
        return Err(BadPacket::Count);
    }
    match digits.parse() {
        Ok(count) if count <= limits.attachments_max => Ok(count),
        _ => Err(BadPacket::TooManyAttachments),
    }
}

fn take_namespace<'a>(rest: &mut &'a str, limits: &Limits) -> Result<&'a str, BadPacket> {
    if !rest.starts_with('/') {
        return Ok(MAIN);
    }
    let (name, after) = rest.split_once(',').unwrap_or((rest, ""));
    *rest = after;
    if name.len() > limits.namespace_max_bytes {
        return Err(BadPacket::Namespace);
    }
    Ok(name)
}

fn take_id(rest: &mut &str) -> Result<Option<u64>, BadPacket> {
    let digits = take_digits(rest);
    if digits.is_empty() {
        return Ok(None);
    }
    digits.parse().map(Some).map_err(|_| BadPacket::Id)
}

fn auth(json: &str) -> Result<Option<Box<RawValue>>, BadPacket> {
    if json.is_empty() {
        return Ok(None);
    }
    let auth: Box<RawValue> = serde_json::from_str(json).map_err(|_| BadPacket::Json)?;
    if !auth.get().starts_with('{') {
        return Err(BadPacket::Json);
    }
    Ok(Some(auth))
}

fn list(json: &str) -> Result<Vec<Box<RawValue>>, BadPacket> {
    serde_json::from_str(json).map_err(|_| BadPacket::Json)
}

fn event(json: &str, id: Option<u64>) -> Result<Body, BadPacket> {
    let mut list = list(json)?;
    if list.is_empty() {
        return Err(BadPacket::Json);
    }
    // A number is a legal name.
    let name = match serde_json::from_str(list.remove(0).get()) {
        Ok(Value::String(name)) => name,
        Ok(Value::Number(number)) => number.to_string(),
        _ => return Err(BadPacket::Json),
    };
    if is_reserved(&name) {
        return Err(BadPacket::Reserved);
    }
    let args = Args {
        json: list,
        ..Args::default()
    };
    Ok(Body::Event {
        name: name.into(),
        id,
        args,
    })
}

fn ack(json: &str, id: Option<u64>) -> Result<Body, BadPacket> {
    if json.is_empty() {
        return Ok(Body::Ack(None));
    }
    let args = Args {
        json: list(json)?,
        ..Args::default()
    };
    Ok(Body::Ack(id.map(|id| (id, args))))
}

/// Every placeholder, however deep, must name one of the attachments.
fn check_placeholders(json: &str, attachments: usize) -> Result<(), BadPacket> {
    fn check(value: &Value, attachments: usize) -> Result<(), BadPacket> {
        if let Some(number) = placeholder(value) {
            return match number? {
                number if number < attachments => Ok(()),
                _ => Err(BadPacket::Placeholder),
            };
        }
        match value {
            Value::Array(list) => list.iter().try_for_each(|v| check(v, attachments)),
            Value::Object(map) => map.values().try_for_each(|v| check(v, attachments)),
            _ => Ok(()),
        }
    }
    let value: Value = serde_json::from_str(json).map_err(|_| BadPacket::Json)?;
    check(&value, attachments)
}

/// Appends `type[nsp,]`.
fn encode_head(kind: &[u8], attachments: usize, namespace: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(kind);
    if attachments > 0 {
        out.extend_from_slice(format!("{attachments}-").as_bytes());
    }
    if namespace != MAIN {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
}

/// Writing our own types to memory cannot fail.
fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = serde_json::to_writer(out, value);
}

/// `0[nsp,]{"sid":…}`, with `pid` where state is kept for recovery.
pub fn encode_connect(namespace: &str, sid: &str, pid: Option<&str>, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Connected<'a> {
        sid: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<&'a str>,
    }
    encode_head(b"0", 0, namespace, out);
    json(out, &Connected { sid, pid });
}

/// `1[nsp,]`
pub fn encode_disconnect(namespace: &str, out: &mut Vec<u8>) {
    encode_head(b"1", 0, namespace, out);
}

/// `4[nsp,]{"message":…}`, with `data` where there is any. The namespace keeps its comma.
pub fn encode_connect_error(
    namespace: &str,
    message: &str,
    data: Option<&Value>,
    out: &mut Vec<u8>,
) {
    #[derive(Serialize)]
    struct Refused<'a> {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a Value>,
    }
    encode_head(b"4", 0, namespace, out);
    json(out, &Refused { message, data });
}

/// `2[nsp,][id]["name",…]`; `offset` is one more argument at the end. The attachments follow as
/// binary messages of their own.
pub fn encode_event(
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: &Args,
    offset: Option<&str>,
    out: &mut Vec<u8>,
) {
    let attachments = args.attachments.len();
    let kind = if attachments > 0 { b"5" } else { b"2" };
    encode_head(kind, attachments, namespace, out);
    if let Some(id) = id {
        out.extend_from_slice(id.to_string().as_bytes());
    }
    encode_list(name, args, offset, out);
}

fn encode_list(name: &str, args: &Args, offset: Option<&str>, out: &mut Vec<u8>) {
    out.push(b'[');
    json(out, name);
    for argument in &args.json {
        out.push(b',');
        out.extend_from_slice(argument.get().as_bytes());
    }
    if let Some(offset) = offset {
        out.push(b',');
        json(out, offset);
    }
    out.push(b']');
}

/// `3[nsp,]id[…]`
pub fn encode_ack(namespace: &str, id: u64, args: &Args, out: &mut Vec<u8>) {
    let attachments = args.attachments.len();
    let kind = if attachments > 0 { b"6" } else { b"3" };
    encode_head(kind, attachments, namespace, out);
    out.extend_from_slice(id.to_string().as_bytes());
    out.push(b'[');
    for (index, argument) in args.json.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(argument.get().as_bytes());
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Result<Option<Packet>, BadPacket> {
        Assembler::new(Limits::default()).text(text)
    }

    fn packet(text: &str) -> Packet {
        one(text).unwrap().unwrap()
    }

    /// Reads and writes again.
    fn echo(text: &str) -> String {
        let Packet { namespace, body } = packet(text);
        let mut out = Vec::new();
        match body {
            Body::Event { name, id, args } => {
                encode_event(&namespace, id, &name, &args, None, &mut out);
            }
            Body::Ack(Some((id, args))) => encode_ack(&namespace, id, &args, &mut out),
            Body::Disconnect => encode_disconnect(&namespace, &mut out),
            other => panic!("{other:?}"),
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_references_examples_come_back_as_they_were() {
        for text in [
            r#"2["a",1]"#,
            r#"2/admin,12["a",1]"#,
            r#"3/admin,12["ok"]"#,
            "30[]",
            "1",
            "1/admin,",
            r#"2["a",1e999,{"_placeholder":true,"num":9}]"#,
            r#"2["__proto__",{"__proto__":1}]"#,
        ] {
            assert_eq!(echo(text), text);
        }
        assert_eq!(echo("1/custom"), "1/custom,");
        assert_eq!(echo("3007[1]"), "37[1]");
        assert_eq!(
            echo(r#"218446744073709551615["a"]"#),
            r#"218446744073709551615["a"]"#
        );
    }

    #[test]
    fn connects_name_their_namespace_and_carry_auth() {
        for (text, namespace, auth) in [
            ("0", "/", None),
            ("0/", "/", None),
            ("0/,", "/", None),
            ("05", "/", None),
            ("0/custom", "/custom", None),
            ("0/custom?x=1,", "/custom?x=1", None),
            (
                r#"0/admin,{"token":"x"}"#,
                "/admin",
                Some(r#"{"token":"x"}"#),
            ),
        ] {
            let Packet {
                namespace: named,
                body: Body::Connect(given),
            } = packet(text)
            else {
                panic!("{text}");
            };
            assert_eq!(&*named, namespace);
            assert_eq!(given.as_ref().map(|given| given.get()), auth);
        }
    }

    #[test]
    fn bad_packets_are_named() {
        for (text, error) in [
            ("", BadPacket::UnknownType),
            ("7", BadPacket::UnknownType),
            ("é", BadPacket::UnknownType),
            (r#"4{"message":"x"}"#, BadPacket::UnknownType),
            (r#"0"s""#, BadPacket::Json),
            ("0[]", BadPacket::Json),
            ("0null", BadPacket::Json),
            ("0{", BadPacket::Json),
            (r#"1{"x":1}"#, BadPacket::UnknownType),
            ("2", BadPacket::Json),
            ("2[]", BadPacket::Json),
            ("2{}", BadPacket::Json),
            ("2null", BadPacket::Json),
            ("2[null]", BadPacket::Json),
            ("2[true]", BadPacket::Json),
            (r#"2["a""#, BadPacket::Json),
            (r#"2["a"]x"#, BadPacket::Json),
            (r#"2abc["a"]"#, BadPacket::Json),
            (r#"2-1["a"]"#, BadPacket::Json),
            (r#"21.5["a"]"#, BadPacket::Json),
            (r#"2["connect"]"#, BadPacket::Reserved),
            (r#"2["disconnecting",1]"#, BadPacket::Reserved),
            (r#"218446744073709551616["a"]"#, BadPacket::Id),
            ("3{}", BadPacket::Json),
            (r#"5["a"]"#, BadPacket::Count),
            (r#"5-["a"]"#, BadPacket::Count),
            (r#"51["a"]"#, BadPacket::Count),
            (r#"5 1-["a"]"#, BadPacket::Count),
            (r#"511-["a"]"#, BadPacket::TooManyAttachments),
            (
                r#"599999999999999999999-["a"]"#,
                BadPacket::TooManyAttachments,
            ),
            (r#"51-["a",{"_placeholder":true}]"#, BadPacket::Placeholder),
            (
                r#"51-["a",{"_placeholder":true,"num":-1}]"#,
                BadPacket::Placeholder,
            ),
            (
                r#"51-["a",{"_placeholder":true,"num":"0"}]"#,
                BadPacket::Placeholder,
            ),
            (
                r#"51-["a",[{"x":{"_placeholder":true,"num":1}}]]"#,
                BadPacket::Placeholder,
            ),
        ] {
            assert_eq!(one(text).unwrap_err(), error, "{text}");
        }
        let deep = format!("2[\"a\",{}{}]", "[".repeat(100_000), "]".repeat(100_000));
        assert!(
            matches!(one(&deep), Ok(Some(_))),
            "one event is refused, and no more"
        );
        let auth = format!("0{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(one(&auth).unwrap_err(), BadPacket::TooDeep);
        let long = format!("0/{}", "x".repeat(300));
        assert_eq!(one(&long).unwrap_err(), BadPacket::Namespace);
    }

    #[test]
    fn acknowledgements_of_nothing_are_nothing() {
        for text in ["3", "31", r#"3["x"]"#] {
            assert!(matches!(packet(text).body, Body::Ack(None)), "{text}");
        }
    }

    #[test]
    fn numbers_are_names() {
        let Body::Event { name, args, .. } = packet("2[1,2]").body else {
            panic!();
        };
        assert_eq!((&*name, args.read::<u8>(0)), ("1", Some(2)));
    }

    #[test]
    fn attachments_come_one_by_one() {
        let mut assembler = Assembler::new(Limits::default());
        let head =
            r#"52-/a,7["a",{"_placeholder":true,"num":1,"x":0},[{"_placeholder":true,"num":0}]]"#;
        assert!(assembler.text(head).unwrap().is_none());
        assert!(
            assembler
                .binary(Bytes::from_static(b"0"))
                .unwrap()
                .is_none()
        );
        let packet = assembler.binary(Bytes::from_static(b"1")).unwrap().unwrap();
        let Body::Event { id, args, .. } = packet.body else {
            panic!();
        };
        assert_eq!(id, Some(7));
        assert_eq!(args.bytes(0).unwrap().as_ref(), b"1");
        assert_eq!(args.bytes(1), None);
        let error = assembler.binary(Bytes::new()).unwrap_err();
        assert_eq!(error, BadPacket::NoAttachmentDue);
    }

    #[test]
    fn an_event_that_nests_too_deep_is_one_event() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let most = envelope::JSON_MAX_DEPTH - 1;
        let body = |levels| packet(&format!("2/a,7[\"e\",{}]", nested(levels))).body;
        assert!(matches!(body(100), Body::Event { .. }));
        assert!(matches!(body(most), Body::Event { .. }));
        assert!(matches!(body(most + 1), Body::TooDeep(Some(7))));
        let mut assembler = Assembler::new(Limits::default());
        let head = format!("52-[\"e\",{}]", nested(most + 1));
        assert!(assembler.text(&head).unwrap().is_none());
        assert!(assembler.binary(Bytes::new()).unwrap().is_none());
        let packet = assembler.binary(Bytes::new()).unwrap().unwrap();
        assert!(matches!(packet.body, Body::TooDeep(None)));
        assert!(
            assembler.text("2[\"e\"]").unwrap().is_some(),
            "and life goes on"
        );
    }

    #[test]
    fn what_disturbs_attachments_is_refused() {
        let head = r#"51-["a",{"_placeholder":true,"num":0}]"#;
        let mut assembler = Assembler::new(Limits::default());
        assembler.text(head).unwrap();
        assert_eq!(
            assembler.text("2[1]").unwrap_err(),
            BadPacket::AttachmentDue
        );
        let mut assembler = Assembler::new(Limits {
            attachments_max_bytes: 3,
            ..Limits::default()
        });
        assembler.text(head).unwrap();
        let error = assembler.binary(Bytes::from_static(b"1234")).unwrap_err();
        assert_eq!(error, BadPacket::TooManyAttachments);
    }

    #[test]
    fn a_count_of_zero_expects_nothing_and_unused_attachments_are_fine() {
        assert!(matches!(packet(r#"50-["a",1]"#).body, Body::Event { .. }));
        let mut assembler = Assembler::new(Limits::default());
        assembler.text(r#"51-["a"]"#).unwrap();
        assert!(assembler.binary(Bytes::new()).unwrap().is_some());
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        let Body::Event { args, .. } =
            packet(r#"2["a","\ud800x","\uDC00","\ud83d\ude00","\\ud800","\ud83d\n"]"#).body
        else {
            panic!();
        };
        let texts: Vec<String> = (0..5).map(|n| args.read(n).unwrap()).collect();
        let expected = ["\u{fffd}x", "\u{fffd}", "😀", "\\ud800", "\u{fffd}\n"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn what_a_server_says_reads_as_documented() {
        let mut out = Vec::new();
        encode_connect("/", "s", None, &mut out);
        out.push(b'|');
        encode_connect("/a", "s", Some("p"), &mut out);
        out.push(b'|');
        encode_connect_error("/x", "Invalid namespace", None, &mut out);
        out.push(b'|');
        let args = Args::from(serde_json::json!({"a": 1})).binary(&b"x"[..]);
        encode_event("/", None, "news", &args, Some("7-1"), &mut out);
        out.push(b'|');
        encode_ack("/a", 12, &Args::new().binary(&b"x"[..]), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"0{"sid":"s"}|0/a,{"sid":"s","pid":"p"}|4/x,{"message":"Invalid namespace"}"#,
                r#"|51-["news",{"a":1},{"_placeholder":true,"num":0},"7-1"]"#,
                r#"|61-/a,12[{"_placeholder":true,"num":0}]"#
            )
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9]{0,3}[-,/a\\[\\]{}\"\\\\ud80é]{0,40}") {
            let _ = one(&text);
        }
    }
}
