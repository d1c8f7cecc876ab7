"""A reader's script as an author would write it: the standard library only. Its request says how it shall behave."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path


def main() -> None:
    request = json.loads(sys.stdin.readline())
    how = request["how"]
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:

        def send(header: object, payload: bytes = b"") -> None:
            text = header if isinstance(header, bytes) else json.dumps(header).encode()
            pipe.write(struct.pack("<IQ", len(text), len(payload)) + text + payload)
            pipe.flush()

        sys.stdout.write("words of a reader go to the log, not into the stream\n")
        if how == "count":
            for number in range(request["items"]):
                send({"number": number, "é": "ü"}, bytes([number]) * number)
            send({"end": request["items"]})
        elif how == "talk":
            while request:
                send({"said": request["said"]})
                send({"end": 1} if request["said"] != "no" else {"error": "NoMore", "message": "enough"})
                line = sys.stdin.readline()
                request = json.loads(line) if line else None
        elif how == "look":
            try:
                socket.create_connection(("127.0.0.1", request["port"]), timeout=2).close()
                reached = True
            except OSError:
                reached = False
            own = {"home": str(Path.home()), "path": sys.path[0], "modules": "catchment" in sys.modules}
            own["environment"] = sorted(os.environ)
            send({"reached": reached, "pid": os.getpid(), **own})
            send({"end": 1})
        elif how == "die":
            send({"number": 0})
            os.kill(os.getpid(), signal.SIGSEGV)
        elif how == "leave":
            send({"number": 0})
        elif how == "cut":
            pipe.write(struct.pack("<IQ", 2, 1_000) + b"{}" + b"x" * 10)
        elif how == "lose":
            send({"number": 0})
            send({"end": 2})
        elif how == "garbage":
            pipe.write(b"Traceback (most recent call last): no")
        elif how == "no-json":
            send(b"\xff\xfe{")
        elif how == "deep":
            send(b"[" * 100_000)
        elif how == "list":
            send([1, 2])
        elif how == "large":
            pipe.write(struct.pack("<IQ", 2, 1 << 62) + b"{}")
        elif how == "say":
            send({"error": request["error"], "message": "\ud800 scan 7"})
        elif how == "memory":
            try:
                kept = bytearray(4_000_000_000)
                send({"number": len(kept)})
            except MemoryError:
                send({"error": "MemoryError"})
        elif how == "spin":
            while True:
                pass
        elif how == "wait":
            send({"pid": os.getpid()})
            time.sleep(60)


if __name__ == "__main__":
    main()
