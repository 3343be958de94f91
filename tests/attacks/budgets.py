#!/usr/bin/env python3
"""Attacks on what a lab has only so much of: open files, time, memory.

    tests/attacks/budgets.py BINARY [sockets|drips|readers|memory ...]

Starts labs of its own on ports that the system chooses, with a data folder that is removed, and
speaks to 127.0.0.1 alone. Every attack is bounded in count and time; each prints a line of JSON.
Exit code: 0 every limit held, 1 one did not, 2 the arguments are wrong.
"""
import http.client, json, os, resource, selectors, shutil, signal, socket, subprocess, sys, tempfile, time

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MEMORY_BACK_MIB = 20
ROUNDS, CROWD = 5, 2000
LANES = [("short-poll", "/short-poll/crowd?history=1"), ("long-poll", "/long-poll/crowd?hold_ms=20000"),
         ("sse", "/sse/crowd"), ("websocket", "/ws/crowd")]


class Lab:
    def __init__(self, binary, files=None, *flags):
        self.data = tempfile.mkdtemp(prefix="pushlab-attack-")
        def limit():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        command = [binary, "serve", "--port", "0", "--json", "--workers", "2",
                   "--log", "error", "--data-dir", self.data, *flags]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=limit)
        told = json.loads(self.child.stdout.readline())["listening"]
        self.ports = {lane["lane"]: int(lane["url"].rsplit(":", 1)[1]) for lane in told}

    def healthy(self):
        """Seconds until /healthz answered 200; None if it did not within five."""
        began = time.monotonic()
        try:
            asked = http.client.HTTPConnection("127.0.0.1", self.ports["main"], timeout=5)
            asked.request("GET", "/healthz")
            good = asked.getresponse().status == 200
            asked.close()
        except OSError:
            good = False
        return time.monotonic() - began if good else None

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


def upgrade(path):
    return (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n").encode()


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
            asked = b"GET /static/img/compare.png HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100
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


def memory(binary):
    """Rounds of clients on four lanes that come, hear publications, and leave."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Lab(binary) as lab:
        lab.healthy()
        time.sleep(3)
        before, peak, after = lab.mib(), 0, []
        for _ in range(ROUNDS):
            peers = []
            for number in range(CROWD):
                lane, path = LANES[number % len(LANES)]
                if lane == "websocket":
                    request = upgrade(path)
                else:
                    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
                peers.append(dial(lab.ports[lane], request))
            for number in range(20):
                asked = http.client.HTTPConnection("127.0.0.1", lab.ports["main"], timeout=10)
                asked.request("POST", "/api/channels/crowd/publications",
                              json.dumps({"event": "news", "data": "x" * 2000}))
                asked.getresponse().read()
                asked.close()
            time.sleep(1)
            peak = max(peak, lab.mib())
            for peer in peers:
                peer.close()
            time.sleep(8)
            after.append(round(lab.mib(), 1))
        back = after[-1] - before
        good = back <= MEMORY_BACK_MIB and lab.healthy() is not None
        print(json.dumps({"attack": "memory", "held": good, "clients": ROUNDS * CROWD, "before_mib": round(before, 1),
                          "peak_mib": round(peak, 1), "after_rounds_mib": after, "kept_mib": round(back, 1)}))
    return good


ATTACKS = {"sockets": sockets, "drips": drips, "readers": readers, "memory": memory}


def main():
    named = sys.argv[2:] or list(ATTACKS)
    if len(sys.argv) < 2 or not all(name in ATTACKS for name in named):
        print(__doc__, file=sys.stderr)
        return 2
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    held = [ATTACKS[name](sys.argv[1]) for name in named]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
