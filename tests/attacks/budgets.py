#!/usr/bin/env python3
"""Attacks on what a lab has only so much of: open files, time, memory.

    tests/attacks/budgets.py BINARY [sockets|silent|drips|readers|memory|histories|squat|names|scrapers ...]

Starts labs of its own on ports that the system chooses, with a data folder that is removed, and
speaks to 127.0.0.1 alone. Every attack is bounded in count and time; each prints a line of JSON.
Exit code: 0 every limit held, 1 one did not, 2 the arguments are wrong.
"""
import http.client, json, os, resource, selectors, shutil, signal, socket, subprocess, sys, tempfile, time

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MEMORY_BACK_MIB = 20
ROUNDS, CROWD = 5, 2000
APP = "attack-key"
SETTINGS = f"""
[[apps]]
id = "1"
key = "{APP}"
secret = "no secret"
"""


def get(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


def upgrade(path):
    return get(path, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
               f"Sec-WebSocket-Key: {KEY}")


def frame(text):
    """A masked text frame; the mask is zeros."""
    assert len(text) < 126
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()


def post(path, body=""):
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


SUBSCRIBE = frame('{"event":"pusher:subscribe","data":{"channel":"crowd"}}')
# What a client sends on each lane to be there and hear the channel `crowd`, or to be there at all.
LANES = {
    "short-poll": lambda n: get("/short-poll/crowd?history=1"),
    "long-poll": lambda n: get("/long-poll/crowd?hold_ms=20000"),
    "sse": lambda n: get("/sse/crowd"),
    "websocket": lambda n: upgrade("/ws/crowd"),
    "channels": lambda n: upgrade(f"/app/{APP}?protocol=7") + SUBSCRIBE,
    "channels-streaming": lambda n: post(f"/pusher/app/{APP}/1/s{n}/xhr_streaming?protocol=7"),
    "channels-polling": lambda n: post(f"/pusher/app/{APP}/1/p{n}/xhr?protocol=7"),
    "socketio-polling": lambda n: get("/socket.io/?EIO=4&transport=polling"),
    "socketio-websocket": lambda n: upgrade("/socket.io/?EIO=4&transport=websocket") + frame("40/lab,"),
}


class Lab:
    def __init__(self, binary, files=None, *flags):
        self.data = tempfile.mkdtemp(prefix="pushlab-attack-")
        def limit():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        with open(os.path.join(self.data, "attack.toml"), "w") as settings:
            settings.write(SETTINGS)
        command = [binary, "serve", "--port", "0", "--json", "--workers", "2",
                   "--log", "error", "--data-dir", self.data,
                   "--config", settings.name, *flags]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=limit)
        told = json.loads(self.child.stdout.readline())["listening"]
        self.ports = {lane["lane"]: int(lane["url"].rsplit(":", 1)[1]) for lane in told}

    def healthy(self):
        """Seconds until /healthz answered 200; None if it did not within five."""
        began = time.monotonic()
        good = self.answers("/healthz")
        return time.monotonic() - began if good else None

    def answers(self, path):
        try:
            asked = http.client.HTTPConnection("127.0.0.1", self.ports["main"], timeout=5)
            asked.request("GET", path)
            good = asked.getresponse().status == 200
            asked.close()
            return good
        except (OSError, http.client.HTTPException):
            return False

    def mib(self):
        with open(f"/proc/{self.child.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024

    def files(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
        shutil.rmtree(self.data, ignore_errors=True)


def dial(port, request):
    peer = socket.create_connection(("127.0.0.1", port), timeout=10)
    peer.sendall(request)
    return peer


def first_line(peer):
    try:
        peer.settimeout(5)
        return peer.recv(12).decode("latin1")[9:12] or "closed"
    except TimeoutError:
        return "hangs"
    except OSError:
        return "reset"


def sockets(binary):
    """1,000 WebSockets where 256 files may be open: nobody hangs, /healthz answers."""
    held = True
    for lane in ("websocket", "main"):
        with Lab(binary, 256) as lab:
            peers, slowest = [], 0
            for number in range(1000):
                peers.append(dial(lab.ports[lane], upgrade("/ws/attack")))
                if number % 100 == 99:
                    health = lab.healthy()
                    slowest = max(slowest, 99 if health is None else health)
            answers = [first_line(peer) for peer in peers]
            counts = {answer: answers.count(answer) for answer in sorted(set(answers))}
            health, most = lab.healthy(), lab.files()
            for peer in peers:
                peer.close()
            good = health is not None and slowest < 5 and "hangs" not in counts and counts.get("101", 0) > 50
            held &= good
            print(json.dumps({"attack": "sockets", "lane": lane, "held": good, "answers": counts, "files": most,
                              "healthz_ms": round(1000 * max(slowest, health or 99))}))
    return held


def drips(binary):
    """1,100 POSTs whose bodies drip, on every kind of route: each is ended within its time."""
    routes = [("main", "/api/channels/drip/publications"), ("channels", "/apps/demo/events"),
              ("main", "/pusher/auth"), ("main", "/nothing/here"), ("main", "/api/runs/import")]
    held = True
    for coding in ("Content-Length: 60000", "Transfer-Encoding: chunked"):
        with Lab(binary, None, "--body-timeout", "3s") as lab:
            peers = []
            for number in range(1100):
                lane, path = routes[number % len(routes)]
                head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{coding}\r\n\r\n"
                peers.append(dial(lab.ports[lane], head.encode()))
            drop = b"x" if "Length" in coding else b"1\r\nx\r\n"
            told, began, healths = {}, time.monotonic(), []
            open_ones = dict(enumerate(peers))
            for peer in peers:
                peer.setblocking(False)
            while open_ones and time.monotonic() - began < 20:
                for number, peer in list(open_ones.items()):
                    try:
                        heard = peer.recv(4096)
                        if heard:
                            told.setdefault(number, heard[9:12].decode("latin1"))
                        else:
                            del open_ones[number]
                            continue
                    except BlockingIOError:
                        pass
                    except OSError:
                        del open_ones[number]
                        continue
                    try:
                        peer.send(drop)
                    except BlockingIOError:
                        pass
                    except OSError:
                        pass
                healths.append(lab.healthy())
                time.sleep(0.5)
            took = time.monotonic() - began
            for peer in peers:
                peer.close()
            counts = {answer: list(told.values()).count(answer) for answer in sorted(set(told.values()))}
            good = not open_ones and None not in healths
            held &= good
            print(json.dumps({"attack": "drips", "coding": coding, "held": good, "left_open": len(open_ones),
                              "open_routes": sorted({routes[n % len(routes)][1] for n in open_ones}),
                              "answers": counts, "seconds": round(took, 1),
                              "healthz_ms": round(1000 * max(h or 99 for h in healths))}))
    return held


def readers(binary):
    """150 clients that ask and never read: each is ended within its time."""
    with Lab(binary, None, "--answer-timeout", "2s") as lab:
        peers = []
        for number in range(150):
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(("127.0.0.1", lab.ports["main"]))
            # Pipelined, so that there is more than the kernel keeps.
            peer.setblocking(False)
            asked = b"GET /static/vendor/pusher.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100
            try:
                peer.send(asked)
            except BlockingIOError:
                pass
            peers.append(peer)
        settled = time.monotonic() + 5
        while lab.files() < 150 and time.monotonic() < settled:
            time.sleep(0.05)
        began, before, most = time.monotonic(), lab.files(), 0
        while lab.files() > before - 140 and time.monotonic() - began < 30:
            most = max(most, lab.mib())
            time.sleep(0.5)
        good = lab.files() <= before - 140 and lab.healthy() is not None
        print(json.dumps({"attack": "readers", "held": good, "files": [before, lab.files()],
                          "seconds": round(time.monotonic() - began, 1), "peak_mib": round(most)}))
        for peer in peers:
            peer.close()
    return good


def silent(binary):
    """1,000 connections that never ask where 256 files may be open: they give way."""
    with Lab(binary, 256) as lab:
        peers = [dial(lab.ports["main"], b"GET /") for _ in range(1000)]
        began = time.monotonic()
        waited = None
        while time.monotonic() - began < 5:
            if lab.answers("/"):
                waited = time.monotonic() - began
                break
        for peer in peers:
            peer.close()
        good = waited is not None
        print(json.dumps({"attack": "silent", "held": good, "page_after_ms": round(1000 * (waited or 99))}))
    return good


def memory(binary):
    """Rounds in which a crowd comes to each of the first nine lanes, hears publications, and leaves."""
    with Lab(binary) as lab:
        lab.healthy()
        time.sleep(3)
        before, peak, after, refused = lab.mib(), 0, [], 0
        for _ in range(ROUNDS):
            for lane, asks in LANES.items():
                peers = [dial(lab.ports[lane], asks(number)) for number in range(CROWD)]
                publish(lab, "crowd", 2000, 20)
                time.sleep(0.5)
                peak = max(peak, lab.mib())
                refused += sum(first_line(peer) not in ("101", "200") for peer in peers[-20:])
                for peer in peers:
                    peer.close()
            # What Socket.IO clients may come back to is kept for two minutes, and the lab gives
            # memory back every minute after that.
            time.sleep(200)
            after.append(round(lab.mib(), 1))
        back = after[-1] - before
        good = back <= MEMORY_BACK_MIB and lab.healthy() is not None
        print(json.dumps({"attack": "memory", "held": good, "clients": ROUNDS * CROWD * len(LANES),
                          "refused": refused, "before_mib": round(before, 1), "peak_mib": round(peak, 1),
                          "after_rounds_mib": after, "kept_mib": round(back, 1)}))
    return good


def publish(lab, channel, size, count=1):
    """Over one connection, pipelined ten at a time."""
    peer = socket.create_connection(("127.0.0.1", lab.ports["main"]), timeout=30)
    asked = post(f"/api/channels/{channel}/publications", json.dumps({"event": "e", "data": "x" * size}))
    statuses = {}
    heard = b""
    for at in range(0, count, 10):
        some = min(10, count - at)
        peer.sendall(asked * some)
        while heard.count(b"HTTP/1.1 ") < some or not heard.endswith(b"}"):
            heard += peer.recv(65536)
        for part in heard.split(b"HTTP/1.1 ")[1:]:
            status = part[:3].decode()
            statuses[status] = statuses.get(status, 0) + 1
        heard = b""
    peer.close()
    return statuses


def histories(binary):
    """600 MB of publications into 10,000 channels: one budget holds, and nothing is refused."""
    with Lab(binary) as lab:
        before, peak, statuses, healths = lab.mib(), 0, {}, []
        for number in range(10000):
            for status, count in publish(lab, f"c{number}", 60000).items():
                statuses[status] = statuses.get(status, 0) + count
            if number % 500 == 0:
                peak = max(peak, lab.mib())
                healths.append(lab.healthy())
        peak = max(peak, lab.mib())
        good = None not in healths and peak - before < 2 * 128 and statuses == {"200": 10000}
        print(json.dumps({"attack": "histories", "held": good, "answers": statuses, "before_mib": round(before, 1),
                          "peak_mib": round(peak, 1), "healthz_ms": round(1000 * max(h or 99 for h in healths))}))
    return good


def squat(binary):
    """One address listens to thousands of channels; another still gets its own."""
    proxied = ("--trusted-proxies", "127.0.0.0/8")
    with Lab(binary, None, *proxied) as lab:
        def poll(name, address):
            peer = dial(lab.ports["short-poll"], get(f"/short-poll/{name}", f"X-Forwarded-For: {address}",
                                                     "Connection: close"))
            said = first_line(peer)
            peer.close()
            return said
        answers = {}
        for number in range(12000):
            said = poll(f"squat{number}", "192.0.2.1")
            answers[said] = answers.get(said, 0) + 1
        other = poll("mine", "192.0.2.2")
        good = other == "200" and answers.get("hangs", 0) == 0
        print(json.dumps({"attack": "squat", "held": good, "answers": answers, "another_address": other,
                          "mib": round(lab.mib(), 1)}))
    return good


def metrics(lab):
    asked = http.client.HTTPConnection("127.0.0.1", lab.ports["main"], timeout=30)
    asked.request("GET", "/metrics")
    text = asked.getresponse().read()
    asked.close()
    return text


def names(binary):
    """20,000 invented channel names: `/metrics` stays bounded."""
    with Lab(binary) as lab:
        before = lab.mib()
        for number in range(20000):
            publish(lab, f"invented{number}", 1)
        size = len(metrics(lab))
        good = size < 6 << 20 and lab.healthy() is not None
        print(json.dumps({"attack": "names", "held": good, "metrics_bytes": size,
                          "mib": [round(before, 1), round(lab.mib(), 1)]}))
    return good


def scrapers(binary):
    """150 readers of a large `/metrics` that do not read."""
    with Lab(binary) as lab:
        for number in range(2000):
            publish(lab, f"invented{number}", 1)
        size, before, peak = len(metrics(lab)), lab.mib(), 0
        peers = []
        for number in range(150):
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(("127.0.0.1", lab.ports["main"]))
            peer.sendall(get("/metrics"))
            peers.append(peer)
            peak = max(peak, lab.mib())
        for _ in range(10):
            time.sleep(0.2)
            peak = max(peak, lab.mib())
        health = lab.healthy()
        good = peak - before < 8 * size / (1 << 20) + 64 and health is not None
        print(json.dumps({"attack": "scrapers", "held": good, "metrics_bytes": size,
                          "before_mib": round(before, 1), "peak_mib": round(peak, 1),
                          "healthz_ms": round(1000 * (health or 99))}))
        for peer in peers:
            peer.close()
    return good


ATTACKS = {attack.__name__: attack for attack in
           (sockets, silent, drips, readers, memory, histories, squat, names, scrapers)}


def main():
    named = sys.argv[2:] or list(ATTACKS)
    if len(sys.argv) < 2 or not all(name in ATTACKS for name in named):
        print(__doc__, file=sys.stderr)
        return 2
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = [ATTACKS[name](sys.argv[1]) for name in named]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
