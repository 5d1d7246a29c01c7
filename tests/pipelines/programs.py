# SPDX-License-Identifier: Apache-2.0
"""Programs and servers that run beside a test."""

import http.server
import os
import pathlib
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CARS = ROOT / "pipelines" / "data" / "cars.mp4"
PATIENCE = 60  # seconds; machines differ
# What a program needs that does not look for this checkout's build by itself.
ENVIRONMENT = dict(os.environ, GST_PLUGIN_PATH=str(ROOT / "build" / "gst"),
                   GST_SAM2_CORE=str(ROOT / "build" / "src" / "libsam2core.so"),
                   GST_SAM2_MODEL_PATH=str(ROOT / "models"), OMP_WAIT_POLICY="passive")


def wait_for(condition, what):
    """What `condition` returns once it is true."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


def serve(test, kind, data, headers=(), stay=0):
    """The address of a server, and the list of requests as they come. Each answer is all of `data`,
    and nothing more for `stay` seconds (None: until the test ends), after which it breaks off."""
    requests, over = [], threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(200)
            for name, value in (("Content-Type", kind), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
            over.wait(stay)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    test.addCleanup(over.set)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/camera", requests


class Program:
    """Gathers the lines of standard output and error while it runs."""

    def __init__(self, test, *command, **environment):
        self.process = subprocess.Popen(
            list(map(str, command)), env={**ENVIRONMENT, **environment}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.out, self.err = [], []
        self.threads = [threading.Thread(target=target.extend, args=(stream,), daemon=True)
                        for target, stream in ((self.out, self.process.stdout),
                                               (self.err, self.process.stderr))]
        for thread in self.threads:
            thread.start()
        test.addCleanup(self.stop, signal.SIGKILL)

    def write(self, line):
        self.process.stdin.write(line + "\n")

    def wait_for_error(self, text, after=0):
        """The first line of standard error with this text, from line `after` on."""
        return wait_for(lambda: next((line for line in self.err[after:] if text in line), None),
                        f"'{text}' in {self.err}")

    def stop(self, number):
        """Ends it by a signal. Returns its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        status = self.process.wait(PATIENCE)
        for thread in self.threads:
            thread.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        return status
